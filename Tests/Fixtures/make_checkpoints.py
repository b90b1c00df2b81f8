"""Writes Tests/Fixtures/checkpoints: one small generator of each family in the forms that people's checkpoints have, and what
the generators' own code makes of them, for Tests/GeneratorsTests/CheckpointTests.swift.

    pip install torch numpy scipy requests click safetensors
    pip install --no-deps --target /tmp/draggan draggan==1.1.6
    pip download --no-deps --no-binary :all: basicsr==1.4.2 -d /tmp/basicsr && tar xzf /tmp/basicsr/*.tar.gz -C /tmp/basicsr
    python3 Tests/Fixtures/make_checkpoints.py /tmp/draggan /tmp/basicsr/basicsr-1.4.2 Tests/Fixtures/checkpoints

See make_stylegan2_files.py for draggan. NVIDIA's source text, which its pickles carry along, is left out. stylegan2's (TensorFlow)
mapping of a class is written down here after its `G_mapping`, as no PyTorch code has it.
"""
import collections
import contextlib
import datetime
import enum
import io
import os
import pathlib
import pickle
import sys
import types

import numpy as np
import safetensors.torch
import torch

package, basicsr, folder = sys.argv[1:4]
os.makedirs(folder, exist_ok=True)
nvidia = os.path.join(package, "draggan", "stylegan2")
sys.path.insert(0, nvidia)
from torch_utils import persistence  # noqa: E402

persistence._module_to_src = lambda module: f"# {module.__name__}"
import torch_utils.ops  # noqa: E402

torch_utils.ops.filtered_lrelu = sys.modules["torch_utils.ops.filtered_lrelu"] = types.ModuleType("filtered_lrelu")
from training import networks, networks_stylegan3  # noqa: E402

torch.manual_seed(7)
expected = {}


def path(name):
    return os.path.join(folder, name)


def randomise(module):
    with torch.no_grad():
        for name, value in list(module.named_parameters()) + list(module.named_buffers()):
            if name.endswith("noise_strength") or "noise.weight" in name:
                value.copy_(torch.randn([]) * 0.3)
            elif name.endswith("bias"):
                scale = 10 if "mapping.fc" in name or name.startswith("style") and "conv" not in name else 0.1
                value.add_(torch.randn_like(value) * scale)
            elif name.endswith("w_avg"):
                value.copy_(torch.randn_like(value) * 0.1)


def colour(images):
    images = images.detach().numpy()
    return np.repeat(images, 3, axis=1) if images.shape[1] == 1 else images


# NVIDIA's generators.
def record(name, generator):
    z = torch.randn([2, generator.z_dim])
    with torch.no_grad():
        ws = generator.mapping(z, None)
        expected[name + ".z"], expected[name + ".w"] = z.numpy(), ws[:, 0].numpy()
        expected[name + ".const"] = colour(generator.synthesis(ws, noise_mode="const", force_fp32=True))
        expected[name + ".mean"] = generator.mapping.w_avg.numpy()


def make(channels, **kwargs):
    generator = networks.Generator(z_dim=16, c_dim=0, w_dim=16, img_resolution=16, img_channels=channels, mapping_kwargs=dict(
        num_layers=4), synthesis_kwargs=dict(channel_base=64, channel_max=8, conv_clamp=256, **kwargs))
    generator = generator.eval().requires_grad_(False)
    randomise(generator)
    return generator


tuned = make(3)
record("nvidia", tuned)
torch.save(tuned, path("pti.pt"))
torch.save({"G_ema": tuned, "step": np.float64(3.5)}, path("pti-dictionary.pt"))
torch.save(tuned, path("pti-legacy.pt"), _use_new_zipfile_serialization=False)
torch.save(tuned.state_dict(), path("nvidia-state.pt"))
safetensors.torch.save_file(tuned.state_dict(), path("nvidia-state.safetensors"))
torch.save({"iteration": 100, "models": {"generator_ema": {"module." + k: v for k, v in tuned.state_dict().items()}}},
           path("nvidia-nested.pt"))
for protocol in (0, 2):
    with open(path(f"nvidia-protocol{protocol}.pkl"), "wb") as file:
        pickle.dump(dict(G=None, G_ema=tuned), file, protocol=protocol)
grey = make(1)
record("nvidia-grey", grey)
with open(path("nvidia-grey.pkl"), "wb") as file:
    pickle.dump(dict(G_ema=grey), file)
alias_free = networks_stylegan3.Generator(z_dim=16, c_dim=0, w_dim=16, img_resolution=16, img_channels=3, channel_base=32,
                                          channel_max=4, num_layers=4, num_critical=1, margin_size=2)
torch.save({"G_ema": alias_free.state_dict()}, path("stylegan3.pt"))

# rosinality's.
source_folder = os.path.join(package, "draggan", "deprecated", "stylegan2")
source = open(os.path.join(source_folder, "model.py")).read()
for size in (4, 8, 16):
    source = source.replace(f"{size}: 512,", f"{size}: 6,")
source = source.replace("from .op", "from op").replace("from draggan.deprecated.stylegan2.op", "from op")
sys.path.insert(0, source_folder)
model = types.ModuleType("model")
sys.modules["model"] = model
with contextlib.redirect_stdout(io.StringIO()):
    exec(compile(source, "model.py", "exec"), model.__dict__)


def record_pytorch(name, generator, **kwargs):
    z = torch.randn([2, 16])
    mapping = generator.style if hasattr(generator, "style") else generator.style_mlp
    w = mapping(z)
    expected[name + ".z"], expected[name + ".w"] = z.numpy(), w.detach().numpy()
    expected[name + ".const"] = generator([w], input_is_latent=True, randomize_noise=False)[0].detach().numpy()


original = model.Generator(16, 16, 4).eval().requires_grad_(False)
randomise(original)
record_pytorch("rosinality", original)
state = original.state_dict()
safetensors.torch.save_file({key: value.contiguous() for key, value in state.items()}, path("rosinality.safetensors"))
torch.save({"generator": state, "discriminator": {}}, path("rosinality-generator.pt"))
torch.save(original, path("rosinality-module.pt"))
torch.save({"module": torch.nn.DataParallel(original)}, path("rosinality-parallel.pt"))


class Stage(enum.Enum):
    """An enumeration of a checkpoint's author, as e4e has one."""

    SECOND = 2


class Options(dict):
    """A class of the author's that is filled like a dictionary."""


Stage.__module__ = Options.__module__ = "configuration"
sys.modules["configuration"] = types.ModuleType("configuration")
sys.modules["configuration"].Stage, sys.modules["configuration"].Options = Stage, Options
options = Options(rate=np.float32(0.002))
options.note = "an attribute"
torch.save({
    "g_ema": state, "best": np.float64(1.5), "steps": np.int64(12), "flag": np.bool_(True), "where": pathlib.PosixPath("/a/b"),
    "when": datetime.datetime(2024, 1, 2, 3, 4), "stage": Stage.SECOND, "losses": np.arange(4.0), "opts": options,
    "kind": np.dtype("float32"), "log": collections.defaultdict(list, {"a": [1, 2]}), "names": np.array(["a", "b"]),
    "counts": collections.Counter("aab"), "mixed": np.array([None, "x"], dtype=object), "part": slice(1, 2), "z": 1 + 2j,
    "random": np.random.RandomState(1).get_state(), "device": torch.device("cpu"), "type": torch.float16,
}, path("beside.pt"))
torch.save({"encoder.input_layer.0.weight": torch.zeros([2, 3, 3, 3]), "encoder.styles.0.convs.0.weight": torch.zeros([2, 2, 3, 3])},
           path("encoder.pt"))

# BasicSR's.
arch = open(os.path.join(basicsr, "basicsr", "archs", "stylegan2_arch.py")).read()
for size in ("4", "8", "16"):
    arch = arch.replace(f"'{size}': int(512 * narrow)", f"'{size}': 6")
ops = sys.modules["op"]
for name in ("basicsr", "basicsr.ops", "basicsr.ops.fused_act", "basicsr.ops.upfirdn2d", "basicsr.utils", "basicsr.utils.registry"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["basicsr.ops.fused_act"].FusedLeakyReLU = ops.FusedLeakyReLU
sys.modules["basicsr.ops.fused_act"].fused_leaky_relu = ops.fused_leaky_relu
sys.modules["basicsr.ops.upfirdn2d"].upfirdn2d = ops.upfirdn2d
sys.modules["basicsr.utils.registry"].ARCH_REGISTRY = types.SimpleNamespace(register=lambda: lambda c: c)
module = types.ModuleType("stylegan2_arch")
exec(compile(arch, "stylegan2_arch.py", "exec"), module.__dict__)
restorer = module.StyleGAN2Generator(16, num_style_feat=16, num_mlp=4).eval().requires_grad_(False)
randomise(restorer)
z = torch.randn([2, 16])
w = restorer.style_mlp(z)
expected["basicsr.z"], expected["basicsr.w"] = z.numpy(), w.numpy()
expected["basicsr.const"] = restorer([w], input_is_latent=True, randomize_noise=False)[0].numpy()
torch.save({"params": {}, "params_ema": restorer.state_dict()}, path("basicsr.pth"))

# stylegan2's conditional generator (TensorFlow).
import dnnlib  # noqa: E402

network = types.ModuleType("dnnlib.tflib.network")
sys.modules["dnnlib.tflib"], sys.modules["dnnlib.tflib.network"] = types.ModuleType("dnnlib.tflib"), network


class Network:
    def __init__(self, **state):
        self.state = state

    def __getstate__(self):
        return self.state


Network.__module__ = "dnnlib.tflib.network"
network.Network = Network
sys.modules.setdefault("click", types.SimpleNamespace(command=lambda: (lambda f: f), option=lambda *a, **k: (lambda f: f)))
import legacy  # noqa: E402


def tensorflow_file(name, colours, classes, label, joined, protocol=4):
    draw = np.random.default_rng(len(name))
    latent, channels, resolution = 16, 6, 8

    def normal(*shape, scale=1.0):
        return (draw.standard_normal(shape) * scale).astype(np.float32)

    inputs = 2 * latent if classes else latent
    mapping = []
    if classes:
        mapping.append(("LabelConcat/weight", normal(classes, latent)) if joined else ("LabelEmbed/weight", normal(classes, latent)))
        if not joined:
            mapping.append(("LabelEmbed/bias", normal(latent)))
    layers = 3
    for k in range(layers):
        mapping += [(f"Dense{k}/weight", normal(inputs if k == 0 else latent, latent, scale=100)), (f"Dense{k}/bias", normal(latent, scale=10))]
    synthesis = [("4x4/Const/const", normal(1, channels, 4, 4))]

    def layer(scope, size, ins, outs, noise=True):
        synthesis.extend([
            (scope + "/weight", normal(size, size, ins, outs)), (scope + "/mod_weight", normal(latent, ins)),
            (scope + "/mod_bias", normal(ins, scale=0.1)), (scope + "/bias", normal(outs, scale=0.1))])
        if noise:
            synthesis.append((scope + "/noise_strength", np.float32(draw.standard_normal() * 0.3)))

    layer("4x4/Conv", 3, channels, channels)
    layer("4x4/ToRGB", 1, channels, colours, noise=False)
    layer("8x8/Conv0_up", 3, channels, channels)
    layer("8x8/Conv1", 3, channels, channels)
    layer("8x8/ToRGB", 1, channels, colours, noise=False)
    synthesis.extend((f"noise{i}", normal(1, 1, 2 ** ((i + 5) // 2), 2 ** ((i + 5) // 2))) for i in range(3))
    kwargs = dnnlib.EasyDict(latent_size=latent, dlatent_size=latent, mapping_fmaps=latent, mapping_layers=layers, resolution=resolution,
                             num_channels=colours, label_size=classes, fmap_base=channels * resolution, fmap_max=channels, architecture="skip")

    def net(net_name, variables, components=None, arguments=kwargs):
        return Network(version=4, name=net_name, static_kwargs=arguments, components=dnnlib.EasyDict(components or {}),
                       build_module_src="# omitted", build_func_name=net_name, variables=variables)

    average = normal(latent, scale=0.1)
    main = net("Gs", [("lod", np.float32(0)), ("dlatent_avg", average)],
               dict(synthesis=net("G_synthesis", synthesis), mapping=net("G_mapping", mapping)))
    with open(path(name + ".pkl"), "wb") as file:
        pickle.dump((net("G", []), net("D", []), main), file, protocol=protocol)
    # The mapping, after G_mapping of stylegan2 and stylegan2-ada.
    values = dict(mapping)
    z = normal(2, latent)
    unit = lambda x: x / np.sqrt(np.mean(np.square(x), axis=1, keepdims=True) + 1e-8)  # noqa: E731
    if not classes:
        x = unit(z)
    elif joined:
        x = unit(np.concatenate([z, np.repeat(values["LabelConcat/weight"][[label]], 2, axis=0)], axis=1))
    else:
        row = values["LabelEmbed/weight"][[label]] / np.sqrt(classes) + values["LabelEmbed/bias"]
        x = np.concatenate([unit(z), np.repeat(unit(row), 2, axis=0)], axis=1)
    for k in range(layers):
        weight = values[f"Dense{k}/weight"]
        x = x @ (weight * np.float32(0.01 / np.sqrt(weight.shape[0]))) + values[f"Dense{k}/bias"] * np.float32(0.01)
        x = np.where(x > 0, x, 0.2 * x) * np.float32(np.sqrt(2))
    expected[name + ".z"], expected[name + ".w"], expected[name + ".mean"] = z, x.astype(np.float32), average
    plain = dnnlib.EasyDict({**kwargs, "label_size": 0})
    bare = [(key, value) for key, value in mapping if key.startswith("Dense")]
    bare[0] = ("Dense0/weight", bare[0][1][:latent])
    stub = net("Gs", main.state["variables"], dict(synthesis=net("G_synthesis", synthesis, arguments=plain),
                                                   mapping=net("G_mapping", bare, arguments=plain)), arguments=plain)
    view = lambda n: types.SimpleNamespace(**{**n.state, "components": {k: view(v) for k, v in n.state["components"].items()}})  # noqa: E731
    converted = legacy.convert_tf_generator(view(stub)).eval().requires_grad_(False)
    ws = torch.from_numpy(expected[name + ".w"])[:, None].repeat(1, converted.num_ws, 1)
    expected[name + ".const"] = colour(converted.synthesis(ws, noise_mode="const", force_fp32=True))


tensorflow_file("tf-joined", 3, 4, 2, True)
tensorflow_file("tf-embedded", 3, 4, 1, False, protocol=2)
tensorflow_file("tf-grey", 1, 0, None, False)
np.savez_compressed(path("expected.npz"), **expected)
