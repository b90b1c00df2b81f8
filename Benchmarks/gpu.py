"""`score` on a GPU against PyTorch doing the same with the same weights: images a second and GPU use.

    python3 Benchmarks/gpu.py --workspace WORKSPACE [--binary .build-cuda/release/directions] [--count 8192] [--json FILE]

The workspace holds the imported default generator and at least 6 · (count + 128) latents without scores. PyTorch takes w from the same
database and computes the same: noise-free face, area average, the shipped ResNeXts on it and its mirror image; its
logits are compared with what `score` stored, and it stores nothing itself. Of `score` two lengths are timed, so that the start of
the program is left out. GPU use is nvidia-smi's, sampled while a side runs.
"""
import argparse
import json
import os
import sqlite3
import subprocess
import threading
import time

import numpy as np
import torch
from safetensors import safe_open

from synthesis import PyTorch


class Classifier:
    """The networks of a classifier file."""

    def __init__(self, path, device):
        with safe_open(path, "pt") as file:
            self.w = {key: file.get_tensor(key).float().to(device) for key in file.keys()}
            card = json.loads(file.metadata()["card"])
        self.members, self.mirrored, self.depths = card["members"], card["mirrored"], card["architecture"]["depths"]
        self.groups, self.size = card["architecture"]["cardinality"], card["architecture"]["inputSize"]

    def unit(self, x, convolution, norm, stride=1, groups=1):
        f, w = torch.nn.functional, self.w
        kernel = w[convolution + ".weight"]
        x = f.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2, groups=groups)
        return f.batch_norm(x, w[norm + ".running_mean"], w[norm + ".running_var"], w[norm + ".weight"], w[norm + ".bias"])

    def network(self, x, k):
        x = self.unit(x, f"{k}.conv1", f"{k}.bn1", stride=2).relu()
        for stage, depth in enumerate(self.depths):
            for block in range(depth):
                name, stride = f"{k}.layer{stage + 1}.{block}", 2 if block == 0 and stage > 0 else 1
                y = self.unit(x, name + ".conv1", name + ".bn1").relu()
                y = self.unit(y, name + ".conv2", name + ".bn2", stride, self.groups).relu()
                y = self.unit(y, name + ".conv3", name + ".bn3")
                if name + ".downsample.0.weight" in self.w:
                    x = self.unit(x, name + ".downsample.0", name + ".downsample.1", stride)
                x = (x + y).relu()
        return torch.nn.functional.linear(x.mean((2, 3)), self.w[f"{k}.fc.weight"], self.w[f"{k}.fc.bias"])

    def logits(self, x):
        views = [x, x.flip(3)] if self.mirrored else [x]
        return sum(self.network(view, k) for k in range(self.members) for view in views) / (self.members * len(views))


def area(size, target, device):
    """[target, size]: the share of each pixel in each new one."""
    edges = np.arange(target + 1) * size / target
    share = np.minimum(edges[1:, None], np.arange(1, size + 1)) - np.maximum(edges[:-1, None], np.arange(size))
    return torch.from_numpy((share.clip(0) * target / size).astype(np.float32)).to(device)


class Use:
    """GPU use while a block runs, in percent."""

    def __enter__(self):
        self.samples, self.ended = [], threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.ended.wait(0.2):
            answer = subprocess.run(
                ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"], capture_output=True, text=True)
            if answer.returncode == 0:
                self.samples.append(float(answer.stdout.split()[0]))

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def __str__(self):
        return f"{np.median(self.samples):.0f} %" if self.samples else "unknown"


def peer(options, rows, mode):
    device = torch.device("cuda")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = mode != "float32"
    network = PyTorch(torch, options)
    network.w = {key: value.to(device) for key, value in network.w.items()}
    for key in network.w:
        if key.endswith(".noise"):
            network.w[key] = torch.zeros_like(network.w[key])
    classifier = Classifier(options.classifier, device)
    resize = area(128, classifier.size, device)
    logits = []
    with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=mode == "half"):
        for start in range(-2 * options.batch, len(rows), options.batch):
            if start == 0:
                torch.cuda.synchronize()
                began = time.perf_counter()
            some = rows[max(0, start):max(0, start) + options.batch]
            network.styles = torch.from_numpy(some).to(device)
            faces = resize @ network.images(128).float() @ resize.T
            judged = classifier.logits(faces).float().cpu().numpy()
            if start >= 0:
                logits.append(judged)
        return len(rows) / (time.perf_counter() - began), np.concatenate(logits)


def ours(options, flags):
    def score(count):
        start = time.perf_counter()
        subprocess.run([options.binary, "score", "--device", "cuda", "--batch", "64", "--limit", str(count), "--workspace",
                        options.workspace, "--classifier", options.classifier, *flags], check=True, capture_output=True)
        return time.perf_counter() - start

    score(64)
    short = score(64)
    return options.count / (score(options.count + 64) - short)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=".build-cuda/release/directions")
    parser.add_argument("--workspace", default=os.environ.get("DIRECTIONS_WORKSPACE", "workspace"))
    parser.add_argument("--classifier", default="Sources/Classifiers/Resources/resnext.classifier.safetensors")
    parser.add_argument("--count", type=int, default=8192)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--json")
    options = parser.parse_args()
    options.threads = os.cpu_count()
    database = sqlite3.connect(options.workspace + "/latents.sqlite")
    result = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "count": options.count}
    for mode, flags in (("float32", []), ("TF32", ["--tf32"]), ("half", ["--half"])):
        before = database.execute("SELECT coalesce(max(latent), 0) FROM scores").fetchone()[0]
        with Use() as use:
            rate = ours(options, flags)
        result[f"directions, {mode}"] = {"images/s": rate, "use": str(use)}
        print(f"directions, {mode:8} {rate:8.0f} images/s, GPU use {use}", flush=True)
        found = database.execute(
            "SELECT l.w, s.logits FROM scores s JOIN latents l ON l.id = s.latent WHERE s.latent > ? ORDER BY s.latent LIMIT ?",
            (before, options.count)).fetchall()
        w = np.stack([np.frombuffer(row[0], "<f4") for row in found])
        stored = np.stack([np.frombuffer(row[1], "<f4") for row in found])
        for way in [mode] if mode != "half" else [mode, "float32"]:
            with Use() as use:
                rate, logits = peer(options, w if way == mode else w[:1024], way)
            apart = float(np.abs(logits - stored[:len(logits)]).max())
            if way == mode:
                result[f"PyTorch, {mode}"] = {"images/s": rate, "use": str(use), "difference": apart}
                print(f"PyTorch, {mode:8}    {rate:8.0f} images/s, GPU use {use}", end="")
            print(f"; logits differ by {apart:.1e} from PyTorch's in {way}", flush=True)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=2, sort_keys=True)


if __name__ == "__main__":
    main()
