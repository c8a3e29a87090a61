"""What a clip and a batch are, for annotations: ``trajdata.Clip`` and ``trajdata.Batch``."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

__all__ = ["Batch", "Clip"]


class Clip(TypedDict, total=False):
    """One clip of a source: those keys that the source's ``fields`` name.

    Axes: T frames, C channels, H x W pixels, N objects, V cameras, K points on surfaces.
    ``trajdata.FIELDS`` has units and meanings.
    """

    video: NDArray[np.uint8]  # (T, C, H, W)
    label: np.int64
    index: np.int64
    trajectory: NDArray[np.float32]  # (T, 3)
    jittered: NDArray[np.float32]  # (T, 3)
    pixels: NDArray[np.float32]  # (T, 2)
    depth: NDArray[np.float32]  # (T,)
    radius: NDArray[np.float32]  # (T,)
    exists: NDArray[np.bool_]  # (N,)
    present: NDArray[np.bool_]  # (N, T)
    laws: NDArray[np.int64]  # (N,)
    shapes: NDArray[np.int64]  # (N,)
    target: np.int64
    positions: NDArray[np.float32]  # (N, T, 3)
    velocities: NDArray[np.float32]  # (N, T, 3)
    half_extents: NDArray[np.float32]  # (N, 3)
    colours: NDArray[np.float32]  # (N, 3)
    quaternions: NDArray[np.float32]  # (N, T, 4)
    angular_velocities: NDArray[np.float32]  # (N, T, 3)
    boxes: NDArray[np.float32]  # (N, T, 4)
    amodal_boxes: NDArray[np.float32]  # (N, T, 4)
    visible_pixels: NDArray[np.int32]  # (N, T)
    visibility: NDArray[np.float32]  # (N, T)
    segmentations: NDArray[np.uint8]  # (T, H, W)
    depth_map: NDArray[np.float32]  # (T, H, W)
    forward_flow: NDArray[np.float32]  # (T, 2, H, W)
    backward_flow: NDArray[np.float32]  # (T, 2, H, W)
    points: NDArray[np.float32]  # (K, T, 2)
    occluded: NDArray[np.bool_]  # (K, T)
    intrinsics: NDArray[np.float32]  # (V, 3, 3)
    extrinsics: NDArray[np.float32]  # (V, T, 4, 4)
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
    exists: NDArray[np.bool_]  # (B, N,)
    present: NDArray[np.bool_]  # (B, N, T)
    laws: NDArray[np.int64]  # (B, N,)
    shapes: NDArray[np.int64]  # (B, N,)
    target: NDArray[np.int64]  # (B,)
    positions: NDArray[np.float32]  # (B, N, T, 3)
    velocities: NDArray[np.float32]  # (B, N, T, 3)
    half_extents: NDArray[np.float32]  # (B, N, 3)
    colours: NDArray[np.float32]  # (B, N, 3)
    quaternions: NDArray[np.float32]  # (B, N, T, 4)
    angular_velocities: NDArray[np.float32]  # (B, N, T, 3)
    boxes: NDArray[np.float32]  # (B, N, T, 4)
    amodal_boxes: NDArray[np.float32]  # (B, N, T, 4)
    visible_pixels: NDArray[np.int32]  # (B, N, T)
    visibility: NDArray[np.float32]  # (B, N, T)
    segmentations: NDArray[np.uint8]  # (B, T, H, W)
    depth_map: NDArray[np.float32]  # (B, T, H, W)
    forward_flow: NDArray[np.float32]  # (B, T, 2, H, W)
    backward_flow: NDArray[np.float32]  # (B, T, 2, H, W)
    points: NDArray[np.float32]  # (B, K, T, 2)
    occluded: NDArray[np.bool_]  # (B, K, T)
    intrinsics: NDArray[np.float32]  # (B, V, 3, 3)
    extrinsics: NDArray[np.float32]  # (B, V, T, 4, 4)
    params: dict[str, NDArray[np.float64]]  # (B,) each
    caption: list[str]
    equation: list[str]
