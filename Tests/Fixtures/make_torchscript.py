#!/usr/bin/env python3
"""Makes Tests/Fixtures/torch/script.pt: a TorchScript program with lists of every kind beside its tensors.

    python3 Tests/Fixtures/make_torchscript.py
"""
from pathlib import Path
from typing import List

import torch


class Inner(torch.nn.Module):
    sizes: List[int]
    shares: List[float]
    flags: List[bool]
    parts: List[torch.Tensor]

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.arange(6, dtype=torch.float32).reshape(2, 3))
        self.sizes, self.shares, self.flags, self.parts = [3, 4], [0.5], [True, False], [torch.ones(2)]

    def forward(self, x):
        return x @ self.weight


class Outer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Inner()
        self.register_buffer("mean", torch.tensor([1.5, -2.0]))

    def forward(self, x):
        return self.inner(x - self.mean)


torch.jit.script(Outer()).save(str(Path(__file__).parent / "torch" / "script.pt"))
