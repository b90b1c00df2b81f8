"""Writes a checkpoint of 1.2 GB in pSp's layout: an encoder and a whole StyleGAN2 of 1024 pixels (132.7 MB) with random weights.

    python3 Tests/Fixtures/make_large_checkpoint.py large.pt
    /usr/bin/time -v directions import large.pt --name large      # Maximum resident set size
"""
import sys

import torch

torch.manual_seed(0)
channels = {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64, 1024: 32}
state = {}
for k in range(1, 9):
    state[f"style.{k}.weight"] = torch.randn(512, 512) * 100
    state[f"style.{k}.bias"] = torch.zeros(512)
state["input.input"] = torch.randn(1, 512, 4, 4)


def modulated(name, shape):
    state[name + ".conv.weight"] = torch.randn(1, *shape)
    state[name + ".conv.modulation.weight"] = torch.randn(shape[1], 512)
    state[name + ".conv.modulation.bias"] = torch.ones(shape[1])


def convolution(name, inputs, outputs):
    modulated(name, (outputs, inputs, 3, 3))
    state[name + ".noise.weight"] = torch.zeros(1)
    state[name + ".activate.bias"] = torch.zeros(outputs)


def image(name, inputs):
    modulated(name, (3, inputs, 1, 1))
    state[name + ".bias"] = torch.zeros(1, 3, 1, 1)


convolution("conv1", 512, 512)
image("to_rgb1", 512)
inputs = 512
for k in range(8):
    outputs = channels[8 << k]
    convolution(f"convs.{2 * k}", inputs, outputs)
    convolution(f"convs.{2 * k + 1}", outputs, outputs)
    image(f"to_rgbs.{k}", outputs)
    inputs = outputs
for k in range(17):
    side = 2 ** ((k + 5) // 2)
    state[f"noises.noise_{k}"] = torch.randn(1, 1, side, side)
generator = sum(value.numel() * 4 for value in state.values())
file = {"decoder." + key: value for key, value in state.items()}
for k in range(20):
    file[f"encoder.body.{k}.weight"] = torch.randn((1_200_000_000 - generator) // 80)
torch.save({"state_dict": file, "latent_avg": torch.randn(1, 512).repeat(18, 1), "opts": {}}, sys.argv[1])
print(f"the generator's part: {generator / 1e6:.1f} MB")
