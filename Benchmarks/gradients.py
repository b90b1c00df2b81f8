"""Gradients of MobileStyleGAN's images with respect to their latents, an image, against PyTorch: same weights and machine.

    python3 Benchmarks/gradients.py [--binary .build/release/directions] [--before BINARY] [--threads 2] [--sizes 64 128 256]
        [--json FILE]

A turn is the gradient of the sum of all pixels of a batch, forward pass included; all sides take turns. "Images and gradients"
is what an optimisation does: the images first, then the gradients of what it makes of them, for which the engine keeps what it
computed on the way. PyTorch runs the network in float32 in eager mode, with channels first and with channels last, and compiled.
`--before` names another build of this program, which is asked for the images and then for the gradients.
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


class Compiled(Gradients):
    def __init__(self, options):
        super().__init__(options, True)
        self.name = f"PyTorch {torch.__version__}, compiled"
        self.compiled = torch.compile(self.images)

    def turn(self, size):
        start, processor = time.perf_counter(), time.process_time()
        self.styles.requires_grad_()
        torch.autograd.grad(self.compiled(size).sum(), self.styles)
        return (time.perf_counter() - start) / self.batch, (time.process_time() - processor) / self.batch


class OurGradients(Ours):
    """`kinds` are the requests of a turn: 0 images, 1 gradients, 2 images and gradients."""

    def __init__(self, name, options, kinds=(1,), **settings):
        super().__init__(name, options, **settings)
        self.kinds = kinds

    def turn(self, size):
        figures = [Ours.turn(self, size, gradients=kind) for kind in self.kinds]
        return tuple(sum(values) for values in zip(*figures))


def sides_of(options):
    sides = [OurGradients("directions", options),
             OurGradients("directions, 1 thread", options, threads=1),
             OurGradients("directions, images and gradients", options, (2,))]
    if options.before:
        earlier = argparse.Namespace(**{**vars(options), "binary": options.before})
        sides += [OurGradients("before", earlier), OurGradients("before, images and gradients", earlier, (0, 1))]
    sides += [Gradients(options, False), Gradients(options, True)]
    try:
        compiled = Compiled(options)
        compiled.turn(options.sizes[0])
        sides.append(compiled)
    except Exception as error:  # no compiler on this machine, or a graph that it refuses
        print(f"PyTorch does not compile here: {str(error).splitlines()[0]}")
    return sides


def measure(sides, size, options):
    times = {side.name: [] for side in sides}
    for turn in range(options.turns + 1):
        for side in sides:
            figures = side.turn(size)
            if turn > 0:
                times[side.name].append(figures)
    rows = {}
    print(f"{f'{size} x {size}':42} {'s/image':>8} {'best':>7} {'worst':>7} {'CPU s':>7}")
    for name, figures in times.items():
        wall = [figure[0] for figure in figures]
        rows[name] = {"median": statistics.median(wall), "best": min(wall), "worst": max(wall),
                      "processor": min(figure[1] for figure in figures)}
        row = rows[name]
        print(f"{name:42} {row['median']:8.3f} {row['best']:7.3f} {row['worst']:7.3f} {row['processor']:7.3f}")
    peers = [name for name in rows if "PyTorch" in name]
    peer = min(peers, key=lambda name: rows[name]["best"])
    mine, both = rows["directions"], rows["directions, images and gradients"]
    print(f"{size}: {rows[peer]['best'] / mine['best']:.2f} x {peer} (best turns), "
          f"{min(rows[name]['median'] for name in peers) / mine['median']:.2f} x by medians; "
          f"second thread {rows['directions, 1 thread']['best'] / mine['best']:.2f} x")
    if "before" in rows:
        pair = rows["before, images and gradients"]
        print(f"{size}: {rows['before']['processor'] / mine['processor']:.2f} x before by processor time; images and gradients "
              f"{pair['processor'] / both['processor']:.2f} x")
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=".build/release/directions")
    parser.add_argument("--before")
    parser.add_argument("--workspace", default=os.environ.get("DIRECTIONS_WORKSPACE", "workspace"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--json")
    options = parser.parse_args()
    sides = sides_of(options)
    results = {size: measure(sides, size, options) for size in options.sizes}
    print(f"peak memory {sides[2].memory():.0f} MB with images kept, {sides[0].memory():.0f} MB without")
    for side in sides:
        if isinstance(side, Ours):
            side.close()
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"sizes": results, "threads": options.threads, "batch": options.batch}, file, indent=2, sort_keys=True)


if __name__ == "__main__":
    main()
