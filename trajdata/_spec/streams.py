"""The key of a stream: what its randomness is addressed by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trajdata._arithmetic.philox import key_of
from trajdata._spec.splits import find_split

__all__ = ["stream_key"]


def stream_key(seed: int, split: str) -> NDArray[np.uint64]:
    """The key of the stream of a seed and a split, see ``key_of``.

    Raises:
        ArgumentError: a seed out of range, or no split of that name.
    """
    return key_of(seed, find_split(split).number)
