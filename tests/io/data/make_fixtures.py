#!/usr/bin/env python3
"""Makes the files of this folder with the reference writers: numpy 2.4, safetensors 0.8, gzip.

    python3 make_fixtures.py        # writes beside itself; the results are checked in

The tests of tests/io hold the same numbers: value(i) = i - 5 / 4 for the i-th element in C order.
"""
import gzip
import pathlib
import struct

import numpy as np
from safetensors.numpy import save_file

here = pathlib.Path(__file__).parent
x = (np.arange(24, dtype=np.float64) - 1.25).reshape(2, 3, 4)
whole = (np.arange(24) - 5).reshape(2, 3, 4)


def npy(name, array, version=(1, 0)):
    with open(here / f"{name}.npy", "wb") as file:
        np.lib.format.write_array(file, array, version=version)


npy("f4", x.astype("<f4"))
npy("f4_version2", x.astype("<f4"), (2, 0))
npy("f4_version3", x.astype("<f4"), (3, 0))
npy("f4_fortran", np.asfortranarray(x.astype("<f4")))
npy("f4_big", x.astype(">f4"))
npy("f2", x.astype("<f2"))
npy("f8", x)
npy("f8_big_fortran", np.asfortranarray(x.astype(">f8")))
npy("u1", (whole + 5).astype("u1"))
npy("b1", whole % 2 == 0)
npy("i1", whole.astype("i1"))
npy("i2_big", whole.astype(">i2"))
npy("i4", whole.astype("<i4"))
npy("i8", whole.astype("<i8"))
npy("scalar", np.float32(2.5))
npy("empty", np.zeros((0, 4), "<f4"))
npy("records", np.zeros(2, [("a", "<f4"), ("b", "<i4")]))
with open(here / "pickled.npy", "wb") as file:
    np.save(file, np.array([{"a": 1}, None], dtype=object))

save_file(
    {
        "f16": x.astype("f2"),
        "f32": x.astype("f4"),
        "f64": x,
        "u8": (whole + 5).astype("u1"),
        "bool": whole % 2 == 0,
        "i8": whole.astype("i1"),
        "i16": whole.astype("i2"),
        "i32": whole.astype("i4"),
        "i64": whole.astype("i8"),
        "scalar": np.array(2.5, "f4"),
        "empty": np.zeros((0, 4), "f4"),
    },
    here / "numpy.safetensors",
    {"format": "np", "note": 'quotes " and ünïcode'},
)
save_file({"c": np.zeros(2, "c8")}, here / "complex.safetensors")

images = bytes([0, 0, 8, 3]) + struct.pack(">III", 2, 3, 4) + bytes(range(24))
(here / "images.idx.gz").write_bytes(gzip.compress(images, mtime=0))
(here / "table.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n3,4\n", mtime=0))
# Deflate's best case, 1000 to 1: what a small file can make a careless reader allocate.
bomb = bytes([0, 0, 8, 1]) + struct.pack(">I", 10) + bytes(8 << 20)
(here / "longer_than_declared.idx.gz").write_bytes(gzip.compress(bomb, 9, mtime=0))
