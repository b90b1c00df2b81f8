"""Writes Tests/Fixtures/detector/expected.json: what onnxruntime makes of a drawn face with the detector's file.

    python3 Tests/Fixtures/make_detector_fixture.py   # needs numpy, onnxruntime

The picture is drawn by whole numbers alone, as Tests/FacesTests/FaceDetectorTests.swift draws it.
"""
import json
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).parent.parent.parent
SIDE = 640


def picture():
    """A head, eyes, brows, a nose and a mouth, [SIDE, SIDE, 3] RGB."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    image = np.stack([90 + x // 16, 110 + y // 16, 130 + (x + y) // 32], 2)

    def disc(cx, cy, rx, ry, colour):
        inside = ((x - cx) * ry) ** 2 + ((y - cy) * rx) ** 2 < (rx * ry) ** 2
        for c in range(3):
            image[..., c] = np.where(inside, colour[c] - (abs(x - 320) + abs(y - 320)) // 8, image[..., c])

    disc(320, 300, 150, 200, (90, 60, 40))
    disc(320, 330, 120, 165, (235, 190, 165))
    for cx in (270, 370):
        disc(cx, 265, 32, 8, (110, 80, 60))
        disc(cx, 295, 24, 13, (255, 250, 250))
        disc(cx, 295, 11, 12, (70, 50, 40))
    disc(320, 350, 20, 34, (215, 165, 140))
    disc(308, 377, 7, 5, (130, 80, 70))
    disc(332, 377, 7, 5, (130, 80, 70))
    disc(320, 420, 48, 16, (205, 100, 100))
    disc(320, 420, 46, 4, (120, 40, 50))
    return np.clip(image, 0, 255)


def main():
    session = onnxruntime.InferenceSession(str(ROOT / "Sources/Faces/Resources/face_detection_yunet_2023mar.onnx"))
    names = [output.name for output in session.get_outputs()]
    planes = picture()[:, :, ::-1].astype(np.float32).transpose(2, 0, 1)[None]
    maps = dict(zip(names, session.run(None, {"input": np.ascontiguousarray(planes)})))
    found = []
    for stride in (8, 16, 32):
        score = np.sqrt(maps[f"cls_{stride}"][0, :, 0] * maps[f"obj_{stride}"][0, :, 0])
        for index in np.argsort(-score)[:3]:
            row, column = divmod(int(index), SIDE // stride)
            box, points = maps[f"bbox_{stride}"][0, index], maps[f"kps_{stride}"][0, index].reshape(5, 2)
            centre, half = (np.array([column, row]) + box[:2]) * stride, np.exp(box[2:]) * stride / 2
            found.append({
                "score": float(score[index]), "box": [float(v) for v in (*(centre - half), *(centre + half))],
                "points": [[float(v) for v in (point + np.array([column, row])) * stride] for point in points]})
    best = max(found, key=lambda f: f["score"])
    folder = ROOT / "Tests/Fixtures/detector"
    folder.mkdir(exist_ok=True)
    (folder / "expected.json").write_text(json.dumps(best, indent=1) + "\n")
    print(best)


if __name__ == "__main__":
    main()
