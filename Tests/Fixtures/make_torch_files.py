"""Writes the torch.save files that Tests/WeightsTests reads. Needs PyPI's torch; the files are committed.

    python3 Tests/Fixtures/make_torch_files.py Tests/Fixtures/torch
"""

import argparse
import os
import sys
from collections import OrderedDict

import torch

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)


def save(name, value, new=True):
    torch.save(value, os.path.join(folder, name), _use_new_zipfile_serialization=new)


ramp = (torch.arange(512, dtype=torch.float32) - 255.5) / 256
wide = (torch.arange(6, dtype=torch.float32).reshape(2, 3) + 1) / 4
state = OrderedDict(
    [
        ("weight", wide),
        ("transposed", wide.t()),
        ("slice", torch.arange(10, dtype=torch.int64)[2:8:2]),
        ("half", torch.tensor([0.5, -2.0], dtype=torch.float16)),
        ("brain", torch.tensor([0.5, -2.0], dtype=torch.bfloat16)),
        ("double", torch.tensor(0.25, dtype=torch.float64)),
        ("flags", torch.tensor([True, False])),
        ("empty", torch.zeros(0, 4)),
        ("parameter", torch.nn.Parameter(wide * 2)),
    ]
)
mixed = {
    "g_ema": state,
    "latent_avg": ramp[:4].clone(),
    "step": 70000,
    "large": 1 << 40,
    "rate": 0.002,
    "name": "naïve",
    "flag": True,
    "nothing": None,
    "shape": torch.Size([1, 2]),
    "list": [1, (2, ramp[:2].clone())],
    "opts": argparse.Namespace(size=256, channels=[1, 2]),
    3: "not a text key",
}
for new, form in ((True, "zip"), (False, "legacy")):
    save(f"direction-{form}.pt", ramp.reshape(1, 512), new)
    save(f"mixed-{form}.pt", mixed, new)
