"""Training and inference throughput of the classifier against PyTorch: same network, batch, threads and machine.

    python3 Benchmarks/classifier.py [--binary .build/release/directions] [--rounds 10] [--json FILE]

Both sides take turns, so that a change of the machine's speed meets both; each side's best round counts. PyTorch runs the
network of the preset `small`, and of `efficientnet_lite0` as the package that its weights come from has it, in channels-last layout, for
inference under torch.inference_mode in eval mode.
"""
import argparse
import json
import subprocess
import time

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, channels, inner, output, groups, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, output, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(output)
        self.downsample = None
        if stride != 1 or channels != output:
            self.downsample = nn.Sequential(nn.Conv2d(channels, output, 1, stride, bias=False), nn.BatchNorm2d(output))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


class ResNeXt(nn.Module):
    """The preset `small`: depths 1, 2, 3, 1; 4 groups of 8; a 3x3 stem with stride 2."""

    def __init__(self, outputs=40, depths=(1, 2, 3, 1), groups=4, width=8, first=64, stem=32):
        super().__init__()
        self.conv1 = nn.Conv2d(3, stem, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        channels, blocks = stem, []
        for stage, depth in enumerate(depths):
            for block in range(depth):
                stride = 2 if stage > 0 and block == 0 else 1
                blocks.append(Block(channels, groups * width << stage, first << stage, groups, stride))
                channels = first << stage
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(channels, outputs)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return self.fc(self.blocks(x).mean((2, 3)))


def best(rounds, batch, body):
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        body()
        times.append(time.perf_counter() - start)
    return batch / min(times[1:])


def lite():
    model = EfficientNet.from_name("efficientnet-lite0", image_size=160)
    model._fc = nn.Linear(1280, 40)
    return model


NETWORKS = {"small": (ResNeXt, 80, 64), "efficientnet_lite0": (lite, 160, 32)}


def peer(name, rounds, batch, inference_batch):
    torch.manual_seed(1)
    make, side, _ = NETWORKS[name]
    model = make().train().to(memory_format=torch.channels_last)
    images = torch.rand(batch, 3, side, side).mul(2).sub(1).contiguous(memory_format=torch.channels_last)
    targets = (torch.rand(batch, 40) < 0.3).float()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.05, foreach=True)

    def step():
        loss = F.binary_cross_entropy_with_logits(model(images), targets)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        loss.item()

    training = best(rounds, batch, step)
    model.eval()
    small = images[:inference_batch].contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        inference = best(rounds * 4, inference_batch, lambda: model(small).numpy())
    return {"training": training, "inference": inference}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=".build/release/directions")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--arch", default=",".join(NETWORKS))
    parser.add_argument("--inference-batch", type=int, default=16)
    parser.add_argument("--json")
    options = parser.parse_args()
    result = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    for name in options.arch.split(","):
        batch = NETWORKS[name][2]
        ours, theirs = {}, {}
        for _ in range(options.turns):
            command = [options.binary, "bench-classifier", "--arch", name, "--rounds", str(options.rounds), "--batch", str(batch),
                       "--inference-batch", str(options.inference_batch), "--threads", str(torch.get_num_threads())]
            figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            for key in ("training", "inference"):
                ours[key] = max(ours.get(key, 0), figures[key])
            version = figures["libtorch"]
            figures = peer(name, options.rounds, batch, options.inference_batch)
            for key in figures:
                theirs[key] = max(theirs.get(key, 0), figures[key])
        result["libtorch"] = version
        result[name] = {"directions": ours, "pytorch": theirs, "ratio": {key: ours[key] / theirs[key] for key in ours}}
        print(f"{name}, images a second   directions (libtorch {version})   PyTorch {torch.__version__}   ratio")
        for key, size in (("training", batch), ("inference", options.inference_batch)):
            print(f"{key:9} batch {size:3}  {ours[key]:20.1f} {theirs[key]:20.1f} {ours[key] / theirs[key]:15.2f}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=2, sort_keys=True)


if __name__ == "__main__":
    main()
