#!/usr/bin/env python3
"""A small Lab U-Net: the peer that a person would train, for the table of `directions evaluate-colorization`.

    python3 Benchmarks/colorization_unet.py TRAIN_FOLDER TEST_FOLDER OUT_FOLDER [--minutes 20] [--side 128] [--threads 2]

Learns a and b from L of aligned faces (32/64/128/256 channels, four levels, 1.9 M parameters; smooth L1, AdamW 2e-3 with one
cycle, flips), for a budget of minutes that is printed and kept; then writes the test photographs at 256 pixels: grey by Rec. 601 in,
predicted chroma under the photograph's own Y', shrunk into the gamut, as PNG of the same names. Prints parameters, steps, seconds and L2.
Needs torch, numpy and pillow.
"""
import argparse
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

WEIGHTS = torch.tensor([0.299, 0.587, 0.114])


def files(folder):
    return sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))


def read(path, side):
    picture = Image.open(path).convert("RGB")
    if picture.size != (side, side):
        picture = picture.resize((side, side), Image.BOX)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def lab(rgb):
    """CIE Lab (D65) of sRGB [n, 3, h, w] in [0, 1]."""
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)
    matrix = torch.tensor([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
    matrix = matrix / matrix.sum(1, keepdim=True)
    xyz = torch.einsum("ij,njhw->nihw", matrix, linear)
    f = torch.where(xyz > (6 / 29) ** 3, xyz.clamp(min=1e-8) ** (1 / 3), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return torch.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], dim=1)


def rgb(lab_values):
    """The inverse of lab(), not clipped."""
    y = (lab_values[:, 0] + 16) / 116
    f = torch.stack([y + lab_values[:, 1] / 500, y, y - lab_values[:, 2] / 200], dim=1)
    xyz = torch.where(f > 6 / 29, f ** 3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    matrix = torch.tensor([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
    linear = torch.einsum("ij,njhw->nihw", torch.linalg.inv(matrix / matrix.sum(1, keepdim=True)), xyz)
    return torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp(min=1e-8) ** (1 / 2.4) - 0.055)


def under_luminance(colour, luma):
    """The colour differences of [n, 3, h, w] under another Y', shrunk towards grey where they leave [0, 1]."""
    steps = colour - torch.einsum("c,nchw->nhw", WEIGHTS, colour).unsqueeze(1)
    reach = torch.where(steps > 0, 1 - luma, luma)
    share = (reach / steps.abs().clamp(min=1e-6)).amin(1, keepdim=True).clamp(max=1)
    return luma + share * steps


def block(inputs, outputs):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class UNet(nn.Module):
    def __init__(self, widths=(32, 64, 128, 256)):
        super().__init__()
        self.down = nn.ModuleList(block(a, b) for a, b in zip((1,) + widths[:-1], widths))
        self.up = nn.ModuleList(block(a + b, b) for a, b in zip(widths[:0:-1], widths[-2::-1]))
        self.head = nn.Conv2d(widths[0], 2, 1)

    def forward(self, x):
        skips = []
        for k, layer in enumerate(self.down):
            x = layer(x if k == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        for layer, skip in zip(self.up, skips[-2::-1]):
            x = layer(torch.cat([F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False), skip], 1))
        return self.head(x)


def luma(pictures):
    """Y' in whole 8-bit steps, as a grey file has it: [n, 1, h, w] in [0, 1]."""
    return torch.einsum("c,nchw->nhw", WEIGHTS, pictures.float()).round().unsqueeze(1) / 255


def lightness(grey):
    return lab(grey.expand(-1, 3, -1, -1))[:, :1] / 50 - 1


def train(network, pictures, minutes, batch=16):
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
    start, step = time.monotonic(), 0
    generator = torch.Generator().manual_seed(0)
    network.train()
    while (used := (time.monotonic() - start) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(1, used / 0.05) * (0.5 + 0.5 * np.cos(np.pi * used))
        some = pictures[torch.randint(len(pictures), (batch,), generator=generator)]
        if step % 2:
            some = some.flip(3)
        with torch.no_grad():
            target, seen = lab(some.float() / 255)[:, 1:] / 50, lightness(luma(some))
        loss = F.smooth_l1_loss(network(seen), target, beta=0.1)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
        if step % 50 == 0:
            print(f"step {step} loss {loss.item():.4f} {100 * used:.0f} %", flush=True)
    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("out")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    pictures = torch.stack([read(p, options.side) for p in files(options.train)])
    network = UNet()
    print(f"{sum(p.numel() for p in network.parameters())} parameters, {len(pictures)} pictures, {options.minutes} minutes")
    start = time.monotonic()
    steps = train(network, pictures, options.minutes)
    print(f"{steps} steps, {time.monotonic() - start:.0f} seconds")
    network.eval()
    out, errors = Path(options.out), []
    out.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        for path in files(options.test):
            truth = read(path, 256).unsqueeze(0)
            grey = luma(truth)
            seen = F.interpolate(lightness(grey), size=options.side, mode="area")
            chroma = F.interpolate(50 * network(seen), size=256, mode="bilinear", align_corners=False)
            plain = lab(grey.expand(-1, 3, -1, -1))[:, :1]
            colour = under_luminance(rgb(torch.cat([plain, chroma], 1)), grey)
            bytes_ = (255 * colour[0]).round().clamp(0, 255)
            errors.append(((bytes_ - truth[0].float()) / 127.5).square().mean().item())
            Image.fromarray(bytes_.byte().permute(1, 2, 0).numpy()).save(out / (path.stem + ".png"))
    print(f"{len(errors)} photographs, L2 {np.mean(errors):.4f}")


if __name__ == "__main__":
    main()
