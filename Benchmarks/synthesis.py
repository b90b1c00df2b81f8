"""Images a second of MobileStyleGAN's synthesis against OpenVINO and PyTorch: same weights, threads and machine.

    python3 Benchmarks/synthesis.py [--binary .build/release/directions] [--wheel WHEEL] [--threads 2] [--json FILE]

All sides take turns, so that a change of the machine's speed meets all. Each row gives the median and the best turn by the
clock, and the processor seconds an image, which another program on the machine disturbs less. OpenVINO runs the wheel's
own graph in float32 in the best of three settings (latency, throughput with one stream a thread, one batch); at the
scoring size with the average pooling appended to its graph. PyTorch, where it is installed, runs the network in eager mode and
compiled, and ONNX Runtime what PyTorch exports.
The share of the GEMM peak counts the products' multiply-adds alone, against the best NumPy product of the same run.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
import zipfile

import numpy as np

try:
    import openvino as ov
    from openvino import opset13 as ops
except ImportError:  # Benchmarks/stylegan2.py needs only our own side of this file
    ov = None

PRODUCTS = 6.614e9  # multiply-adds of the layers' 1x1 convolutions of an image
IMAGE_PRODUCT = {1024: 0.201e9}  # and of the last one to twelve channels; smaller images need next to none


class Ours:
    def __init__(self, name, options, engine="engine", threads=None, generator="default"):
        self.name, self.batch = name, options.batch
        command = [options.binary, "bench-synthesis", "--engine", engine, "--threads", str(threads or options.threads)]
        command += ["--generator", generator]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(options))

    def turn(self, size, gradients=0):
        self.process.stdin.write(f"{self.batch} {size} 1 {gradients}\n")
        self.process.stdin.flush()
        figures = json.loads(self.process.stdout.readline())
        return figures["wall"] / self.batch, figures["processor"] / self.batch

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class OpenVINO:
    """The wheel's graph; `mode` is latency, throughput or batch."""

    def __init__(self, graph, options, mode, sizes):
        self.name, self.mode, self.batch = f"OpenVINO {ov.__version__.split('-')[0]}, {mode}", mode, options.batch
        self.styles = np.random.default_rng(1).standard_normal((options.batch, 512)).astype(np.float32) * 0.6
        core = ov.Core()
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": options.threads}
        settings["PERFORMANCE_HINT"] = "THROUGHPUT" if mode == "throughput" else "LATENCY"
        self.models = {}
        for size in sizes:
            model = core.read_model(graph)
            box = 1024 // size
            if box > 1:
                image = model.output(0).get_node().input_value(0)
                pooled = ops.avg_pool(image, [box, box], [0, 0], [0, 0], [box, box], False, "floor")
                pooled = pooled[0] if isinstance(pooled, tuple) else pooled
                model = ov.Model([pooled.output(0)], model.get_parameters(), "pooled")
            if mode == "batch":
                model.reshape([options.batch, 512])
            self.models[size] = core.compile_model(model, "CPU", settings)

    def turn(self, size):
        model = self.models[size]
        start, processor = time.perf_counter(), time.process_time()
        if self.mode == "batch":
            model([self.styles])
        elif self.mode == "latency":
            request = model.create_infer_request()
            for style in self.styles:
                request.infer([style[None]])
        else:
            queue = ov.AsyncInferQueue(model)
            for style in self.styles:
                queue.start_async([style[None]])
            queue.wait_all()
        return (time.perf_counter() - start) / self.batch, (time.process_time() - processor) / self.batch


class PyTorch:
    """The network in eager mode, channels first, batched."""

    def __init__(self, torch, options):
        from safetensors.numpy import load_file

        self.torch, self.name, self.batch = torch, f"PyTorch {torch.__version__}, eager", options.batch
        torch.set_num_threads(options.threads)
        folder = os.path.join(options.workspace, "models", "default")
        tensors = load_file(os.path.join(folder, "weights.safetensors"))
        self.w = {key[10:]: torch.from_numpy(value) for key, value in tensors.items() if key.startswith("synthesis.")}
        self.styles = torch.from_numpy(np.random.default_rng(1).standard_normal((options.batch, 512)).astype(np.float32) * 0.6)

    def scale(self, name):
        return (self.styles @ self.w[name + ".weight"].T + self.w[name + ".bias"])[:, :, None, None]

    def convolution(self, x, name):
        f, w = self.torch.nn.functional, self.w
        x = x * self.scale(name + ".modulation")
        x = f.conv2d(x, w[name + ".depthwise"][:, None], padding=1, groups=x.shape[1])
        x = f.conv2d(x, w[name + ".pointwise"][:, :, None, None])
        return f.leaky_relu(x + w[name + ".noise"] + w[name + ".bias"][:, None, None], 0.2)

    def haar(self, x):
        n, c, r = x.shape[0], x.shape[1] // 4, x.shape[2]
        high = x[:, c:].view(n, c, 3, r, r)
        low, v, h, d = x[:, :c], high[:, :, 0], high[:, :, 1], high[:, :, 2]
        upper = self.torch.stack([low + v + h + d, low + v - h - d], -1).view(n, c, r, 2 * r)
        lower = self.torch.stack([low - v + h - d, low - v - h + d], -1).view(n, c, r, 2 * r)
        return self.torch.stack([upper, lower], 3).view(n, c, 2 * r, 2 * r) * 0.5

    def images(self, size):
        f, w = self.torch.nn.functional, self.w
        x = f.conv2d(w["constant"] * self.scale("start.modulation"), w["start.weight"], padding=1)
        x = f.leaky_relu(x + w["start.noise"] + w["start.bias"][:, None, None], 0.2)
        for k in range(7):
            x = self.haar(x * self.scale(f"layers.{k}.up"))
            x = self.convolution(self.convolution(x, f"layers.{k}.first"), f"layers.{k}.second")
        x = f.conv2d(x * self.scale("image.modulation"), w["image.weight"][:, :, None, None], w["image.bias"])
        x = self.haar(x)
        return f.avg_pool2d(x, 1024 // size) if size < 1024 else x

    def turn(self, size):
        start, processor = time.perf_counter(), time.process_time()
        with self.torch.inference_mode():
            self.images(size).numpy()
        return (time.perf_counter() - start) / self.batch, (time.process_time() - processor) / self.batch


class Compiled(PyTorch):
    """The same, compiled by torch.compile; needs a C++ compiler."""

    def __init__(self, torch, options):
        super().__init__(torch, options)
        self.name = f"PyTorch {torch.__version__}, compiled"
        self.images = torch.compile(self.images)
        with torch.inference_mode():
            self.images(options.sizes[0])


class ONNXRuntime:
    """The same network exported from PyTorch, in ONNX Runtime with all its graph optimisations."""

    def __init__(self, torch, options, folder):
        import onnxruntime

        self.name, self.batch = f"ONNX Runtime {onnxruntime.__version__}", options.batch
        self.sessions = {}
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        network = PyTorch(torch, options)
        self.styles = network.styles.numpy()

        class Exported(torch.nn.Module):
            def __init__(self, size):
                super().__init__()
                self.size = size

            def forward(self, styles):
                network.styles = styles
                return network.images(self.size)

        for size in options.sizes:
            path = f"{folder}/{size}.onnx"
            torch.onnx.export(Exported(size), (torch.from_numpy(self.styles),), path, dynamo=False, opset_version=17)
            self.sessions[size] = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])

    def turn(self, size):
        session = self.sessions[size]
        start, processor = time.perf_counter(), time.process_time()
        session.run(None, {session.get_inputs()[0].name: self.styles})
        return (time.perf_counter() - start) / self.batch, (time.process_time() - processor) / self.batch


def environment(options):
    return dict(os.environ, DIRECTIONS_WORKSPACE=options.workspace)


def gemm_peak():
    """GFLOP/s of NumPy's float32 product, the best of a few."""
    a = np.random.default_rng(0).standard_normal((1536, 1536)).astype(np.float32)
    best = 1e9
    for _ in range(6):
        start = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - start)
    return 2 * 1536**3 / best * 1e-9


def difference(graph, options):
    """The largest difference of our images from OpenVINO's, noise constants in, and OpenVINO's largest value."""
    model = ov.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": options.threads})
    with tempfile.TemporaryDirectory() as folder:
        codes, images = folder + "/w.npy", folder + "/images.npy"
        np.save(codes, np.random.default_rng(2).standard_normal((3, 512)).astype(np.float32) * 0.6)
        command = [options.binary, "synth", "--code", codes, "--size", "1024", "--noise", "constant", "--npy", images]
        subprocess.run(command, check=True, capture_output=True, env=environment(options))
        ours = np.load(images)
        theirs = np.concatenate([model([style[None]])[0] for style in np.load(codes)])
    return float(np.abs(ours - theirs).max()), float(np.abs(theirs).max())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=".build/release/directions")
    parser.add_argument("--workspace", default=os.environ.get("DIRECTIONS_WORKSPACE", "workspace"))
    parser.add_argument("--wheel", default=".cache/random_face-2021.7.21.1-py3-none-any.whl")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1024, 256])
    parser.add_argument("--json")
    options = parser.parse_args()
    folder = tempfile.TemporaryDirectory()
    with zipfile.ZipFile(options.wheel) as wheel:
        for ending in ("xml", "bin"):
            wheel.extract(f"random_face/data/SynthesisNetwork.{ending}", folder.name)
    graph = folder.name + "/random_face/data/SynthesisNetwork.xml"
    apart, largest = difference(graph, options)
    print(f"largest difference from OpenVINO {apart:.1e} of values up to {largest:.2f}")

    ours = Ours("directions", options)
    sides = [ours, Ours("directions, 1 thread", options, threads=1)]
    sides += [OpenVINO(graph, options, mode, options.sizes) for mode in ("latency", "throughput", "batch")]
    try:
        import torch

        sides.append(PyTorch(torch, options))
        for make in (lambda: Compiled(torch, options), lambda: ONNXRuntime(torch, options, folder.name)):
            try:
                sides.append(make())
            except Exception as error:  # not installed, no compiler, or a graph that it refuses
                print(f"left out: {str(error).splitlines()[0]}")
    except ImportError:
        print("PyTorch is not installed: its rows are left out")
    rows, peaks = [], []
    for size in options.sizes:
        times = {side.name: [] for side in sides}
        for turn in range(options.turns + 1):
            peaks.append(gemm_peak())
            for side in sides:
                if type(side) is PyTorch and turn > 3:
                    continue  # it takes longer than all others together
                figures = side.turn(size)
                if turn > 0:
                    times[side.name].append(figures)
        for side in sides:
            wall = [figures[0] for figures in times[side.name]]
            rows.append({"size": size, "side": side.name, "median": 1 / statistics.median(wall), "best": 1 / min(wall),
                         "worst": 1 / max(wall), "processor": min(figures[1] for figures in times[side.name])})
    peak = max(peaks)
    print(f"{'':34} {'images/s':>9} {'best':>7} {'worst':>7} {'CPU s':>7} {'of peak':>8}")
    for row in rows:
        row["share"] = 2 * (PRODUCTS + IMAGE_PRODUCT.get(row["size"], 0)) * row["best"] / (peak * 1e9)
        print(f"{row['size']:5} {row['side']:28} {row['median']:9.2f} {row['best']:7.2f} {row['worst']:7.2f} "
              f"{row['processor']:7.3f} {row['share']:8.0%}")
    for size in options.sizes:
        mine = {row["side"]: row for row in rows if row["size"] == size}
        peers = [row for row in mine.values() if not row["side"].startswith("directions")]
        best = max(peers, key=lambda row: row["best"])
        print(f"{size}: {mine['directions']['best'] / best['best']:.2f} x {best['side']} (best turns), "
              f"{mine['directions']['median'] / max(row['median'] for row in peers):.2f} x by medians, "
              f"{min(row['processor'] for row in peers) / mine['directions']['processor']:.2f} x by processor time; "
              f"second thread {mine['directions']['best'] / mine['directions, 1 thread']['best']:.2f} x, by medians "
              f"{mine['directions']['median'] / mine['directions, 1 thread']['median']:.2f} x")
    memory = ours.memory()
    print(f"GEMM peak {peak:.0f} GFLOP/s with {options.threads} threads; peak memory {memory:.0f} MB at batch {options.batch}")
    for side in sides[:2]:
        side.close()
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"rows": rows, "gemm": peak, "memory": memory, "difference": apart, "threads": options.threads,
                       "batch": options.batch}, file, indent=2, sort_keys=True)


if __name__ == "__main__":
    main()
