"""Add noise to pixels: independent for every pixel, channel and frame, close to normal."""

from __future__ import annotations

import numpy as np

from trajdata._arithmetic.philox import GRAIN, words
from trajdata._jit import kernel

__all__ = ["add_grain"]

# The sum of four bytes has mean 510 and variance 4 (256^2 - 1) / 12.
_MEAN = np.float32(510.0)
_STD = 147.79940459962865


@kernel
def add_grain(key, indices, std, size, target, first, stride):  # type: ignore[no-untyped-def]
    """Add noise of this standard deviation (gray levels of 255) to B clips, held to 0..255.

    indices: int64 (B,). size: bytes of a clip's video. target, first, stride: as of
    ``render_clips``.
    """
    scale = np.float32(std / _STD)
    for b in range(indices.shape[0]):
        base = first + b * stride
        for block in range((size + 3) // 4):
            w = words(key, indices[b], 0, GRAIN, block)
            for j in range(min(4, size - 4 * block)):
                word = w[j]
                total = (
                    (word & np.uint64(255))
                    + ((word >> np.uint64(8)) & np.uint64(255))
                    + ((word >> np.uint64(16)) & np.uint64(255))
                    + (word >> np.uint64(24))
                )
                at = base + 4 * block + j
                value = np.float32(target[at]) + scale * (np.float32(np.int64(total)) - _MEAN)
                value = min(max(value, np.float32(0.0)), np.float32(255.0))
                target[at] = np.uint8(np.int32(value + np.float32(0.5)))
