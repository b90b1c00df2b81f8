"""Gradients of MobileStyleGAN's images with respect to their latents, an image, against PyTorch: same weights and machine.

    python3 Benchmarks/gradients.py [--binary .build/release/directions] [--threads 2] [--size 128] [--json FILE]

A turn is the gradient of the sum of all pixels of a batch, forward pass included; both sides take turns. PyTorch runs the network
in eager mode in float32, with channels first and with channels last.
"""
import argparse
import json
import os
import statistics
import time

import torch

from synthesis import Ours, PyTorch


class Gradients(PyTorch):
    def __init__(self, options, last):
        super().__init__(torch, options)
        self.name += ", channels last" if last else ", channels first"
        self.format = torch.channels_last if last else torch.contiguous_format

    def haar(self, x):
        return super().haar(x).contiguous(memory_format=self.format)

    def turn(self, size):
        start, processor = time.perf_counter(), time.process_time()
        self.styles.requires_grad_()
        torch.autograd.grad(self.images(size).sum(), self.styles)
        return (time.perf_counter() - start) / self.batch, (time.process_time() - processor) / self.batch


class OurGradients(Ours):
    def turn(self, size):
        return super().turn(size, gradients=1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=".build/release/directions")
    parser.add_argument("--workspace", default=os.environ.get("DIRECTIONS_WORKSPACE", "workspace"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--json")
    options = parser.parse_args()
    ours = OurGradients("directions", options)
    sides = [ours, OurGradients("directions, 1 thread", options, threads=1), Gradients(options, False), Gradients(options, True)]
    times = {side.name: [] for side in sides}
    for turn in range(options.turns + 1):
        for side in sides:
            figures = side.turn(options.size)
            if turn > 0:
                times[side.name].append(figures)
    rows = []
    print(f"{f'{options.size} x {options.size}':42} {'s/image':>8} {'best':>7} {'worst':>7} {'CPU s':>7}")
    for name, figures in times.items():
        wall = [figure[0] for figure in figures]
        rows.append({"side": name, "median": statistics.median(wall), "best": min(wall), "worst": max(wall),
                     "processor": min(figure[1] for figure in figures)})
        row = rows[-1]
        print(f"{name:42} {row['median']:8.3f} {row['best']:7.3f} {row['worst']:7.3f} {row['processor']:7.3f}")
    peer = min(rows[2:], key=lambda row: row["best"])
    print(f"{peer['best'] / rows[0]['best']:.2f} x {peer['side']} (best turns), "
          f"{min(row['median'] for row in rows[2:]) / rows[0]['median']:.2f} x by medians; "
          f"second thread {rows[1]['best'] / rows[0]['best']:.2f} x; peak memory {ours.memory():.0f} MB")
    for side in sides[:2]:
        side.close()
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"rows": rows, "threads": options.threads, "batch": options.batch, "size": options.size}, file, indent=2,
                      sort_keys=True)


if __name__ == "__main__":
    main()
