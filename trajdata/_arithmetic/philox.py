"""Addressed randomness: Philox4x32-10, a pure function from an address to 128 random bits.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

An address is (seed, split, index, object, field, attempt). The seed and the split make the key,
the rest the counter; the split stands in the counter as well. For one split the key is a
bijection of the seed, and for one key two splits have other counters, so no two addresses ever
meet: splits are disjoint streams by construction.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trajdata._checks import whole_number
from trajdata._jit import kernel

__all__ = [
    "ANCHOR",
    "BACKGROUND",
    "BODY",
    "CAMERA",
    "COLOUR",
    "CROWD",
    "DEAL",
    "GRAIN",
    "GROUND",
    "JITTER",
    "LIGHT",
    "MOTION",
    "ORDER",
    "PATTERN",
    "POINT",
    "POSE",
    "SLOT",
    "WINDOW",
    "key_of",
    "philox4x32",
    "unit",
    "words",
]

# The fields of an address. A number here is part of FORMAT: it must never be given to another use.
DEAL, ANCHOR, BODY, COLOUR, BACKGROUND, LIGHT, MOTION, ORDER, JITTER, GRAIN = range(10)
POSE, POINT, CROWD, SLOT, WINDOW, GROUND, PATTERN, CAMERA = range(10, 18)

_M0, _M1 = 0xD2511F53, 0xCD9E8D57
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_LOW = 0xFFFFFFFF
_STREAM_STEP = 0x9E3779B97F4A7C15


def key_of(seed: int, stream: int) -> NDArray[np.uint64]:
    """The key of one of a seed's streams: uint64 (3,), two key words and the stream's number.

    Args:
        seed: from 0 to 2**63 - 1.
        stream: number of the stream, from 0 to 255; a split's number.

    Raises:
        ArgumentError: a number out of range.
    """
    seed = whole_number("seed", seed, 0, 2**63 - 1)
    stream = whole_number("stream", stream, 0, 255)
    key = (seed + stream * _STREAM_STEP) % 2**64
    return np.array([key & _LOW, key >> 32, stream], dtype=np.uint64)


@kernel
def philox4x32(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """Ten rounds: four counter words and two key words (uint64 below 2**32) to four words."""
    low = np.uint64(_LOW)
    for _ in range(10):
        p0 = np.uint64(_M0) * c0
        p1 = np.uint64(_M1) * c2
        c0, c1, c2, c3 = (
            (p1 >> np.uint64(32)) ^ c1 ^ k0,
            p1 & low,
            (p0 >> np.uint64(32)) ^ c3 ^ k1,
            p0 & low,
        )
        k0 = (k0 + np.uint64(_W0)) & low
        k1 = (k1 + np.uint64(_W1)) & low
    return c0, c1, c2, c3


@kernel
def words(key, index, item, field, attempt):  # type: ignore[no-untyped-def]
    """The four words at an address; ``item`` is the object's number in its clip."""
    low = np.uint64(_LOW)
    i = np.uint64(index)
    place = (key[2] << np.uint64(24)) | (np.uint64(item) << np.uint64(16)) | np.uint64(field)
    return philox4x32(i & low, i >> np.uint64(32), place, np.uint64(attempt) & low, key[0], key[1])


@kernel
def unit(word):  # type: ignore[no-untyped-def]
    """A word as a float64 in the open interval (0, 1): the middle of its 2**-32 wide cell."""
    return (np.float64(np.int64(word)) + 0.5) * 2.0**-32
