"""Images, or gradients of images, a second of StyleGAN2 at 256 x 256 (config F's channels) against PyTorch: same weights,
threads and machine.

    python3 Benchmarks/stylegan2.py [--binary .build/release/directions] [--threads 2] [--batch 8] [--gradients] [--json FILE]

The weights are random, made here and imported from a file of rosinality's layout: speed does not depend on them. PyTorch
runs in inference mode in three formulations: grouped (each image's own modulated weights in one grouped convolution, as
rosinality's and NVIDIA's code do), and shared weights with the modulation on the activations, channels first and channels
last; each of the latter two compiled (`torch.compile`) as well, where a compiler is there. All sides take turns. The share of the GEMM peak counts the multiply-adds of direct convolutions, so an algorithm that
needs fewer can pass 100 %. With --gradients a turn is the gradient of the sum of all pixels with respect to the latents, forward
pass included.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import torch
from synthesis import Ours, gemm_peak

CHANNELS = {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128}


def state(channels, latent=512, layers=8):
    """Random weights under rosinality's names."""
    torch.manual_seed(0)
    result = {"input.input": torch.randn(1, channels[4], 4, 4)}
    for k in range(1, layers + 1):
        result[f"style.{k}.weight"] = torch.randn(latent, latent) / 0.01
        result[f"style.{k}.bias"] = torch.zeros(latent)

    def convolution(name, inputs, outputs, size):
        result[f"{name}.conv.weight"] = torch.randn(1, outputs, inputs, size, size)
        result[f"{name}.conv.modulation.weight"] = torch.randn(inputs, latent)
        result[f"{name}.conv.modulation.bias"] = torch.ones(inputs)

    def styled(name, inputs, outputs, doubles):
        convolution(name, inputs, outputs, 3)
        result[f"{name}.noise.weight"] = torch.full((1,), 0.1)
        result[f"{name}.activate.bias"] = 0.1 * torch.randn(outputs)
        if doubles:
            taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
            result[f"{name}.conv.blur.kernel"] = torch.outer(taps, taps) / 16

    def colours(name, inputs, doubles):
        convolution(name, inputs, 3, 1)
        result[f"{name}.bias"] = torch.zeros(1, 3, 1, 1)
        if doubles:
            taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
            result[f"{name}.upsample.kernel"] = torch.outer(taps, taps) / 16

    styled("conv1", channels[4], channels[4], False)
    colours("to_rgb1", channels[4], False)
    result["noises.noise_0"] = torch.randn(1, 1, 4, 4)
    inputs, k = channels[4], 0
    for side, outputs in list(channels.items())[1:]:
        styled(f"convs.{2 * k}", inputs, outputs, True)
        styled(f"convs.{2 * k + 1}", outputs, outputs, False)
        colours(f"to_rgbs.{k}", outputs, True)
        for n in (2 * k + 1, 2 * k + 2):
            result[f"noises.noise_{n}"] = torch.randn(1, 1, side, side)
        inputs, k = outputs, k + 1
    return result


class PyTorch:
    def __init__(self, weights, options, formulation):
        self.name, self.formulation, self.batch = f"PyTorch {torch.__version__}, {formulation}", formulation, options.batch
        self.gradients = options.gradients
        torch.set_num_threads(options.threads)
        self.last = torch.channels_last if "last" in formulation else torch.contiguous_format
        self.layers = []
        names = ["conv1"] + [f"convs.{n}" for n in range(2 * (len(CHANNELS) - 1))]
        for n, name in enumerate(names):
            weight = weights[f"{name}.conv.weight"][0]
            weight = weight / (weight[0].numel()) ** 0.5
            doubles = n % 2 == 1
            shared = weight.transpose(0, 1) if doubles else weight
            self.layers.append({
                "weight": weight, "shared": shared.contiguous(memory_format=self.last), "power": weight.square().sum([2, 3]),
                "modulation": weights[f"{name}.conv.modulation.weight"] / 512**0.5, "doubles": doubles,
                "bias": weights[f"{name}.activate.bias"],
            })
        self.colours = []
        for name in ["to_rgb1"] + [f"to_rgbs.{k}" for k in range(len(CHANNELS) - 1)]:
            weight = weights[f"{name}.conv.weight"][0]
            self.colours.append((weight / weight.shape[1] ** 0.5, weights[f"{name}.conv.modulation.weight"] / 512**0.5))
        self.constant = weights["input.input"]
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self.filter = torch.outer(taps, taps) / 16
        self.styles = torch.randn(options.batch, 512)
        self.network = self.images

    def compile(self):
        """Compiles the network; its first turn shows whether that works here."""
        self.name += ", compiled"
        self.network = torch.compile(self.images)
        self.turn(256)
        return self

    def convolve(self, x, layer):
        f, style = torch.nn.functional, self.styles @ layer["modulation"].T + 1
        n, i, o = x.shape[0], x.shape[1], layer["weight"].shape[0]
        if self.formulation == "grouped":
            weight = layer["weight"][None] * style[:, None, :, None, None]
            weight = weight * torch.rsqrt(weight.square().sum([2, 3, 4], keepdim=True) + 1e-8)
            x = x.reshape(1, n * i, x.shape[2], x.shape[3])
            if layer["doubles"]:
                weight = weight.transpose(1, 2).reshape(n * i, o, 3, 3)
                x = f.conv_transpose2d(x, weight, stride=2, groups=n)
            else:
                x = f.conv2d(x, weight.reshape(n * o, i, 3, 3), padding=1, groups=n)
            x = x.reshape(n, o, x.shape[2], x.shape[3])
        else:
            demodulation = torch.rsqrt(style.square() @ layer["power"].T + 1e-8)
            x = x * style[:, :, None, None]
            if layer["doubles"]:
                x = f.conv_transpose2d(x, layer["shared"], stride=2)
            else:
                x = f.conv2d(x, layer["shared"], padding=1)
        if layer["doubles"]:
            kernel = self.filter[None, None].expand(o, 1, 4, 4)
            x = f.conv2d(x, kernel.contiguous(), padding=1, groups=o)
        if self.formulation != "grouped":
            x = x * demodulation[:, :, None, None]
        return f.leaky_relu(x + layer["bias"][:, None, None], 0.2) * 2**0.5

    def images(self):
        f = torch.nn.functional
        x = self.constant.expand(self.batch, -1, -1, -1).contiguous(memory_format=self.last)
        image, layers = None, iter(self.layers)
        for k in range(len(CHANNELS)):
            if k > 0:
                x = self.convolve(x, next(layers))
            x = self.convolve(x, next(layers))
            weight, modulation = self.colours[k]
            part = f.conv2d(x * (self.styles @ modulation.T + 1)[:, :, None, None], weight)
            if image is not None:
                image = f.conv_transpose2d(image, self.filter[None, None].expand(3, 1, 4, 4), stride=2, padding=1, groups=3)
            image = part if image is None else image + part
        return image

    def turn(self, size):
        start, processor = time.perf_counter(), time.process_time()
        if self.gradients:
            self.styles.requires_grad_()
            torch.autograd.grad(self.network().sum(), self.styles)
        else:
            with torch.inference_mode():
                self.network().contiguous().numpy()
        return (time.perf_counter() - start) / self.batch, (time.process_time() - processor) / self.batch


def products():
    """Multiply-adds of an image's 3 x 3 convolutions, done directly."""
    total, inputs = 0, CHANNELS[4]
    for side, outputs in CHANNELS.items():
        if side > 4:
            total += (side // 2) ** 2 * 9 * inputs * outputs
        total += side**2 * 9 * outputs**2
        inputs = outputs
    return total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=".build/release/directions")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--gradients", action="store_true")
    parser.add_argument("--json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options.workspace = folder
        weights = state(CHANNELS)
        torch.save({"g_ema": weights, "latent_avg": torch.zeros(512)}, folder + "/random.pt")
        subprocess.run([options.binary, "import", folder + "/random.pt", "--name", "random", "--workspace", folder],
                       check=True, stdout=subprocess.DEVNULL)
        os.remove(folder + "/random.pt")
        sides = [Ours("directions", options, generator="random"),
                 Ours("directions, 1 thread", options, threads=1, generator="random"),
                 Ours("directions, libtorch", options, engine="tensors", generator="random")]
        sides += [PyTorch(weights, options, kind) for kind in ("grouped", "shared, channels first", "shared, channels last")]
        try:
            sides += [PyTorch(weights, options, kind).compile() for kind in ("shared, channels first", "shared, channels last")]
        except Exception as error:  # no compiler on this machine, or a graph that it refuses
            print(f"PyTorch does not compile here: {str(error).splitlines()[0]}")
        times, peaks = {side.name: [] for side in sides}, []
        for turn in range(options.turns + 1):
            peaks.append(gemm_peak())
            for side in sides:
                figures = side.turn(256, int(options.gradients)) if isinstance(side, Ours) else side.turn(256)
                if turn > 0:
                    times[side.name].append(figures)
        rows = []
        print(f"{'256 x 256':50} {'images/s':>9} {'best':>7} {'worst':>7} {'CPU s':>7} {'of peak':>8}")
        for side in sides:
            wall = [figures[0] for figures in times[side.name]]
            row = {"side": side.name, "median": 1 / statistics.median(wall), "best": 1 / min(wall), "worst": 1 / max(wall),
                   "processor": min(figures[1] for figures in times[side.name])}
            row["share"] = (2 if options.gradients else 1) * 2 * products() * row["best"] / (max(peaks) * 1e9)
            rows.append(row)
            print(f"{row['side']:50} {row['median']:9.2f} {row['best']:7.2f} {row['worst']:7.2f} {row['processor']:7.3f} "
                  f"{row['share']:8.0%}")
        named = {row["side"]: row for row in rows}
        mine = named["directions"]
        for label, peers in (("PyTorch's best", [row for row in rows if "PyTorch" in row["side"]]),
                             ("PyTorch's best eager", [row for row in rows if "PyTorch" in row["side"] and "compiled" not in row["side"]]),
                             ("grouped", [row for row in rows if "grouped" in row["side"]])):
            print(f"{mine['best'] / max(row['best'] for row in peers):.2f} x {label} (best turns), "
                  f"{mine['median'] / max(row['median'] for row in peers):.2f} x by medians")
        print(f"second thread {mine['best'] / named['directions, 1 thread']['best']:.2f} x; GEMM peak {max(peaks):.0f} GFLOP/s "
              f"with {options.threads} threads; peak memory {sides[0].memory():.0f} MB at batch {options.batch}")
        for side in sides[:3]:
            side.close()
        if options.json:
            with open(options.json, "w") as file:
                json.dump({"rows": rows, "gemm": max(peaks), "threads": options.threads, "batch": options.batch}, file,
                          indent=2, sort_keys=True)


if __name__ == "__main__":
    main()
