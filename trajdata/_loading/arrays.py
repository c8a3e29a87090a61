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
    """A tensor that shares an array's memory."""
    if array.dtype == BFLOAT16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def array_under(tensor: torch.Tensor) -> NDArray[Any]:
    """The inverse of ``tensor_over``: an array that shares the tensor's memory."""
    if tensor.dtype is torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(BFLOAT16)
    return tensor.numpy()
