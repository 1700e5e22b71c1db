#!/usr/bin/env python3
"""Reads a model of minnow as others do: Python's safetensors, and PyTorch's load_state_dict.

    python3 check_safetensors.py MODEL [X.npy Y.npy]

X are rows of features, Y the predictions that minnow made of them. Exit 0: all is equal; 1: it is
not; 77: a package is missing, nothing (or not all) was checked.
"""
import json
import sys

SKIPPED = 77


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


try:
    import numpy as np
    from safetensors import safe_open
    from safetensors.numpy import load_file
except ImportError as error:
    skip(f"numpy and safetensors are needed ({error})")

model, *arrays = sys.argv[1:]
tensors = load_file(model)
with safe_open(model, framework="numpy") as file:
    metadata = file.metadata()
assert metadata["format"] == "pt", metadata
assert metadata["minnow.version"], metadata
architecture = json.loads(metadata["minnow.architecture"])
for name, tensor in tensors.items():
    assert tensor.dtype == np.float32 and np.isfinite(tensor).all(), name
with open(model, "rb") as file:
    header_size = int.from_bytes(file.read(8), "little")
assert (8 + header_size) % 64 == 0, header_size
print(f"safetensors: {len(tensors)} tensors, {sum(t.size for t in tensors.values())} numbers")

try:
    import torch
except ImportError as error:
    skip(f"PyTorch is needed for the rest ({error})")

# The layers follow from the shapes in the file and the types in its metadata.
layers = []
for index, layer in enumerate(architecture["layers"]):
    if layer["type"] == "dense":
        outputs, inputs = tensors[f"{index}.weight"].shape
        layers.append(torch.nn.Linear(inputs, outputs, bias=f"{index}.bias" in tensors))
    else:
        layers.append({"relu": torch.nn.ReLU(), "softmax": torch.nn.Softmax(1)}[layer["type"]])
network = torch.nn.Sequential(*layers)
state = {name: torch.from_numpy(tensor) for name, tensor in tensors.items()}
network.load_state_dict(state, strict=True)
print(f"torch {torch.__version__}: load_state_dict(strict=True)")

if arrays:
    x, y = (np.load(path) for path in arrays)
    transform = architecture["input"]
    offset = torch.tensor(transform["offset"], dtype=torch.float32)
    scale = torch.tensor(transform["scale"], dtype=torch.float32)
    with torch.no_grad():
        expected = network((torch.from_numpy(x.reshape(len(x), -1)) - offset) * scale).numpy()
    difference = np.abs(expected - y).max()
    assert y.shape == expected.shape and difference < 1e-5, (y.shape, expected.shape, difference)
    print(f"predictions of {len(x)} rows: largest difference {difference:.2e}")
