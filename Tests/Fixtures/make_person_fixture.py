"""What MediaPipe's selfie segmentation says of the face that make_detector_fixture.py draws: detector/person.json.

    pip install mediapipe==0.10.14 onnxruntime && python3 make_person_fixture.py

The picture is every other pixel of a part of the drawn one, 256 x 256, which is what the network reads; the answer is every
eighth pixel of the mask.
"""
import json
from pathlib import Path

import mediapipe
import numpy as np
from make_detector_fixture import picture as drawn

picture = np.ascontiguousarray(drawn()[100:612:2, 64:576:2].astype(np.uint8))
with mediapipe.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0) as network:
    mask = network.process(picture).segmentation_mask
assert mask.shape == (256, 256)
with open(Path(__file__).parent / "detector/person.json", "w") as file:
    json.dump([round(float(value), 5) for value in mask[4::8, 4::8].ravel()], file)
