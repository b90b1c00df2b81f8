"""How long verbs take from nothing, and how much memory, beside a Python that imports PyTorch.

    python3 Benchmarks/startup.py [--binary .build/release/directions] [--turns 7]

In a workspace of its own with 400 latents, 32 of them scored, and one direction. Each verb is a process of its own; the sides
take turns. Seconds by the clock and of processor time: the best turn. Memory: the largest resident set of any turn.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time


def run(words):
    """Seconds by the clock, of processor time, and megabytes at the peak."""
    start = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, use = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words)}: failed with status {status}")
    return time.perf_counter() - start, use.ru_utime + use.ru_stime, use.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=".build/release/directions")
    parser.add_argument("--turns", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DIRECTIONS_WORKSPACE"] = folder

        def verb(text):
            return [arguments.binary] + [word.replace("FOLDER", folder) for word in text.split(" ")]

        for text in ["import default", "sample --count 400", "score --limit 32", "select --attr smiling --top 8",
                     "fit --attr smiling", "pack --direction smiling --name mine"]:
            run(verb(text))
        verbs = ["--version", "--help", "status", "query smiling>0.5", "show smiling", "verify smiling", "sample --count 400",
                 "fit --attr smiling", "synth --seed 1 --out FOLDER/a.png",
                 "edit --direction smiling --strength 2 --unit sigma --seed 1 --out FOLDER/b.png", "score --limit 1"]
        commands = {text.replace("FOLDER/", ""): verb(text) for text in verbs}
        commands["python -c 'import torch'"] = [sys.executable, "-c", "import torch"]
        results = {name: [] for name in commands}
        for _ in range(arguments.turns):
            for name, words in commands.items():
                results[name].append(run(words))
    print(f"{'':72}  seconds   CPU s  peak MB")
    for name, turns in results.items():
        best = [min(turn[i] for turn in turns) for i in range(2)]
        print(f"{name:72} {best[0]:8.3f} {best[1]:7.3f} {max(turn[2] for turn in turns):8.0f}")


if __name__ == "__main__":
    main()
