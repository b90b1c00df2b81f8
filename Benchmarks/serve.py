"""Several clients at once at a running `directions serve`: errors, times of previews, memory.

    .build/release/directions serve --port 8080 &
    python3 Benchmarks/serve.py [--url http://127.0.0.1:8080] [--clients 8] [--seconds 60] [--pid PID] [--photograph FILE]    # needs nothing else

Each client does what a moving slider does: it asks for a preview of 256 pixels, and for the next as soon as that is there. With --pid
the server's resident memory is told after a second of warming up, and at the end. With --photograph the largest face of a photograph is
edited rather than faces of seeds; `--clients 1` tells how long one person waits.
"""
import argparse
import json
import random
import threading
import time
import urllib.error
import urllib.request


def memory(pid):
    """Resident memory of a process in MiB."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def client(options, directions, seed, end, times, errors):
    """Moves one slider of one face after another until the time is over."""
    draw = random.Random(seed)
    while time.monotonic() < end:
        body = {"photograph": options.id} if options.photograph else {"seed": draw.randrange(1000)}
        body["size"] = 256
        if directions:
            body["edits"] = [{"direction": draw.choice(directions), "strength": draw.uniform(-3, 3)}]
        request = urllib.request.Request(
            options.url + "/api/synth", json.dumps(body).encode(), {"Content-Type": "application/json"})
        began = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                picture = answer.read()
            if not picture.startswith(b"\xff\xd8"):
                raise ValueError("no JPEG came")
            times.append(time.monotonic() - began)
        except (OSError, ValueError) as error:
            errors.append(str(error))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pid", type=int)
    parser.add_argument("--photograph")
    options = parser.parse_args()
    if options.photograph:
        with open(options.photograph, "rb") as file:
            request = urllib.request.Request(
                options.url + "/api/photographs", file.read(), {"Content-Type": "application/octet-stream"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            options.id = json.load(answer)["id"]
    with urllib.request.urlopen(options.url + "/api/directions", timeout=60) as answer:
        directions = [one["name"] for one in json.load(answer)["directions"]]
    client(options, directions, 0, time.monotonic() + (10 if options.photograph else 1), [], [])
    before = memory(options.pid) if options.pid else None
    times, errors = [], []
    end = time.monotonic() + options.seconds
    threads = [
        threading.Thread(target=client, args=(options, directions, seed, end, times, errors))
        for seed in range(1, options.clients + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times.sort()
    print(f"{options.clients} clients, {options.seconds:g} s: {len(times)} previews, {len(errors)} errors")
    if times:
        def share(part):
            return times[min(len(times) - 1, int(part * len(times)))] * 1000
        print(f"preview: p50 {share(0.5):.0f} ms, p95 {share(0.95):.0f} ms, longest {times[-1] * 1000:.0f} ms")
        print(f"{len(times) / options.seconds:.1f} previews a second")
    if before is not None:
        print(f"resident memory: {before:.0f} MiB before, {memory(options.pid):.0f} MiB after")
    for error in sorted(set(errors))[:5]:
        print("error:", error)


if __name__ == "__main__":
    main()
