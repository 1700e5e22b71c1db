"""Fashion-MNIST for the tutorials: the four files that minnow reads, from Debian's
dataset-fashion-mnist."""

import gzip
import pathlib

import numpy as np

FOLDER = pathlib.Path("/usr/share/datasets/fashion-mnist")


def read(name):
    """An IDX file of bytes: four bytes of type and rank, then the sizes, big-endian."""
    content = gzip.decompress((FOLDER / name).read_bytes())
    rank = content[3]
    shape = np.frombuffer(content, ">u4", rank, 4).astype(int)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load_data():
    """(images, labels) to train with and to test with, as keras.datasets has them."""
    return tuple((read(f"{part}-images-idx3-ubyte.gz"), read(f"{part}-labels-idx1-ubyte.gz"))
                 for part in ("train", "t10k"))
