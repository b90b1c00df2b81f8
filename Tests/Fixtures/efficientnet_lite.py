"""What the published network makes of weights and a picture that a formula gives; NetworkTests computes the same.

    pip install torch efficientnet_lite_pytorch
    python3 Tests/Fixtures/efficientnet_lite.py

The package pads as for the size that it is told of; ours pads as TensorFlow does, for the size that comes.
"""
import math

import torch
from efficientnet_lite_pytorch import EfficientNet

picture = torch.cos(0.011 * torch.arange(3 * 64 * 64, dtype=torch.float64)).float().reshape(1, 3, 64, 64)
for variant in range(3):
    network = EfficientNet.from_name(f"efficientnet-lite{variant}", image_size=64)
    network._fc = torch.nn.Linear(1280, 3)
    state = {name: tensor for name, tensor in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    for number, name in enumerate(sorted(state)):
        shape = state[name].shape
        wave = torch.sin(0.37 * torch.arange(state[name].numel(), dtype=torch.float64) + number).reshape(shape)
        if len(shape) > 1:
            value = wave * math.sqrt(2 / (state[name].numel() / shape[0]))
        elif name.endswith("running_var") or (name.endswith("weight") and "_bn" in name):
            value = 1 + 0.25 * wave
        else:
            value = 0.1 * wave
        state[name] = value.float()
    network.load_state_dict(state, strict=False)
    with torch.inference_mode():
        print(variant, sum(p.numel() for p in network.parameters()), network.eval()(picture).tolist())
