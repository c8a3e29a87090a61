"""What a clip and a batch are, for annotations: ``trajdata.Clip`` and ``trajdata.Batch``."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

__all__ = ["Batch", "Clip"]


class Clip(TypedDict, total=False):
    """One clip of a source: those keys that the source's ``fields`` name.

    Axes: T frames, C channels, H x W pixels. ``trajdata.FIELDS`` has units and meanings.
    """

    video: NDArray[np.uint8]  # (T, C, H, W)
    label: np.int64
    index: np.int64
    trajectory: NDArray[np.float32]  # (T, 3)
    jittered: NDArray[np.float32]  # (T, 3)
    pixels: NDArray[np.float32]  # (T, 2)
    depth: NDArray[np.float32]  # (T,)
    radius: NDArray[np.float32]  # (T,)
    params: dict[str, np.float64]
    caption: str
    equation: str


class Batch(TypedDict, total=False):
    """Several clips of a source, stacked: the keys of ``Clip``, with B in front."""

    video: NDArray[np.uint8]  # (B, T, C, H, W)
    label: NDArray[np.int64]  # (B,)
    index: NDArray[np.int64]  # (B,)
    trajectory: NDArray[np.float32]  # (B, T, 3)
    jittered: NDArray[np.float32]  # (B, T, 3)
    pixels: NDArray[np.float32]  # (B, T, 2)
    depth: NDArray[np.float32]  # (B, T)
    radius: NDArray[np.float32]  # (B, T)
    params: dict[str, NDArray[np.float64]]  # (B,) each
    caption: list[str]
    equation: list[str]
