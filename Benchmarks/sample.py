"""`sample --count 500000` against its own lower bound, and a ranking of the 500,000 by one attribute.

    python3 Benchmarks/sample.py [--binary .build/release/directions] [--count 500000] [--json FILE]

The bound is measured in the same run: the mapping's eight float32 products with NumPy, and writing as many bytes as the
database has, one after the other, to the same disk. Made-up scores then stand in for 500,000 synthesized faces, except for
a few that the program scores itself, so that the indexes are the program's own.
"""
import argparse
import json
import os
import sqlite3
import subprocess
import tempfile
import time

import numpy as np


def gemm_seconds(count, batch=4096):
    """The bare products: eight layers of 512 × 512 on `count` latents."""
    draw = np.random.default_rng(0)
    weights = [draw.standard_normal((512, 512)).astype(np.float32) / 23 for _ in range(8)]
    x, y = draw.standard_normal((2, batch, 512)).astype(np.float32)
    start = time.perf_counter()
    for first in range(0, count, batch):
        rows = min(batch, count - first)
        for weight in weights:
            np.matmul(x[:rows], weight, out=y[:rows])
    return time.perf_counter() - start


def write_seconds(size, folder):
    """Writing `size` bytes in sequence, to the disk."""
    block = os.urandom(1 << 20)
    start = time.perf_counter()
    with open(folder + "/bytes", "wb", buffering=0) as file:
        for _ in range(size >> 20):
            file.write(block)
        os.fsync(file.fileno())
    seconds = time.perf_counter() - start
    os.remove(folder + "/bytes")
    return seconds


def run(command):
    """Seconds and peak memory in MB of a command."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def rank(options, database, command):
    """Milliseconds of the top 10,000 by one attribute, in SQLite and as the whole command."""
    run(command("score", "--limit", "1"))
    store = sqlite3.connect(database)
    columns = [row[1] for row in store.execute("PRAGMA table_info(scores)")][2:-1]
    draw = np.random.default_rng(0)
    with store:
        # The indexes of the first score would slow the rest down; the program makes them again at the end.
        for name, in store.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'scores' AND sql IS NOT NULL").fetchall():
            store.execute(f'DROP INDEX "{name}"')
        rows = ((1, latent, bytes(160), *draw.random(len(columns)).tolist()) for latent in range(1, options.count - 8))
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" * (len(columns) + 3))
        store.executemany(f"INSERT INTO scores (classifier, latent, logits, {names}) VALUES ({marks})", rows)
    store.close()
    run(command("score"))
    store = sqlite3.connect(database)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        answer = store.execute("SELECT latent, eyeglasses FROM scores ORDER BY eyeglasses DESC LIMIT 10000").fetchall()
        times.append(time.perf_counter() - start)
    assert len(answer) == 10000
    whole = min(run(command("query", "--order", "eyeglasses", "--limit", "10000", "--format", "csv"))[0] for _ in range(3))
    select = run(command("select", "--attr", "eyeglasses", "--top", "10000", "--bottom", "10000"))
    return {"select in SQLite, ms": min(times) * 1e3, "query, ms": whole * 1e3, "select, ms": select[0] * 1e3,
            "select memory, MB": select[1]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=".build/release/directions")
    parser.add_argument("--wheel", default=".cache/random_face-2021.7.21.1-py3-none-any.whl")
    parser.add_argument("--count", type=int, default=500_000)
    parser.add_argument("--folder", help="where to work; needs three times the database's size")
    parser.add_argument("--json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        def command(*words):
            return [options.binary, *words, "--workspace", folder]

        run(command("import", "default", "--wheel", options.wheel))
        gemm = [gemm_seconds(options.count)]
        seconds, memory = run(command("sample", "--count", str(options.count)))
        database = folder + "/latents.sqlite"
        size = os.path.getsize(database)
        gemm.append(gemm_seconds(options.count))
        writing = write_seconds(size, folder)
        bound = min(gemm) + writing
        result = {"seconds": seconds, "memory": memory, "bytes": size, "gemm": min(gemm), "write": writing,
                  "ratio": seconds / bound, **rank(options, database, command)}
    print(f"sample --count {options.count}: {seconds:.1f} s, {options.count / seconds:.0f} latents/s, "
          f"database {size / 1e9:.3f} GB, peak memory {memory:.0f} MB")
    print(f"bare products {min(gemm):.1f} s + sequential write {writing:.1f} s = {bound:.1f} s; ratio {seconds / bound:.2f}")
    print(f"top 10,000 by eyeglasses: {result['select in SQLite, ms']:.0f} ms in SQLite, "
          f"{result['query, ms']:.0f} ms as the command `query` with its output as CSV")
    print(f"select of 10,000 + 10,000: {result['select, ms']:.0f} ms, peak memory {result['select memory, MB']:.0f} MB")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=2, sort_keys=True)


if __name__ == "__main__":
    main()
