"""A batch's array as the plain memory that kernels write into."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from trajdata._errors import ArgumentError

__all__ = ["flat"]


def flat(name: str, array: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """The memory that a batch's array spans, (N,), and how many items apart its clips are.

    Args:
        name: of the field, for the error.
        array: B in front. Clips may be apart, as they are in a shard's records.

    Raises:
        ArgumentError: an axis other than the first is strided, or clips overlap.
    """
    count, clip = array.shape[0], int(np.prod(array.shape[1:]))
    if count == 0:
        return np.empty(0, array.dtype), clip
    stride, rest = divmod(array.strides[0], array.itemsize) if count > 1 else (clip, 0)
    if not array[0].flags.c_contiguous or stride < clip or rest:
        raise ArgumentError(
            f"out[{name!r}]: given strides {array.strides}; only the first axis may be strided, "
            f"by at least {clip * array.itemsize} bytes"
        )
    span = (count - 1) * stride + clip
    return as_strided(array, shape=(span,), strides=(array.itemsize,)), stride
