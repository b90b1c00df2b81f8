"""How much colour changes around the head, and of the skin, when directions are applied: below the chin and along the border of FFHQ's
frame; on cheeks and nose; and how far colours of the head leave those of skin and hair.

    python3 Benchmarks/surroundings.py --workspace W smiling@v1 smiling@v2 …    # needs numpy

For each direction the mean absolute change of Cb and Cr (Rec. 601, of 255) is told over generated faces, at the strength where one half of
the faces gets the attribute as `directions evaluate` measured it (else at 2 sigma), in the lowest tenth of the picture and within a sixteenth
of its width of the left and right rims. The skin is three places, both cheeks and the nose; of each the mean colour counts. Skin and hair
have Cb from -42 to 3 and Cr from -4 to 44, as Sources/Objectives/NaturalColoursObjective.swift has it; told is by how much in the mean over
the head more lies outside of that than before.
"""
import argparse
import glob
import json
import os
import struct
import subprocess
import tempfile
import zlib

import numpy


def picture(path):
    """The pixels of a PNG of 8-bit RGB, without interlacing: [height, width, 3]."""
    with open(path, "rb") as file:
        data = file.read()
    at, parts = 8, []
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            if (bits, colour, interlaced) != (8, 2, 0):
                raise SystemExit(f"{path}: is no plain 8-bit RGB")
        if kind == b"IDAT":
            parts.append(body)
        at += 12 + length
    raw = zlib.decompress(b"".join(parts))
    stride = 3 * width
    before, rows = numpy.zeros(stride, numpy.int32), []
    for y in range(height):
        kind = raw[y * (stride + 1)]
        row = numpy.frombuffer(raw, numpy.uint8, stride, y * (stride + 1) + 1).astype(numpy.int32)
        if kind == 2:
            row = (row + before) & 255
        elif kind:
            for i in range(stride):
                left = row[i - 3] if i >= 3 else 0
                corner = before[i - 3] if i >= 3 else 0
                if kind == 1:
                    guess = left
                elif kind == 3:
                    guess = (left + before[i]) // 2
                else:
                    p = left + before[i] - corner
                    a, b, c = abs(p - left), abs(p - before[i]), abs(p - corner)
                    guess = left if a <= b and a <= c else before[i] if b <= c else corner
                row[i] = (row[i] + guess) & 255
        rows.append(row)
        before = row
    return numpy.stack(rows).reshape(height, width, 3).astype(numpy.float64)


def chroma(pixels):
    """Cb and Cr, [height, width, 2]."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    return numpy.stack([-0.168736 * red - 0.331264 * green + 0.5 * blue, 0.5 * red - 0.418688 * green - 0.081312 * blue], -1)


def skin(colours):
    """The mean Cb and Cr of both cheeks and the nose, [3, 2]."""
    height, width = colours.shape[:2]
    y, x = numpy.mgrid[:height, :width]
    means = []
    for across, down, deviation in ((0.345, 0.595, 0.04), (0.655, 0.595, 0.04), (0.5, 0.55, 0.03)):
        square = ((x + 0.5) / width - across) ** 2 + ((y + 0.5) / height - down) ** 2
        weights = numpy.exp(-square / (2 * deviation ** 2))
        means.append((colours * weights[..., None]).sum((0, 1)) / weights.sum())
    return numpy.stack(means)


def outside(colours):
    """By how much colours leave those of skin and hair, [height, width]."""
    low, high = numpy.array([-42.0, -4.0]), numpy.array([3.0, 44.0])
    return (numpy.maximum(colours - high, 0) + numpy.maximum(low - colours, 0)).sum(-1)


def half(options, label):
    """The strength at which one half of the faces gets the attribute; 2 where that is not known."""
    name, version = label.split("@")
    path = f"{options.workspace}/directions/{name}/{version}.metrics.json"
    if not os.path.exists(path):
        return 2.0
    with open(path) as file:
        return json.load(file).get("halfStrength") or 2.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directions", nargs="+", help="such as smiling@v1")
    parser.add_argument("--workspace", default="workspace")
    parser.add_argument("--program", default=".build/release/directions")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--strength", type=float, help="in sigma, for all (default: where one half of the faces gets the attribute)")
    options = parser.parse_args()
    print("mean absolute changes of Cb and Cr, of 255")
    print(f"{'direction':24}  sigma  around the head   skin  unnatural")
    for label in options.directions:
        strength = half(options, label) if options.strength is None else options.strength
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [options.program, "edit", "--direction", label, "--strength", f"0,{strength:.3f}", "--unit", "sigma", "--seed",
                 f"1001-{1000 + options.count}", "--size", "128", "--frames", folder, "--workspace", options.workspace],
                check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            files = glob.glob(folder + "/*.png")
            plain, edited = (sorted(file for file in files if file.endswith(f"-{end}.png")) for end in ("0000", "0001"))
            if not len(plain) == len(edited) == options.count:
                raise SystemExit(f"{label}: {len(plain)} and {len(edited)} pictures")
            changes, complexions, growths = [], [], []
            for one, other in zip(plain, edited):
                before, after = chroma(picture(one)), chroma(picture(other))
                change = numpy.abs(after - before).mean(-1)
                height, width = change.shape
                around = numpy.zeros(change.shape, bool)
                around[round(0.9 * height):] = True
                around[:, :width // 16] = True
                around[:, width - width // 16:] = True
                changes.append(change[around].mean())
                complexions.append(numpy.abs(skin(after) - skin(before)).mean())
                y, x = numpy.mgrid[:height, :width]
                head = ((x + 0.5) / width / 0.42 - 0.5 / 0.42) ** 2 + ((y + 0.5) / height / 0.48 - 0.46 / 0.48) ** 2 < 1
                growths.append(numpy.maximum(outside(after) - outside(before), 0)[head].mean())
            print(f"{label:24}  {strength:5.2f}  {numpy.mean(changes):15.2f}  {numpy.mean(complexions):5.2f}  {numpy.mean(growths):9.2f}",
                  flush=True)


if __name__ == "__main__":
    main()
