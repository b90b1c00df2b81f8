"""How far faces' colours are from one tint: what Sources/Colourisation/TintRemoval.swift tells grey photographs by.

    directions align old-photographs/*.jpg --out faces && rm -f faces/*-faces.jpg
    python3 Benchmarks/tints.py faces celeba-hq/test ffhq/train [--limit 4.7]      # needs numpy, pillow

For each folder of faces' squares: how many are taken for grey, the least and the most in 8-bit steps of Cb and Cr, and beside
it how many the mean over the whole picture (5 steps at most, at 128 pixels) takes for grey.
"""
import argparse
from pathlib import Path

import numpy as np
from PIL import Image


def deviations(path):
    """At the 98th percentile of 32 x 32 places, and the root mean square of 128 x 128."""
    small = np.asarray(Image.open(path).convert("RGB").resize((128, 128), Image.BOX)).astype(float)
    grey = small @ [0.299, 0.587, 0.114]
    chroma = np.stack([(small[..., 2] - grey) / 1.772, (small[..., 0] - grey) / 1.402], -1)
    bins = np.clip(grey / 4, 0, 63).astype(int).ravel()
    counts = np.maximum(np.bincount(bins, minlength=64), 1)
    for c in range(2):
        means = np.bincount(bins, chroma[..., c].ravel(), 64) / counts
        chroma[..., c] -= means[bins].reshape(128, 128)
    places = chroma.reshape(32, 4, 32, 4, 2).mean((1, 3))
    return np.quantile(np.hypot(places[..., 0], places[..., 1]), 0.98), np.sqrt((chroma**2).sum(-1).mean())


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folders", nargs="+", type=Path)
parser.add_argument("--limit", type=float, default=4.7)
options = parser.parse_args()
for folder in options.folders:
    files = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png"))
    found = np.array([deviations(path) for path in files])
    print(f"{folder}: {len(files)} faces, grey {(found[:, 0] <= options.limit).sum()}, {found[:, 0].min():.1f} to "
          f"{found[:, 0].max():.1f}; by the mean {(found[:, 1] <= 5).sum()}")
