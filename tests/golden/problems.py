"""The two documents' models: data and starting weights by a formula that golden.h has too.

A number is a hash of its stream and index (MurmurHash3's finalizer), so nothing but the results has
to be checked in. Weights are here as minnow and PyTorch have them: (outputs, inputs).
"""

from dataclasses import dataclass

import numpy as np

BATCH = 32
STEPS = 20
SAMPLES = 512  # weights kept of each tensor


def bits(stream, count):
    """`count` 32-bit words of `stream` (from 1)."""
    v = np.arange(count, dtype=np.uint32) + np.uint32(stream * 0x9E3779B9 & 0xFFFFFFFF)
    v = (v ^ (v >> 16)) * np.uint32(0x85EBCA6B)
    v = (v ^ (v >> 13)) * np.uint32(0xC2B2AE35)
    return v ^ (v >> 16)


def unit(stream, *shape):
    """float32 in [0, 1): the top 24 bits of each word."""
    words = bits(stream, int(np.prod(shape)))
    return ((words >> 8).astype(np.float32) * np.float32(2**-24)).reshape(shape)


def uniform(stream, scale, *shape):
    """float32 in [-scale, scale); exact for a power of two."""
    return (unit(stream, *shape) - np.float32(0.5)) * np.float32(2 * scale)


def images(stream, labels):
    """u8 (rows, 784): a dark border, half of the rest 0, and a class is every tenth pixel."""
    words = bits(stream, len(labels) * 784).reshape(-1, 784)
    pixels = np.where(words & 1, 0, words >> 25).astype(np.uint8)
    pixel = np.arange(784)
    pixels += ((pixel[None, :] % 10 == labels[:, None]) * 96).astype(np.uint8)
    pixels[:, (pixel < 56) | (pixel >= 728)] = 0
    return pixels


@dataclass
class Problem:
    """inputs -> Dense(relu) -> Dense, on batches of 32 taken in order."""

    x: np.ndarray
    y: np.ndarray  # values, or one-hot rows for a classifier
    weights: list  # 0.weight, 0.bias, 2.weight, 2.bias
    classifier: bool

    def batches(self):
        starts = list(range(0, len(self.x), BATCH))
        for step in range(STEPS):
            start = starts[step % len(starts)]
            yield self.x[start:start + BATCH], self.y[start:start + BATCH]


def toy():
    """10-10-1, mean squared error: four batches of 32, 32, 32 and 4, five times."""
    weights = [uniform(3, 0.5, 10, 10), uniform(4, 0.0625, 10),
               uniform(5, 0.5, 1, 10), uniform(6, 0.0625, 1)]
    return Problem(unit(1, 100, 10), unit(2, 100, 1), weights, False)


def classifier():
    """784-128-10, softmax and categorical cross-entropy: twenty batches of 32, once."""
    labels = bits(7, STEPS * BATCH) % 10
    x = images(8, labels).astype(np.float32) / np.float32(255)
    weights = [uniform(9, 0.0625, 128, 784), uniform(10, 0.0625, 128),
               uniform(11, 0.25, 10, 128), uniform(12, 0.0625, 10)]
    return Problem(x, np.eye(10, dtype=np.float32)[labels], weights, True)


def sampled(tensor):
    """The weights that are checked: all of a small tensor, 512 spread over a large one."""
    flat = tensor.reshape(-1)
    if flat.size <= SAMPLES:
        return flat
    return flat[np.arange(SAMPLES) * 7919 % flat.size]
