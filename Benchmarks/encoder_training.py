"""Training an encoder of the default generator through its gradients, against the same training in PyTorch.

    python3 Benchmarks/encoder_training.py [--binary .build/release/directions] [--threads 2] [--batch 4] [--json FILE]

The networks are the same: ReStyle's scheme with EfficientNet-Lite0 at 192 pixels (two looks at each picture, a step of the optimiser
each), MobileStyleGAN's synthesis in eager mode, L2 at three sizes and LPIPS by AlexNet at 128 pixels, AdamW with clipped gradients
and a running average of weights. What throughput does not depend on is random on PyTorch's side: weights of encoder and AlexNet. Its
pictures are in memory from the start; ours are read from files, mirrored, greyed, blurred and so on.

Both sides take turns. A turn of ours is what twelve steps take more than four of `train-encoder` as a person calls it, so that
start, the last validation and the checkpoint do not count; PyTorch's is a step. Processor seconds, which other programs on the machine
disturb less, stand beside the clock's. What a turn does is told a photograph and step (two looks).
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from synthesis import PyTorch, environment

SIDE, LOSS, ROWS, SIZE, RANK, WIDTH, HIDDEN, PASSES = 192, 128, 18, 512, 160, 256, 768, 2


class Generator(PyTorch):
    """MobileStyleGAN's synthesis with a row of the code for every modulation."""

    def scale(self, name):
        code = self.codes[:, min(self.row, self.codes.shape[1] - 1)]
        self.row += 1
        return (code @ self.w[name + ".weight"].T + self.w[name + ".bias"])[:, :, None, None]

    def faces(self, codes):
        self.codes, self.row = codes, 0
        return self.images(LOSS)


class Block(nn.Module):
    def __init__(self, inputs, outputs, size, stride, expansion):
        super().__init__()
        inner = inputs * expansion
        layers = []
        if expansion > 1:
            layers += [nn.Conv2d(inputs, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU6()]
        layers += [nn.Conv2d(inner, inner, size, stride, size // 2, groups=inner, bias=False), nn.BatchNorm2d(inner), nn.ReLU6(),
                   nn.Conv2d(inner, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.layers, self.stride = nn.Sequential(*layers), stride
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.layers(x) if self.is_residual else self.layers(x)


class Encoder(nn.Module):
    STAGES = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
              (1, 3, 1, 6, 320)]

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(6, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU6())
        blocks, channels = [], 32
        for repeats, size, stride, expansion, width in self.STAGES:
            for index in range(repeats):
                blocks.append(Block(channels, width, size, stride if index == 0 else 1, expansion))
                channels = width
        self.blocks = nn.ModuleList(blocks)
        self.laterals = nn.ModuleDict({str(s): nn.Conv2d(c, WIDTH, 1) for s, c in ((8, 40), (16, 112), (32, 320))})
        self.body = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 3, 1 if k == 0 else 2, 1) for k in range(3))
        side = (SIDE // 16 + 3) // 4
        self.hidden = nn.Linear(WIDTH * side * side, HIDDEN)
        self.common, self.offsets = nn.Linear(HIDDEN, SIZE), nn.Linear(HIDDEN, ROWS * RANK)

    def forward(self, pictures, shown):
        x = torch.cat([pictures, F.interpolate(shown, size=SIDE, mode="bilinear", align_corners=False)], 1)
        x, stride, maps = self.stem(x.contiguous(memory_format=torch.channels_last)), 2, {}
        for block in self.blocks:
            x = block(x)
            stride *= block.stride
            maps[stride] = x
        x = F.avg_pool2d(self.laterals["8"](maps[8]), 2) + self.laterals["16"](maps[16])
        x = x + F.interpolate(self.laterals["32"](maps[32]), scale_factor=2, mode="bilinear", align_corners=False)
        x = F.leaky_relu(x, 0.2)
        for layer in self.body:
            x = F.leaky_relu(layer(x), 0.2)
        unit = F.leaky_relu(self.hidden(x.flatten(1)), 0.2)
        apart = F.pad(self.offsets(unit).view(-1, ROWS, RANK), (0, SIZE - RANK))
        return self.common(unit)[:, None] + apart


class LPIPS(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 64, 11, 4, 2), nn.Conv2d(64, 192, 5, 1, 2), nn.Conv2d(192, 384, 3, 1, 1),
                                     nn.Conv2d(384, 256, 3, 1, 1), nn.Conv2d(256, 256, 3, 1, 1)])
        self.heads = [torch.rand(1, c, 1, 1) for c in (64, 192, 384, 256, 256)]
        self.requires_grad_(False)

    def maps(self, x):
        found = []
        for index, layer in enumerate(self.layers):
            x = F.relu(layer(F.max_pool2d(x, 3, 2) if index in (1, 2) else x))
            found.append(x / (x.pow(2).sum(1, keepdim=True).sqrt() + 1e-10))
        return found

    def forward(self, x, wanted):
        parts = [((a - b).pow(2) * head).sum(1).mean((1, 2)) for a, b, head in zip(self.maps(x), wanted, self.heads)]
        return sum(parts).mean()


class Theirs:
    def __init__(self, options):
        self.name, self.batch = f"PyTorch {torch.__version__}", options.batch
        self.generator = Generator(torch, options)
        self.network, self.average = Encoder().eval(), Encoder().eval()
        self.lpips = LPIPS()
        self.optimiser = torch.optim.AdamW(self.network.parameters(), 3e-4, (0.9, 0.99), weight_decay=1e-4)
        self.axes = torch.randn(SIZE, SIZE) / SIZE**0.5
        self.pictures = torch.rand(options.batch, 3, SIDE, SIDE) * 2 - 1

    def step(self):
        targets = F.interpolate(self.pictures, size=LOSS, mode="bilinear", align_corners=False, antialias=True)
        wanted = self.lpips.maps(targets)
        small = [(F.avg_pool2d(targets, k), k, weight) for k, weight in ((1, 1), (2, 0.5), (8, 0.5))]
        place, before = torch.zeros(self.batch, ROWS, SIZE), torch.zeros(self.batch, 3, LOSS, LOSS)
        for _ in range(PASSES):
            self.optimiser.zero_grad()
            change = self.network(self.pictures, before)
            codes = F.leaky_relu((place + change) @ self.axes, 0.2)
            faces = self.generator.faces(codes)
            loss = sum(weight * F.mse_loss(F.avg_pool2d(faces, k), target) for target, k, weight in small)
            (loss + 0.8 * self.lpips(faces, wanted)).backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimiser.step()
            with torch.no_grad():
                torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), 0.002)
            place, before = (place + change).detach(), faces.detach()

    def turn(self):
        start, processor = time.perf_counter(), time.process_time()
        self.step()
        return (time.perf_counter() - start) / self.batch, (time.process_time() - processor) / self.batch


class Ours:
    def __init__(self, options, folder):
        self.name, self.options, self.folder, self.runs = "directions", options, folder, 0

    def run(self, steps):
        options = self.options
        self.runs += 1
        name = f"bench-{os.getpid()}-{self.runs}"
        command = [options.binary, "train-encoder", self.folder, "--name", name, "--weights", "none", "--latent-steps", "0",
                   "--image-steps", str(steps), "--batch", str(options.batch), "--generated", "0", "--size", str(SIDE),
                   "--loss-size", str(LOSS), "--passes", str(PASSES), "--interval", "1000", "--pairs", "8", "--threads", str(options.threads), "--workspace",
                   options.workspace]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment(options))
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        models = os.path.join(options.workspace, "models")
        subprocess.run(["rm", "-rf", f"{models}/{name}.encoder", f"{models}/{name}.encoder.safetensors"], check=True)
        return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def turn(self):
        few, many = self.run(4), self.run(12)
        return tuple((b - a) / 8 / self.options.batch for a, b in zip(few, many))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=".build/release/directions")
    parser.add_argument("--workspace", default=os.environ.get("DIRECTIONS_WORKSPACE", "workspace"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        faces = ["synth", "--seed", "1-16", "--size", "256", "--psi", "0.7", "--frames", folder, "--workspace", options.workspace]
        subprocess.run([options.binary, *faces], check=True, capture_output=True)
        sides = [Ours(options, folder), Theirs(options)]
        times = {side.name: [] for side in sides}
        for turn in range(options.turns + 1):
            for side in sides:
                figures = side.turn()
                if turn > 0:
                    times[side.name].append(figures)
    rows = {name: {"median": statistics.median(w for w, _ in figures), "best": min(w for w, _ in figures),
                   "processor": statistics.median(p for _, p in figures)} for name, figures in times.items()}
    print(f"{'a photograph and step':24} {'s':>8} {'best':>8} {'CPU s':>8}   batch {options.batch}, {options.threads} threads")
    for name, row in rows.items():
        print(f"{name:24} {row['median']:8.3f} {row['best']:8.3f} {row['processor']:8.3f}")
    ours, theirs = rows[sides[0].name], rows[sides[1].name]
    print(f"{theirs['median'] / ours['median']:.2f} x PyTorch by the clock, {theirs['best'] / ours['best']:.2f} x by best turns, "
          f"{theirs['processor'] / ours['processor']:.2f} x by processor time")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=2, sort_keys=True)


if __name__ == "__main__":
    main()
