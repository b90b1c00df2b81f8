"""Writes what dlib's own face recognition network makes of two generated faces, for Tests/EvaluationTests.

    pip install dlib-bin pillow numpy
    directions synth --seed 1-2 --size 512 --npy faces.npy
    python3 Tests/Fixtures/make_identity_fixture.py dlib_face_recognition_resnet_model_v1.dat faces.npy Tests/Fixtures/identity
"""
import sys

import dlib
import numpy as np
from PIL import Image

network = dlib.face_recognition_model_v1(sys.argv[1])
rows = []
for i, face in enumerate(np.load(sys.argv[2])[:2]):
    picture = Image.fromarray(((face.transpose(1, 2, 0) + 1) * 127.5 + 0.5).clip(0, 255).astype(np.uint8))
    chip = picture.resize((150, 150), Image.BILINEAR, box=[512 * v for v in (0.164, 0.265, 0.843, 0.944)])
    chip.save(f"{sys.argv[3]}/chip{i}.png")
    rows.append(network.compute_face_descriptor(np.array(chip)))
np.save(f"{sys.argv[3]}/embeddings.npy", np.array(rows, dtype=np.float32))
