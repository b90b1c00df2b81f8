"""Writes Tests/Fixtures/pictures: one small picture in the forms that cameras and programs make, for Tests/ImagesTests.

    pip install numpy pillow pillow-heif
    python3 Tests/Fixtures/make_pictures.py Tests/Fixtures/pictures

Its quarters are red and green above, blue and grey below, 48 x 32 pixels.
"""
import os
import struct
import sys
import zlib

import numpy as np
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()
folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)


def path(name):
    return os.path.join(folder, name)


pixels = np.zeros([32, 48, 3], np.uint8)
pixels[:16, :24], pixels[:16, 24:] = (220, 30, 40), (30, 200, 60)
pixels[16:, :24], pixels[16:, 24:] = (40, 60, 210), (128, 128, 128)
image = Image.fromarray(pixels)
# How a camera stores the upright picture under each orientation.
stored = {1: None, 2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM, 5: Image.TRANSPOSE,
          6: Image.ROTATE_90, 7: Image.TRANSVERSE, 8: Image.ROTATE_270}
for orientation, how in stored.items():
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "a maker", orientation
    turned = image if how is None else image.transpose(how)
    turned.save(path(f"exif-{orientation}.jpg"), quality=95, subsampling=0, exif=exif)
    if orientation == 6:
        turned.save(path("exif-6.png"), exif=exif)
        turned.save(path("exif-6.webp"), quality=95, exif=exif)
        turned.save(path("exif-6.heic"), quality=95, exif=exif)
image.save(path("progressive.jpg"), quality=95, progressive=True)
image.convert("CMYK").save(path("cmyk.jpg"), quality=95, subsampling=0)
image.convert("L").save(path("grey.jpg"), quality=95)
image.quantize(8).save(path("palette.png"))
image.convert("L").save(path("grey.png"))
alpha = np.full([32, 48], 255, np.uint8)
alpha[16:, 24:] = 0
transparent = Image.fromarray(np.dstack([pixels, alpha]), "RGBA")
transparent.save(path("alpha.png"))
transparent.save(path("alpha.webp"), lossless=True)
transparent.quantize(8).save(path("palette-alpha.png"))
image.save(path("lossy.webp"), quality=95)
image.save(path("lossless.webp"), lossless=True)
image.save(path("picture.heic"), quality=95)
image.save(path("picture.avif"), quality=95)
image.save(path("animation.webp"), save_all=True, append_images=[image.rotate(180)], duration=100)
image.save(path("picture.gif"))
image.save(path("picture.tiff"))


def png(name, width, height, depth, colour, rows, extra=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    with open(path(name), "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows, 9))[:20000] + chunk(b"IEND", b""))


# 16 bits a channel, without a chunk about colour.
wide = (pixels.astype(">u2") * 257)
png("deep.png", 48, 32, 16, 2, b"".join(b"\0" + row.tobytes() for row in wide))
# The sizes alone are true: nobody should read further.
png("huge.png", 30000, 30000, 1, 0, bytes(1000))
png("one.png", 1, 1, 8, 2, bytes([0, 10, 20, 30]))
with open(path("progressive.jpg"), "rb") as file:
    data = file.read()
with open(path("cut.jpg"), "wb") as file:
    file.write(data[:len(data) * 2 // 3])
with open(path("text.jpg"), "w") as file:
    file.write("This is no picture.\n")
