"""Arrays that hold a batch's fields, and the tensors that share their memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["BFLOAT16", "ArrayShape", "array_under", "tensor_over"]

BFLOAT16: np.dtype[Any] = np.dtype([("bfloat16", np.uint16)])
"""NumPy has no bfloat16: an array of this dtype holds the bits of bfloat16 numbers."""


@dataclass(frozen=True)
class ArrayShape:
    """The dtype of a field, and the shape of one clip's value."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def bytes(self, clips: int) -> int:
        """Bytes of the field in a batch of ``clips`` clips."""
        return math.prod(self.shape) * self.dtype.itemsize * clips


def tensor_over(array: NDArray[Any]) -> torch.Tensor:
    """A tensor that shares an array's memory.

    The memory stays valid as long as the tensor, a view of it or a NumPy view of these exists, even
    if torch has moved the tensor itself to other memory.
    """
    is_bfloat16 = array.dtype == BFLOAT16
    tensor = torch.from_numpy(array.view(np.int16) if is_bfloat16 else array)
    # share_memory_() and sending through a queue move the bytes of a storage into memory of torch.
    # Torch then drops the old memory, though NumPy views may still point there. These views keep a
    # reference to the storage, so the storage gets a reference to the array.
    tensor.untyped_storage().lies_on = array  # type: ignore[attr-defined]
    return tensor.view(torch.bfloat16) if is_bfloat16 else tensor


def array_under(tensor: torch.Tensor) -> NDArray[Any]:
    """The inverse of ``tensor_over``: an array that shares the tensor's memory."""
    if tensor.dtype is torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(BFLOAT16)
    return tensor.numpy()
