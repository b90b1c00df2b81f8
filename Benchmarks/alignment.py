"""Where the detector's five points put FFHQ's square, on pictures that FFHQ has aligned itself.

    python3 Benchmarks/alignment.py ffhq/train [--count 300]   # needs numpy, pillow, onnxruntime

Each picture is its own right answer: the recipe should give the whole of it. Prints the mean and the standard deviation of the
square's place, size and turn; the means are what Sources/Faces/FaceAlignment.swift puts right.
"""
import argparse
from pathlib import Path

import numpy as np
import onnxruntime
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=300)
    options = parser.parse_args()
    session = onnxruntime.InferenceSession(str(DETECTOR))
    files = sorted(options.folder.glob("*.jpg"))
    squares = []
    for path in files[:: max(1, len(files) // options.count)][: options.count]:
        image = Image.open(path).convert("RGB")
        views = [points(session, image, side, mirror) for side in (256, 340) for mirror in (False, True)]
        squares.append(square(np.mean(views, axis=0)))
    squares = np.array(squares)
    for name, column in zip(("x", "y", "log side", "turn"), squares.T):
        print(f"{name:9} mean {column.mean():+.4f}  standard deviation {column.std():.4f}")


if __name__ == "__main__":
    main()
