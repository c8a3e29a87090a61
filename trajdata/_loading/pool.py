"""Memory for batches that are made and used in one process; it is used again after a batch is gone.

Fresh memory is slow: the system zeroes it page by page while a batch is written to it, and that
takes as long as rendering the batch. So the memory of a batch that nobody holds any more is given
to one of the next batches.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trajdata._loading.arrays import ArrayShape, tensor_over

__all__ = ["Pool"]

_SMALL = 64 << 10
"""Up to this number of bytes, fresh memory for an array is free: the allocator keeps some."""


class Pool:
    """Blocks for the arrays of a batch.

    A block is handed out again when the last array, view or tensor on it is gone, so that a tensor
    which a trainer keeps never changes. Threads may share a pool. A copy in another process begins
    empty.

    Args:
        arrays: field -> dtype and shape of its array.
        clips: number of clips in the largest batch.
        most: the largest number of unused blocks that are kept for each field.
    """

    def __init__(self, arrays: Mapping[str, ArrayShape], clips: int, most: int) -> None:
        self._arrays = {
            name: array for name, array in arrays.items() if array.bytes(clips) > _SMALL
        }
        self._clips = clips
        self._most = most
        self._free: dict[str, deque[NDArray[np.uint8]]] = {
            name: deque(maxlen=most) for name in self._arrays
        }

    def __reduce__(self) -> tuple[type[Pool], tuple[Mapping[str, ArrayShape], int, int]]:
        return Pool, (self._arrays, self._clips, self._most)

    def places(self, clips: int) -> dict[str, NDArray[Any]]:
        """Arrays to write a batch into, for the fields whose arrays are large enough."""
        places = {}
        for name, array in self._arrays.items():
            free = self._free[name]
            try:
                block = free.pop()  # the block used last, which may still be in the cache
            except IndexError:
                block = np.empty(array.bytes(self._clips), np.uint8)
            loan = _Loan(block)
            weakref.finalize(loan, free.append, block).atexit = False
            flat = np.asarray(loan)[: array.bytes(clips)]
            places[name] = flat.view(array.dtype).reshape(clips, *array.shape)
        return places

    @staticmethod
    def tensor(array: NDArray[Any]) -> torch.Tensor:
        """A tensor that shares the array's memory, and keeps it from being used again."""
        return tensor_over(array)


class _Loan:
    """Owns a block that is in use. It is the base of all arrays and views on the block, so it ends
    with the last of them."""

    def __init__(self, block: NDArray[np.uint8]) -> None:
        self.__array_interface__: dict[str, Any] = block.__array_interface__
