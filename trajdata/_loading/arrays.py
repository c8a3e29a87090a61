"""Arrays that carry a batch's fields, and the tensors that lie on them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["BFLOAT16", "ArrayShape", "array_under", "tensor_over"]

BFLOAT16: np.dtype[Any] = np.dtype([("bfloat16", np.uint16)])
"""NumPy has no bfloat16: an array of this dtype carries the bits of one."""


@dataclass(frozen=True)
class ArrayShape:
    """Of one field: its dtype and the shape of one clip's value."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def bytes(self, clips: int) -> int:
        """Of a batch."""
        return math.prod(self.shape) * self.dtype.itemsize * clips


def tensor_over(array: NDArray[Any]) -> torch.Tensor:
    """A tensor that shares an array's memory.

    The memory lives as long as anything of the tensor does: views, and NumPy views of these, even
    when torch has moved the tensor itself elsewhere.
    """
    is_bfloat16 = array.dtype == BFLOAT16
    tensor = torch.from_numpy(array.view(np.int16) if is_bfloat16 else array)
    # share_memory_(), or the way through a queue, moves a storage's bytes into memory of torch and
    # drops what they lay on before, though NumPy views still point there. All of them keep the
    # storage, so let the storage keep the array.
    tensor.untyped_storage().lies_on = array  # type: ignore[attr-defined]
    return tensor.view(torch.bfloat16) if is_bfloat16 else tensor


def array_under(tensor: torch.Tensor) -> NDArray[Any]:
    """The inverse of ``tensor_over``: an array that shares the tensor's memory."""
    if tensor.dtype is torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(BFLOAT16)
    return tensor.numpy()
