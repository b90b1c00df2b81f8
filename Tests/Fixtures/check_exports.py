"""Opens exported directions with the packages that other tools use, and compares them with the raw values.

    python3 check_exports.py FOLDER

FOLDER holds NAME.f32 (the direction's float32 values, little endian) for each direction, and the exports:
all_NAME_*boundary.npy, NAME.pt, all.npz, NAME.safetensors. Prints one line a file and saves each direction again, with these packages, under `back/`; exits 1 on the first difference, 77 when a
package is missing.
"""

import pathlib
import sys

try:
    import numpy as np
    import torch
    from safetensors.numpy import load_file, save_file
except ImportError as error:
    print(f"missing: {error}")
    sys.exit(77)

folder = pathlib.Path(sys.argv[1])
expected = {path.stem: np.fromfile(path, "<f4") for path in folder.glob("*.f32")}
if not expected:
    sys.exit(f"no values in {folder}")


def check(path, value, wanted, shape):
    assert value.dtype == np.float32, f"{path}: {value.dtype}"
    assert value.shape == shape, f"{path}: {value.shape}"
    assert np.array_equal(value.reshape(-1), wanted), f"{path}: other values"
    assert abs(np.linalg.norm(value) - 1) < 1e-5, f"{path}: not of unit length"
    print(f"{path.name} {value.shape}")


archive = np.load(folder / "all.npz", allow_pickle=False)
assert sorted(archive.files) == sorted(expected), archive.files
for name, wanted in sorted(expected.items()):
    row = (1, wanted.size)
    (boundary,) = folder.glob(f"all_{name}_*boundary.npy")
    check(boundary, np.load(boundary, allow_pickle=False), wanted, row)
    check(folder / f"{name}.pt", torch.load(folder / f"{name}.pt", weights_only=True).numpy(), wanted, row)
    check(folder / "all.npz", archive[name], wanted, row)
    tensors = load_file(folder / f"{name}.safetensors")
    check(folder / f"{name}.safetensors", tensors["direction"], wanted, (wanted.size,))
    back = folder / "back"
    back.mkdir(exist_ok=True)
    np.save(back / f"{name}.npy", archive[name])
    np.savez_compressed(back / f"{name}.npz", archive[name])
    torch.save(torch.from_numpy(wanted.reshape(row)), back / f"{name}.pt")
    torch.save(torch.from_numpy(wanted.reshape(row)), back / f"{name}.pth", _use_new_zipfile_serialization=False)
    save_file({name: wanted}, back / f"{name}.safetensors")
    assert tensors["sigma"].shape == (1,) and tensors["intercept"].shape == (1,)
