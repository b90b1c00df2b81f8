"""A clean build of the command, packages already fetched, at this commit and at an earlier one.

    python3 Benchmarks/build.py [--before 60bd307] [--turns 2]

Both are cloned into a folder of their own, and take turns: `swift build -c release --product directions`.
"""
import argparse
import glob
import os
import resource
import shutil
import subprocess
import tempfile
import time


def build(folder):
    """Seconds by the clock and of processor time of a build from nothing."""
    for name in glob.glob(folder + "/.build/*"):
        if os.path.basename(name) not in ("checkouts", "repositories", "artifacts", "workspace-state.json"):
            shutil.rmtree(name) if os.path.isdir(name) and not os.path.islink(name) else os.remove(name)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    words = ["swift", "build", "-c", "release", "--product", "directions"]
    subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--before", default="60bd307")
    parser.add_argument("--turns", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folders = {}
        for name in (arguments.before, "HEAD"):
            commit = subprocess.check_output(["git", "rev-parse", "--short", name], text=True).strip()
            folders[commit] = f"{place}/{name}"
            subprocess.run(["git", "clone", "-q", ".", folders[commit]], check=True)
            subprocess.run(["git", "-C", folders[commit], "checkout", "-q", commit], check=True)
            subprocess.run(["swift", "package", "resolve"], cwd=folders[commit], check=True, capture_output=True)
        results = {commit: [] for commit in folders}
        for _ in range(arguments.turns):
            for commit, folder in folders.items():
                results[commit].append(build(folder))
    first = None
    for commit, turns in results.items():
        wall, processor = min(turns)
        first = first or wall
        print(f"{commit:10} {wall:7.1f} s, {processor:6.1f} s of processor time, {100 * wall / first:5.1f} %")


if __name__ == "__main__":
    main()
