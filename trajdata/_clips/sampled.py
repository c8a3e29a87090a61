"""A batch between its scenes and its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Sampled"]


@dataclass(frozen=True)
class Sampled:
    """A batch after the stages before the pixels; see the kernels for shapes and units."""

    indices: NDArray[np.int64]
    labels: NDArray[np.int64]
    scenes: NDArray[np.void]
    numbers: NDArray[np.float64]

    def __getitem__(self, part: slice) -> Sampled:
        """Some of the clips."""
        return Sampled(self.indices[part], self.labels[part], self.scenes[part], self.numbers[part])
