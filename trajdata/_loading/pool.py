"""Memory for batches in the process that renders them, used again once a batch is gone.

Fresh memory is slow: the system zeroes it page by page while a batch is written to it, which takes
as long as rendering the batch. So the block that a dropped batch lay on takes one of the next ones.
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
"""Bytes of an array up to which fresh memory costs nothing: the allocator has it at hand."""


class Pool:
    """Blocks for the arrays of a batch.

    A block is handed out again when the last array, view or tensor on it is gone: what a trainer
    keeps never changes. Threads may share a pool. A copy in another process begins empty.

    Args:
        arrays: the arrays of a batch, by field.
        clips: of the largest batch.
        most: blocks of a field that are kept for later, at most.
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
        """Arrays to write a batch into, for those fields for which it pays."""
        places = {}
        for name, array in self._arrays.items():
            free = self._free[name]
            try:
                block = free.pop()  # the latest: most of it may still be in the cache
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
    """The owner of a block while something lies on it: the base of all arrays and views there."""

    def __init__(self, block: NDArray[np.uint8]) -> None:
        self.__array_interface__: dict[str, Any] = block.__array_interface__
