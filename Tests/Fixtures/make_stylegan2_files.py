"""Writes the small generators that Tests/GeneratorsTests/StyleGAN2Tests.swift reads, and what their own code makes of them.

    pip install torch numpy scipy requests click; pip install --no-deps --target /tmp/draggan draggan==1.1.6
    python3 Tests/Fixtures/make_stylegan2_files.py /tmp/draggan Tests/Fixtures/stylegan2

The PyPI package draggan carries NVIDIA's networks (stylegan2-ada-pytorch, with its persistence and its reader of TensorFlow
pickles) and rosinality's. Their source text, which NVIDIA's pickles carry along, is left out of the files: it is not ours to
copy, and a reader needs the state alone. rosinality's channel counts are a constant in its source; they are made smaller
before it runs. A TensorFlow 1 writer no longer installs: those pickles are of a class of the same name and state, and the
reference is NVIDIA's own conversion of them.
"""
import contextlib
import io
import os
import pickle
import sys
import types

import numpy as np
import torch

package, folder = sys.argv[1:3]
os.makedirs(folder, exist_ok=True)
nvidia = os.path.join(package, "draggan", "stylegan2")
sys.path.insert(0, nvidia)
from torch_utils import persistence  # noqa: E402

persistence._module_to_src = lambda module: f"# {module.__name__}"
import torch_utils.ops  # noqa: E402

# Not in the package, and only asked for when an image is made.
torch_utils.ops.filtered_lrelu = sys.modules["torch_utils.ops.filtered_lrelu"] = types.ModuleType("filtered_lrelu")
from training import networks, networks_stylegan3  # noqa: E402

torch.manual_seed(1)
expected = {}


def randomise(module):
    """Trained networks have no parameter at its start value."""
    with torch.no_grad():
        for name, value in list(module.named_parameters()) + list(module.named_buffers()):
            if name.endswith("noise_strength") or "noise.weight" in name:
                value.copy_(torch.randn([]) * 0.3)
            elif name.endswith("bias"):
                scale = 10 if "mapping.fc" in name or name.startswith("style.") else 0.1
                value.add_(torch.randn_like(value) * scale)
            elif name.endswith("w_avg"):
                value.copy_(torch.randn_like(value) * 0.1)


def record(name, generator, label=None, count=2):
    z = torch.randn([count, generator.z_dim])
    c = torch.zeros([count, generator.c_dim])
    if label is not None:
        c[:, label] = 1
    with torch.no_grad():
        ws = generator.mapping(z, c)
        plus = ws + 0.3 * torch.randn_like(ws)
        expected[name + ".z"] = z.numpy()
        expected[name + ".w"] = ws[:, 0].numpy()
        expected[name + ".none"] = generator.synthesis(ws, noise_mode="none", force_fp32=True).numpy()
        expected[name + ".const"] = generator.synthesis(ws, noise_mode="const", force_fp32=True).numpy()
        expected[name + ".plus"] = plus.numpy()
        expected[name + ".plus.none"] = generator.synthesis(plus, noise_mode="none", force_fp32=True).numpy()
        if hasattr(generator.mapping, "w_avg"):
            expected[name + ".mean"] = generator.mapping.w_avg.numpy()


def nvidia_file(name, label=None, **kwargs):
    generator = networks.Generator(**kwargs).eval().requires_grad_(False)
    randomise(generator)
    record(name, generator, label)
    discriminator = networks.Discriminator(
        c_dim=kwargs["c_dim"], img_resolution=8, img_channels=3, channel_base=32, channel_max=4)
    with open(os.path.join(folder, name + ".pkl"), "wb") as file:
        pickle.dump(dict(G=None, D=discriminator, G_ema=generator, training_set_kwargs=dict(path="x"), augment_pipe=None), file)


nvidia_file("ada-skip", z_dim=64, c_dim=0, w_dim=64, img_resolution=32, img_channels=3,
            synthesis_kwargs=dict(channel_base=256, channel_max=24))
nvidia_file("ada-resnet", label=3, z_dim=32, c_dim=5, w_dim=48, img_resolution=64, img_channels=3,
            mapping_kwargs=dict(num_layers=2), synthesis_kwargs=dict(channel_base=256, channel_max=12, architecture="resnet",
                                                                     conv_clamp=1.5))
nvidia_file("ada-orig", z_dim=64, c_dim=0, w_dim=64, img_resolution=16, img_channels=3,
            mapping_kwargs=dict(num_layers=4), synthesis_kwargs=dict(channel_base=256, channel_max=16, architecture="orig",
                                                                     conv_clamp=None, use_noise=False, num_fp16_res=0))

alias_free = networks_stylegan3.Generator(z_dim=16, c_dim=0, w_dim=16, img_resolution=16, img_channels=3, channel_base=64,
                                          channel_max=8, num_layers=4, num_critical=1, margin_size=2)
with open(os.path.join(folder, "alias-free.pkl"), "wb") as file:
    pickle.dump(dict(G_ema=alias_free), file)

# rosinality, as in stylegan2-pytorch, e4e and pSp.
path = os.path.join(package, "draggan", "deprecated", "stylegan2")
source = open(os.path.join(path, "model.py")).read()
for size in (4, 8, 16, 32):
    assert f"{size}: 512," in source
    source = source.replace(f"{size}: 512,", f"{size}: {24 - 2 * int(np.log2(size))},")
source = source.replace("from .op", "from op").replace("from draggan.deprecated.stylegan2.op", "from op")
sys.path.insert(0, path)
model = types.ModuleType("model")
with contextlib.redirect_stdout(io.StringIO()):
    exec(compile(source, "model.py", "exec"), model.__dict__)


def rosinality(size, mlp):
    generator = model.Generator(size, 64, mlp).eval().requires_grad_(False)
    randomise(generator)
    return generator


def record_rosinality(name, generator):
    z = torch.randn([2, 64])
    def images(**kwargs):
        result = generator(**kwargs)
        return result[0].detach().numpy()
    w = generator.style(z)
    plus = w[:, None] + 0.3 * torch.randn([2, generator.n_latent, 64])
    noise = [getattr(generator.noises, f"noise_{i}") * 0 for i in range(generator.num_layers)]
    expected[name + ".z"] = z.numpy()
    expected[name + ".w"] = w.numpy()
    expected[name + ".none"] = images(styles=[w], input_is_latent=True, noise=noise)
    expected[name + ".const"] = images(styles=[w], input_is_latent=True, randomize_noise=False)
    expected[name + ".plus"] = plus.numpy()
    expected[name + ".plus.none"] = images(styles=[plus], input_is_latent=True, noise=noise)


small = rosinality(32, 8)
average = torch.randn([64]) * 0.1
record_rosinality("rosinality", small)
expected["rosinality.mean"] = average.numpy()
torch.save({"g_ema": small.state_dict(), "latent_avg": average}, os.path.join(folder, "rosinality.pt"))
other = rosinality(16, 3)
record_rosinality("rosinality-legacy", other)
torch.save({"g": {}, "g_ema": other.state_dict(), "args": None}, os.path.join(folder, "rosinality-legacy.pt"),
           _use_new_zipfile_serialization=False)
psp = {"decoder." + key: value for key, value in other.state_dict().items()}
psp["encoder.input_layer.0.weight"] = torch.zeros([2, 3, 3, 3])
torch.save({"state_dict": psp, "latent_avg": average.repeat(6, 1), "opts": {"stylegan_size": 16}},
           os.path.join(folder, "psp.pt"))
expected["psp.mean"] = average.numpy()
for key in ("z", "w", "none", "const", "plus", "plus.none"):
    expected["psp." + key] = expected["rosinality-legacy." + key]

# NVIDIA's TensorFlow pickles.
import dnnlib  # noqa: E402

tflib = types.ModuleType("dnnlib.tflib")
network = types.ModuleType("dnnlib.tflib.network")
sys.modules["dnnlib.tflib"], sys.modules["dnnlib.tflib.network"] = tflib, network


class Network:
    def __init__(self, **state):
        self.state = state

    def __getstate__(self):
        return self.state


Network.__module__ = "dnnlib.tflib.network"
network.Network = Network


def tensorflow_file(name, resolution, channels, latent, architecture, protocol):
    draw = np.random.default_rng(len(name))
    def normal(*shape, scale=1.0):
        return (draw.standard_normal(shape) * scale).astype(np.float32)
    mapping = [v for i in range(8) for v in ((f"Dense{i}/weight", normal(latent, latent, scale=100)), (f"Dense{i}/bias", normal(latent, scale=10)))]
    synthesis = [("4x4/Const/const", normal(1, channels, 4, 4))]
    def layer(scope, size, inputs, outputs, noise=True):
        synthesis.extend([
            (scope + "/weight", normal(size, size, inputs, outputs)), (scope + "/mod_weight", normal(latent, inputs)),
            (scope + "/mod_bias", normal(inputs, scale=0.1)), (scope + "/bias", normal(outputs, scale=0.1))])
        if noise:
            synthesis.append((scope + "/noise_strength", np.float32(draw.standard_normal() * 0.3)))
    layer("4x4/Conv", 3, channels, channels)
    if architecture == "skip":
        layer("4x4/ToRGB", 1, channels, 3, noise=False)
    side = 8
    while side <= resolution:
        layer(f"{side}x{side}/Conv0_up", 3, channels, channels)
        layer(f"{side}x{side}/Conv1", 3, channels, channels)
        if architecture == "resnet":
            synthesis.append((f"{side}x{side}/Skip/weight", normal(1, 1, channels, channels)))
        if architecture == "skip" or side == resolution:
            layer(f"{side}x{side}/ToRGB", 1, channels, 3, noise=False)
        side *= 2
    rows = 2 * int(np.log2(resolution)) - 3
    synthesis.extend((f"noise{i}", normal(1, 1, 2 ** ((i + 5) // 2), 2 ** ((i + 5) // 2))) for i in range(rows))
    def net(net_name, variables, components=None):
        return Network(version=4, name=net_name, static_kwargs=kwargs, components=dnnlib.EasyDict(components or {}),
                       build_module_src="# omitted", build_func_name=net_name, variables=variables)
    kwargs = dnnlib.EasyDict(latent_size=latent, dlatent_size=latent, mapping_fmaps=latent, resolution=resolution, num_channels=3,
                             label_size=0, fmap_base=channels * resolution, fmap_max=channels, architecture=architecture)
    average = normal(latent, scale=0.1)
    main = net("Gs", [("lod", np.float32(0)), ("dlatent_avg", average)],
               dict(synthesis=net("G_synthesis", synthesis), mapping=net("G_mapping", mapping)))
    with open(os.path.join(folder, name + ".pkl"), "wb") as file:
        pickle.dump((net("G", []), net("D", []), main), file, protocol=protocol)
    import legacy
    stub = lambda n: types.SimpleNamespace(**{**n.state, "components": {k: stub(v) for k, v in n.state["components"].items()}})
    record(name, legacy.convert_tf_generator(stub(main)).eval().requires_grad_(False))
    expected[name + ".mean"] = average


sys.modules.setdefault("click", types.SimpleNamespace(command=lambda: (lambda f: f), option=lambda *a, **k: (lambda f: f)))
tensorflow_file("tf-skip", 32, 12, 64, "skip", 4)
tensorflow_file("tf-resnet", 16, 16, 64, "resnet", 2)
np.savez_compressed(os.path.join(folder, "expected.npz"), **expected)
