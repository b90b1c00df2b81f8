"""Where the detector's five points put FFHQ's square, on pictures that FFHQ has aligned itself.

    python3 Benchmarks/alignment.py ffhq/train [--count 300]                       # needs numpy, pillow, onnxruntime
    python3 Benchmarks/alignment.py ffhq/validation --pasted [--binary PATH] [--workspace PATH]    # needs numpy, pillow

Each picture is its own right answer: the recipe should give the whole of it. Prints the mean and the standard deviation of the
square's place, size and turn; the means are what Sources/Faces/FaceAlignment.swift puts right.

With --pasted the pictures are pasted into larger canvases at random turns (up to 30 degrees), scales and places, and `directions
align` is to find them there. Its errors are in shares of the square's side: of the centre, of the side, of a corner (the farthest
of four), and the turn in degrees. Where the workspace has `import landmarks`, it aligns by these.
"""
import argparse
import json
import math
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

DETECTOR = Path(__file__).parent.parent / "Sources/Faces/Resources/face_detection_yunet_2023mar.onnx"
CANVAS = 640


def detect(session, picture):
    """The five points of the surest face."""
    planes = np.ascontiguousarray(picture[:, :, ::-1].astype(np.float32).transpose(2, 0, 1)[None])
    names = [output.name for output in session.get_outputs()]
    maps = dict(zip(names, session.run(None, {"input": planes})))
    best = (-1.0, None)
    for stride in (8, 16, 32):
        score = np.sqrt(np.clip(maps[f"cls_{stride}"][0, :, 0] * maps[f"obj_{stride}"][0, :, 0], 0, 1))
        index = int(score.argmax())
        if score[index] > best[0]:
            row, column = divmod(index, CANVAS // stride)
            best = (score[index], (maps[f"kps_{stride}"][0, index].reshape(5, 2) + [column, row]) * stride)
    return best[1]


def points(session, image, side, mirror):
    """The points in shares of the picture's side, seen at a size, as it is or mirrored."""
    width = image.width
    seen = image.transpose(Image.FLIP_LEFT_RIGHT) if mirror else image
    padded = Image.fromarray(np.pad(np.asarray(seen), ((width // 2,) * 2, (width // 2,) * 2, (0, 0)), mode="reflect"))
    step = width / side
    origin = width - step * CANVAS / 2
    view = padded.transform(
        (CANVAS, CANVAS), Image.AFFINE, (step, 0, origin, 0, step, origin),
        Image.BICUBIC if side >= width else Image.BILINEAR)
    found = (detect(session, np.asarray(view)) - CANVAS / 2) / side + 0.5
    if mirror:
        found[:, 0] = 1 - found[:, 0]
        found = found[[1, 0, 2, 4, 3]]
    return found


def square(found):
    """Centre x, centre y, logarithm of the side and turn of the recipe's square, 0 where it is the whole picture."""
    right, left, mouth = found[0], found[1], (found[3] + found[4]) / 2
    eyes, across = (right + left) / 2, left - right
    down = mouth - eyes
    half = across + np.array([down[1], -down[0]])
    half *= max(2 * np.hypot(*across), 1.8 * np.hypot(*down)) / np.hypot(*half)
    centre = eyes + 0.1 * down - 0.5
    return [centre[0], centre[1], np.log(2 * np.hypot(*half)), np.arctan2(half[1], half[0])]


def paste(image, draw):
    """A canvas with the picture in it, and the square: centre x, y and half a side to its right x, y."""
    side = 256 * draw.uniform(0.6, 1.6)
    turn = math.radians(draw.uniform(-30, 30))
    reach = side / 2 * (abs(math.cos(turn)) + abs(math.sin(turn)))
    width, height = (int(2 * reach + draw.uniform(20, 700)) for _ in range(2))
    x, y = draw.uniform(reach, width - reach), draw.uniform(reach, height - reach)
    # A soft background of other colours, as large as the canvas.
    canvas = Image.fromarray(draw.integers(0, 256, (4, 5, 3)).astype(np.uint8)).resize((width, height), Image.BICUBIC)
    small = image.resize((round(side), round(side)), Image.LANCZOS if side < 256 else Image.BICUBIC)
    half = np.array([math.cos(turn), math.sin(turn)]) * side / 2
    # From the canvas's pixels to the picture's.
    k = small.width / side
    a, b = k * math.cos(turn), k * math.sin(turn)
    inverse = (a, b, small.width / 2 - a * x - b * y, -b, a, small.width / 2 + b * x - a * y)
    turned = small.transform((width, height), Image.AFFINE, inverse, Image.BICUBIC)
    mask = Image.new("L", small.size, 255).transform((width, height), Image.AFFINE, inverse, Image.BILINEAR)
    canvas.paste(turned, (0, 0), mask)
    return canvas, (x, y, *half)


def errors(found, wanted):
    """Of the centre, the side and the farthest corner in shares of the side, and of the turn in degrees."""
    side = 2 * math.hypot(wanted[2], wanted[3])

    def corners(x, y, a, b):
        return np.array([(x + u * a - v * b, y + u * b + v * a) for u in (-1, 1) for v in (-1, 1)])

    turn = math.degrees(math.atan2(found[3], found[2]) - math.atan2(wanted[3], wanted[2]))
    return (math.hypot(found[0] - wanted[0], found[1] - wanted[1]) / side, 2 * math.hypot(*found[2:]) / side - 1,
            np.hypot(*(corners(*found) - corners(*wanted)).T).max() / side, (turn + 180) % 360 - 180)


def pasted(options, files):
    draw = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as folder:
        wanted = {}
        for path in files:
            canvas, square = paste(Image.open(path).convert("RGB"), draw)
            canvas.save(f"{folder}/{path.stem}.png")
            wanted[path.stem] = square
        command = [options.binary, "align", folder, "--out", folder + "/out", "--face", "1", "--workspace", options.workspace]
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds = (time.perf_counter() - start) / len(files)
        rows = []
        for name, square in wanted.items():
            # Where a picture shows several faces, the largest one's file is numbered.
            found = sorted(Path(folder, "out").glob(f"{name}*.json"))
            if not found:
                rows.append((9.0, 9.0, 9.0, 180.0))
                continue
            place = json.loads(found[0].read_text())["alignment"]["square"]
            rows.append(errors((place["x"], place["y"], place["halfX"], place["halfY"]), square))
    rows = np.array(rows)
    missed = (rows[:, 0] > 0.25).mean()
    print(f"{len(files)} pictures, {seconds:.2f} s each, missed {missed:.1%}")
    for name, column, bound in zip(("centre", "side", "corner", "turn"), np.abs(rows).T, (0.02, 0.02, 0.02, 2)):
        quantiles = " ".join(f"{value:.4f}" for value in np.quantile(column, (0.5, 0.9, 0.99)))
        print(f"{name:7} within {bound} {(column <= bound).mean():6.1%}   of 50, 90, 99 in 100: {quantiles}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--pasted", action="store_true")
    parser.add_argument("--binary", default=".build/release/directions")
    parser.add_argument("--workspace", default="workspace")
    options = parser.parse_args()
    files = sorted(options.folder.glob("*.jpg"))
    files = files[:: max(1, len(files) // options.count)][: options.count]
    if options.pasted:
        return pasted(options, files)
    import onnxruntime

    session = onnxruntime.InferenceSession(str(DETECTOR))
    squares = []
    for path in files:
        image = Image.open(path).convert("RGB")
        views = [points(session, image, side, mirror) for side in (256, 340) for mirror in (False, True)]
        squares.append(square(np.mean(views, axis=0)))
    squares = np.array(squares)
    for name, column in zip(("x", "y", "log side", "turn"), squares.T):
        print(f"{name:9} mean {column.mean():+.4f}  standard deviation {column.std():.4f}")


if __name__ == "__main__":
    main()
