"""Writes Tests/Fixtures/landmarks: a small shape predictor that dlib learns on a drawn face, and what dlib makes of it.

    python3 Tests/Fixtures/make_landmarks_fixture.py   # needs numpy, dlib (PyPI: dlib-bin)

The face is make_detector_fixture.py's, at half its size; boxes are moved and scaled, so that the cascade has something to learn.
"""
import json
from pathlib import Path

import dlib
import numpy as np
from make_detector_fixture import picture

FOLDER = Path(__file__).parent / "landmarks"
POINTS = [(135, 147), (185, 147), (160, 175), (136, 210), (184, 210), (160, 247)]


def main():
    image = np.ascontiguousarray(picture()[::2, ::2].astype(np.uint8))
    draw = np.random.default_rng(5)

    def box():
        x, y, half = 160 + draw.integers(-14, 15), 175 + draw.integers(-14, 15), 70 + draw.integers(-8, 9)
        return dlib.rectangle(*(int(v) for v in (x - half, y - half, x + half, y + half)))

    parts = [dlib.point(*point) for point in POINTS]
    learnt = [[dlib.full_object_detection(box(), parts)] for _ in range(40)]
    options = dlib.shape_predictor_training_options()
    options.cascade_depth, options.tree_depth, options.num_trees_per_cascade_level = 4, 3, 15
    options.feature_pool_size, options.oversampling_amount, options.nu, options.num_test_splits = 50, 4, 0.3, 20
    options.random_seed, options.num_threads, options.be_verbose = "1", 1, False
    predictor = dlib.train_shape_predictor([image] * len(learnt), learnt, options)
    FOLDER.mkdir(exist_ok=True)
    predictor.save(str(FOLDER / "drawn.dat"))
    looks = []
    for _ in range(6):
        own = box()
        found = predictor(image, own)
        looks.append({
            "box": [own.left(), own.top(), own.right(), own.bottom()],
            "points": [[found.part(i).x, found.part(i).y] for i in range(len(POINTS))]})
    (FOLDER / "expected.json").write_text(json.dumps(looks) + "\n")
    print(looks[0])


if __name__ == "__main__":
    main()
