#!/usr/bin/env python3
"""Makes openvino_reference.npz: what OpenVINO computes with the default generator, for the tests of Generators.

    pip install openvino numpy
    python3 Tests/Fixtures/openvino_reference.py WHEEL Tests/Fixtures/openvino_reference.npz

WHEEL is random_face-2021.7.21.1-py3-none-any.whl. For latents 0..7 of seed 0 the file holds

    indices  [8]              int64    the latents
    z_head   [8, 16]          float32  the first components of z, from this script's own Philox
    w        [8, 512]         float32  MappingNetwork's output
    area64   [8, 3, 64, 64]   float32  SynthesisNetwork's image, noise constants in, averaged over 16 x 16 blocks
    places   [4096]           int64    positions in a flattened [3, 1024, 1024] image, the same for all
    samples  [8, 4096]        float32  the full-size image at those positions
"""

import sys
import tempfile
import zipfile

import numpy
import openvino

COUNT, SIZE, SAMPLES = 8, 512, 4096


def philox(counter, key):
    """Philox4x32-10 (Salmon et al., SC 2011) on columns: counter [4, n] and key [2], all uint32."""
    word, low = numpy.uint64(32), numpy.uint64(0xFFFFFFFF)
    c = [column.astype(numpy.uint64) for column in counter]
    k = [int(key[0]), int(key[1])]
    for _ in range(10):
        first = numpy.uint64(0xD2511F53) * c[0]
        second = numpy.uint64(0xCD9E8D57) * c[2]
        c = [
            (second >> word) ^ c[1] ^ numpy.uint64(k[0]),
            second & low,
            (first >> word) ^ c[3] ^ numpy.uint64(k[1]),
            first & low,
        ]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def latent(seed, index):
    """z of one latent, [512] float32: Box-Muller on one Philox block for each pair of components."""
    pairs = numpy.arange(SIZE // 2, dtype=numpy.uint64)
    same = numpy.ones_like(pairs)
    counter = [same * numpy.uint64(index & 0xFFFFFFFF), same * numpy.uint64(index >> 32), pairs, same * numpy.uint64(0)]
    words = philox(counter, [seed & 0xFFFFFFFF, seed >> 32])
    shift, drop = numpy.uint64(32), numpy.uint64(11)
    u1 = (((words[1] << shift | words[0]) >> drop) + numpy.uint64(1)).astype(numpy.float64) * 2.0**-53
    u2 = ((words[3] << shift | words[2]) >> drop).astype(numpy.float64) * 2.0**-53
    radius = numpy.sqrt(-2 * numpy.log(u1))
    z = numpy.empty(SIZE)
    z[0::2] = radius * numpy.cos(2 * numpy.pi * u2)
    z[1::2] = radius * numpy.sin(2 * numpy.pi * u2)
    return z.astype(numpy.float32)


def compiled(core, folder, name):
    model = core.read_model(f"{folder}/random_face/data/{name}.xml")
    # Full float32: OpenVINO may otherwise choose bfloat16 on processors that have it.
    return core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def main(wheel, output):
    core = openvino.Core()
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(wheel).extractall(folder)
        mapping = compiled(core, folder, "MappingNetwork")
        synthesis = compiled(core, folder, "SynthesisNetwork")
        z = numpy.stack([latent(0, index) for index in range(COUNT)])
        w = numpy.concatenate([mapping(row[None])[0] for row in z])
        images = numpy.concatenate([synthesis(row[None])[0] for row in w])
    places = numpy.sort(numpy.random.default_rng(0).choice(images[0].size, SAMPLES, replace=False))
    area = images.astype(numpy.float64).reshape(COUNT, 3, 64, 16, 64, 16).mean(axis=(3, 5))
    numpy.savez_compressed(
        output,
        indices=numpy.arange(COUNT, dtype=numpy.int64),
        z_head=z[:, :16],
        w=w.astype(numpy.float32),
        area64=area.astype(numpy.float32),
        places=places.astype(numpy.int64),
        samples=images.reshape(COUNT, -1)[:, places].astype(numpy.float32),
    )
    print(f"{output}: openvino {openvino.__version__}, images in [{images.min():.3f}, {images.max():.3f}]")


if __name__ == "__main__":
    main(*sys.argv[1:3])
