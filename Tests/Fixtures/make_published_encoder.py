"""Writes a checkpoint in the layout of pSp and e4e, and what their architectures make of two pictures.

    python3 Tests/Fixtures/make_published_encoder.py Tests/Fixtures/encoders          # small: stages of 16 to 18 channels
    python3 Tests/Fixtures/make_published_encoder.py /tmp/full full                   # IR-SE50 at 256 pixels, 18 rows, 1.2 GB

The networks are written anew from what the published state dictionaries and papers say (Richardson and others, "Encoding in
Style", 2021; Tov and others, "Designing an Encoder for StyleGAN Image Manipulation", 2021; TreB1eN's InsightFace_Pytorch): the
same names, shapes and operations. All kinds of head share the names `styles.N`, so one file holds the weights of pSp's and
e4e's; `opts.encoder_type` says which it is, and Tests/EncodersTests changes it. The weights are random.
"""
import os
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

folder = sys.argv[1]
is_full = len(sys.argv) > 2
os.makedirs(folder, exist_ok=True)
torch.manual_seed(29)

if is_full:
    DEPTHS, WIDTHS, STEM, SIDE, RESOLUTION = [3, 4, 14, 3], [64, 128, 256, 512], 64, 256, 1024
    CHANNELS = {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64, 1024: 32}
else:
    DEPTHS, WIDTHS, STEM, SIDE, RESOLUTION = [1, 2, 1, 1], [16, 17, 18, 16], 16, 64, 32
    CHANNELS = {4: 8, 8: 8, 16: 8, 32: 4}
SIZE = WIDTHS[-1]
ROWS = 2 * RESOLUTION.bit_length() - 4


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // 16, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // 16, channels, 1, bias=False)

    def forward(self, x):
        shares = F.adaptive_avg_pool2d(x, 1)
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(shares))))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        if inputs == outputs:
            self.shortcut_layer = nn.MaxPool2d(1, stride)
        else:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inputs), nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False), nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), SqueezeExcite(outputs))

    def forward(self, x):
        return self.res_layer(x) + self.shortcut_layer(x)


class EqualLinear(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return F.linear(x, self.weight * (1 / np.sqrt(self.weight.shape[1])), bias=self.bias)


class StyleBlock(nn.Module):
    def __init__(self, side):
        super().__init__()
        modules = []
        for _ in range(side.bit_length() - 1):
            modules += [nn.Conv2d(SIZE, SIZE, 3, 2, 1), nn.LeakyReLU()]
        self.convs = nn.Sequential(*modules)
        self.linear = EqualLinear(SIZE, SIZE)

    def forward(self, x):
        return self.linear(self.convs(x).view(-1, SIZE))


class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layer = nn.Sequential(nn.Conv2d(3, STEM, 3, 1, 1, bias=False), nn.BatchNorm2d(STEM), nn.PReLU(STEM))
        blocks, inputs = [], STEM
        for depth, width in zip(DEPTHS, WIDTHS):
            for index in range(depth):
                blocks.append(Block(inputs, width, 2 if index == 0 else 1))
                inputs = width
        self.body = nn.Sequential(*blocks)

    def maps(self, x):
        x, ends, maps = self.input_layer(x), np.cumsum(DEPTHS) - 1, []
        for index, block in enumerate(self.body):
            x = block(x)
            if index in ends[1:]:
                maps.append(x)
        return maps


class Pyramid(Trunk):
    """pSp's GradualStyleEncoder, and e4e's Encoder4Editing at its last stage."""

    def __init__(self):
        super().__init__()
        self.styles = nn.ModuleList(
            StyleBlock(SIDE // (16 if row < 3 else 8 if row < 7 else 4)) for row in range(ROWS))
        self.latlayer1 = nn.Conv2d(WIDTHS[2], SIZE, 1)
        self.latlayer2 = nn.Conv2d(WIDTHS[1], SIZE, 1)

    def forward(self, x, kind):
        c1, c2, c3 = self.maps(x)

        def up(x, y):
            return F.interpolate(x, size=y.shape[2:], mode="bilinear", align_corners=True) + y

        p2 = up(c3, self.latlayer1(c2))
        p1 = up(p2, self.latlayer2(c1))
        found = [style(c3 if row < 3 else p2 if row < 7 else p1) for row, style in enumerate(self.styles)]
        if kind == "Encoder4Editing":
            w = found[0].repeat(ROWS, 1, 1).permute(1, 0, 2).clone()
            for row in range(1, ROWS):
                w[:, row] += found[row]
            return w
        return torch.stack(found, dim=1)


class IntoW(Trunk):
    def __init__(self):
        super().__init__()
        self.linear = EqualLinear(SIZE, SIZE)

    def forward(self, x):
        return self.linear(F.adaptive_avg_pool2d(self.maps(x)[-1], 1).view(-1, SIZE))


class IntoWPlus(Trunk):
    def __init__(self):
        super().__init__()
        self.output_layer_2 = nn.Sequential(
            nn.BatchNorm2d(SIZE), nn.AdaptiveAvgPool2d((7, 7)), nn.Flatten(), nn.Linear(SIZE * 49, SIZE))
        self.linear = EqualLinear(SIZE, SIZE * ROWS)

    def forward(self, x):
        return self.linear(self.output_layer_2(self.maps(x)[-1])).view(-1, ROWS, SIZE)


def randomise(module):
    """Trained networks have no parameter and no moment at its start value."""
    with torch.no_grad():
        for name, value in list(module.named_parameters()) + list(module.named_buffers()):
            if name.endswith("running_var"):
                value.copy_(0.5 + torch.rand_like(value))
            elif name.endswith("running_mean") or name.endswith("bias"):
                value.copy_(0.1 * torch.randn_like(value))
            elif value.dtype == torch.float32 and value.dim() == 1:
                value.copy_(value * (0.7 + 0.6 * torch.rand_like(value)))
            elif name.startswith("styles.") and value.dim() == 4:
                value.mul_(2.4)  # so that pictures tell in the codes
            if value.dtype == torch.float32 and not is_full:
                value.copy_(value.half().float())
    return module.eval().requires_grad_(False)


def decoder():
    state = {}
    for k in range(1, 9 if is_full else 3):
        state[f"style.{k}.weight"] = torch.randn(SIZE, SIZE) * 100
        state[f"style.{k}.bias"] = torch.zeros(SIZE)
    state["input.input"] = torch.randn(1, CHANNELS[4], 4, 4)

    def modulated(name, shape):
        state[name + ".conv.weight"] = torch.randn(1, *shape)
        state[name + ".conv.modulation.weight"] = torch.randn(shape[1], SIZE)
        state[name + ".conv.modulation.bias"] = torch.ones(shape[1])

    def convolution(name, inputs, outputs):
        modulated(name, (outputs, inputs, 3, 3))
        state[name + ".noise.weight"] = torch.zeros(1)
        state[name + ".activate.bias"] = torch.zeros(outputs)

    def image(name, inputs):
        modulated(name, (3, inputs, 1, 1))
        state[name + ".bias"] = torch.zeros(1, 3, 1, 1)

    inputs = CHANNELS[4]
    convolution("conv1", inputs, inputs)
    image("to_rgb1", inputs)
    for k in range(RESOLUTION.bit_length() - 3):
        outputs = CHANNELS[8 << k]
        convolution(f"convs.{2 * k}", inputs, outputs)
        convolution(f"convs.{2 * k + 1}", outputs, outputs)
        image(f"to_rgbs.{k}", outputs)
        inputs = outputs
    return state


def checkpoint(module, kind, latent):
    file = {"encoder." + key: value if is_full or value.dtype != torch.float32 else value.half()
            for key, value in module.state_dict().items()}
    file.update({"decoder." + key: value if is_full else value.half() for key, value in generator.items()})
    opts = dict(encoder_type=kind, start_from_latent_avg=True, learn_in_w=kind.endswith("IntoW"), input_nc=3, label_nc=0,
                output_size=RESOLUTION, stylegan_size=RESOLUTION, exp_dir="x", lpips_lambda=0.8, device="cuda:0")
    return {"state_dict": file, "latent_avg": latent, "opts": opts}


generator = decoder()
latent = (0.5 * torch.randn(SIZE)).half().float()
pictures = np.random.RandomState(3).randint(0, 256, (2, 3, SIDE, SIDE)).astype(np.uint8)
x = torch.from_numpy(pictures).float() / 127.5 - 1
expected = {"pictures": pictures, "latent": latent.numpy()}
pyramid = randomise(Pyramid())
torch.save(checkpoint(pyramid, "GradualStyleEncoder", latent.repeat(ROWS, 1)), os.path.join(folder, "psp.pt"))
for kind in ["GradualStyleEncoder", "Encoder4Editing"]:
    expected[kind] = (pyramid(x, kind) + latent).numpy()
if not is_full:
    # The trunk is the pyramid's; only the heads are written.
    for kind, network in [("BackboneEncoderUsingLastLayerIntoW", IntoW()),
                          ("BackboneEncoderUsingLastLayerIntoWPlus", IntoWPlus())]:
        network = randomise(network)
        trunk = {k: v for k, v in pyramid.state_dict().items() if k.startswith(("input_layer.", "body."))}
        network.load_state_dict(trunk, strict=False)
        found = network(x)
        expected[kind] = (found[:, None].repeat(1, ROWS, 1) if found.dim() == 2 else found).add(latent).numpy()
        heads = {k: v for k, v in network.state_dict().items() if k not in trunk and v.dtype == torch.float32}
        for key, value in heads.items():
            expected[f"{kind}:{key}"] = value.half().numpy()
np.savez_compressed(os.path.join(folder, "expected.npz"), **expected)
print({k: (v.shape, float(np.abs(v[0] - v[1]).mean()), float(np.abs(v).max())) for k, v in expected.items() if "Encod" in k})
