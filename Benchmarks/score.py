"""`score` end to end against synthesis and classifier alone.

    python3 Benchmarks/score.py [--binary .build/release/directions] [--count 960] [--json FILE]

The parts: `bench-synthesis` makes the same number of faces at the scoring size in batches of the same length,
`bench-classifier` says how many faces a second a network like the shipped one judges, each with its mirror image; one after the
other they take the sum of both. The parts and the whole take turns. Then the whole once more on one core and on all, each several times the same faces: the hours that
500,000 faces would take, measured for these core counts and, for larger ones, at the same rate for each core.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time


def run(command, text=None):
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    output, _ = process.communicate(text)
    if process.returncode != 0:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - start, output


def rate_on(options, cores):
    """Images/s of `score` held to so many cores, the start of the program left out by timing two lengths."""
    all_cores = sorted(os.sched_getaffinity(0))
    best = 0
    with tempfile.TemporaryDirectory() as folder:
        def command(*words):
            return [options.binary, *words, "--workspace", folder]

        run(command("import", "default", "--wheel", options.wheel))
        run(command("sample", "--count", str(8 * options.count)))
        try:
            os.sched_setaffinity(0, all_cores[:cores])
            for _ in range(2):
                short = run(command("score", "--limit", str(options.batch), "--threads", str(cores)))[0]
                long = run(command("score", "--limit", str(options.count // 2), "--threads", str(cores)))[0]
                best = max(best, (options.count // 2 - options.batch) / (long - short))
        finally:
            os.sched_setaffinity(0, all_cores)
    return best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=".build/release/directions")
    parser.add_argument("--wheel", default=".cache/random_face-2021.7.21.1-py3-none-any.whl")
    parser.add_argument("--count", type=int, default=960)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=256, help="the smallest synthesis size not below the shipped classifier's 160")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--json")
    options = parser.parse_args()
    threads = len(os.sched_getaffinity(0))
    wholes, parts, memory = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        def command(*words):
            return [options.binary, *words, "--workspace", folder]

        run(command("import", "default", "--wheel", options.wheel))
        run(command("sample", "--count", str(options.count * options.turns + 16)))
        run(command("score", "--limit", "16"))[0]
        for _ in range(options.turns):
            start = time.perf_counter()
            process = subprocess.Popen(
                command("score", "--limit", str(options.count)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            if status != 0:
                raise SystemExit("score failed")
            wholes.append(options.count / (time.perf_counter() - start))
            memory = max(memory, usage.ru_maxrss / 1024)
            lines = f"{options.batch} {options.size} 0\n" * (options.count // options.batch)
            answers = run(command("bench-synthesis", "--threads", str(threads)), lines)[1].splitlines()
            synthesis = options.count / sum(json.loads(line)["wall"] for line in answers)
            judged = json.loads(run([options.binary, "bench-classifier", "--arch", "efficientnet_lite0", "--rounds", "3",
                                     "--threads", str(threads)])[1])
            parts.append((synthesis, judged["inference"] / 2))
    synthesis = statistics.median(part[0] for part in parts)
    inference = statistics.median(part[1] for part in parts)
    alone = 1 / (1 / synthesis + 1 / inference)
    whole = statistics.median(wholes)
    result = {"score": whole, "synthesis": synthesis, "classifier": inference, "alone": alone, "ratio": whole / alone,
              "memory": memory, "hours for 500,000": 500_000 / whole / 3600, "threads": threads}
    print(f"score: {whole:.2f} images/s end to end (start of the program included), peak memory {memory:.0f} MB")
    print(f"synthesis alone {synthesis:.2f}, classifier alone {inference:.1f}, one after the other {alone:.2f} images/s; "
          f"ratio {whole / alone:.2f}")
    rates = {count: rate_on(options, count) for count in sorted({1, threads})}
    each = rates[threads] / threads
    print(f"its start left out (two lengths): {rates[threads]:.2f} images/s, ratio {rates[threads] / alone:.2f}")
    print("cores   images/s   hours for 500,000 faces")
    for count in sorted({1, 2, 4, 8, 16, 32, 64} | set(rates)):
        rate = rates.get(count, each * count)
        note = "measured" if count in rates else f"at {each:.2f} images/s a core"
        print(f"{count:5} {rate:10.1f} {500_000 / rate / 3600:14.1f}   ({note})")
    result["steady ratio"] = rates[threads] / alone
    result["rates"] = {str(count): rate for count, rate in rates.items()}
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=2, sort_keys=True)


if __name__ == "__main__":
    main()
