"""Writes Tests/Fixtures/codes: latent codes in the forms of the field's tools, small (6 rows of 8), for Tests/LatentsTests.

    pip install numpy torch safetensors
    python3 Tests/Fixtures/make_codes.py Tests/Fixtures/codes

Picture p, step s, row r, column c has the value p + s / 10 + r / 100 + c / 1000.
"""
import collections
import os
import pickle
import sys

import numpy as np
import safetensors.numpy
import torch

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)


def path(name):
    return os.path.join(folder, name)


def code(picture, step=0, rows=6):
    r, c = np.meshgrid(np.arange(rows), np.arange(8), indexing="ij")
    return (picture + step / 10 + r / 100 + c / 1000).astype(np.float32)


# ReStyle's and stylegan3-editing's latents.npy: names, each with the encoder's steps.
np.save(path("restyle.npy"), {"one.jpg": [code(1, s) for s in range(3)], "two.jpg": [code(2, s) for s in range(3)]})
np.save(path("restyle-array.npy"), {"one.jpg": np.stack([code(1, s) for s in range(3)])})
np.save(path("named.npy"), {"one.jpg": code(1)})
np.save(path("objects.npy"), np.array([code(1)[None], code(2)[None]] + [None], dtype=object)[:2])
np.savez(path("projected_w.npz"), w=code(1)[None])
np.savez(path("both.npz"), w=code(1, rows=1), w_plus=code(2))
np.save(path("six.npy"), code(1))
np.save(path("five.npy"), code(1, rows=5).astype(np.float64))
np.save(path("batch.npy"), np.asfortranarray(np.stack([code(1), code(2)])))
# rosinality's projector: a picture's name with its result and its noise.
noises = [torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 8, 8)]
result = collections.OrderedDict()
result["photos/one.png"] = {"img": torch.zeros(1, 3, 8, 8), "latent": torch.from_numpy(code(1)), "noise": noises}
torch.save(dict(result), path("projector.pt"))
result["photos/two.png"] = {"img": torch.zeros(1, 3, 8, 8), "latent": torch.from_numpy(code(2)), "noise": noises}
torch.save(dict(result), path("projector-two.pt"))
torch.save([torch.from_numpy(code(p)[None]) for p in (1, 2, 3)], path("list.pt"))
torch.save([torch.nn.Parameter(torch.from_numpy(code(1)[None]))], path("list-of-one.pt"))
torch.save({"a": torch.from_numpy(code(1)[None]), "b": torch.from_numpy(code(2)[None])}, path("dictionary.pt"))
torch.save({"latents": torch.from_numpy(np.stack([code(1), code(2)])), "latent_avg": torch.zeros(8), "step": 3}, path("one-key.pt"))
torch.save(torch.from_numpy(code(1, rows=1)).expand(6, 8)[None], path("expanded.pt"))
with open(path("codes.pkl"), "wb") as file:
    pickle.dump({"one": code(1)[None]}, file, protocol=2)
safetensors.numpy.save_file({"w": code(1, rows=2), "w_plus": code(2)}, path("two.safetensors"))
safetensors.numpy.save_file({"codes": code(1)}, path("stated.safetensors"), metadata={"space": "w+"})
# What is no code: a direction, a whole picture, arrays of other widths.
direction = np.arange(8, dtype=np.float32)
torch.save(torch.from_numpy(direction / np.linalg.norm(direction))[None], path("direction.pt"))
np.save(path("rows-of-seven.npy"), np.zeros([1, 7, 8], np.float32))
np.save(path("wide.npy"), np.zeros([2, 9], np.float32))
