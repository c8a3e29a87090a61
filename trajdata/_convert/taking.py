"""What the converters take of a clip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._errors import ArgumentError

__all__ = ["CONVERTER_FIELDS", "taken", "three_channels"]

CONVERTER_FIELDS: dict[str, tuple[str, ...]] = {
    "to_movi": (
        *("video", "index", "exists", "shapes", "half_extents", "colours", "positions"),
        *("velocities", "quaternions", "angular_velocities", "boxes", "visible_pixels"),
        *("segmentations", "depth_map", "forward_flow", "backward_flow"),
        *("intrinsics", "extrinsics"),
    ),
    "to_tapvid": ("video", "points", "occluded"),
    "to_coco": ("index", "laws", "shapes", "boxes", "visible_pixels", "segmentations"),
    "to_tv_tensors": ("video", "laws", "shapes", "boxes", "visible_pixels", "segmentations"),
}
"""The fields that a clip must have for each converter: ``ClipSource(spec, fields=...)``."""

_AXES = {"video": 4, "segmentations": 3, "boxes": 3, "points": 3}
"""Axes of a clip's arrays, by which a batch, or a clip of several cameras, is known."""


def taken(
    converter: str, clip: Mapping[str, Any], but: tuple[str, ...] = ()
) -> dict[str, NDArray[Any]]:
    """The arrays that a converter needs of a clip.

    Args:
        converter: a key of ``CONVERTER_FIELDS``.
        clip: one clip of a source.
        but: fields that it can do without.

    Raises:
        ArgumentError: the clip lacks a field, or is a batch or has several cameras.
    """
    fields = CONVERTER_FIELDS[converter]
    missing = [name for name in fields if name not in clip and name not in but]
    if missing:
        raise ArgumentError(
            f"clip: given one without {', '.join(missing)}; {converter} takes clips of a source "
            f"with fields=trajdata.convert.CONVERTER_FIELDS[{converter!r}]"
        )
    arrays = {name: np.asarray(clip[name]) for name in fields if name in clip}
    for name, axes in _AXES.items():
        if name in arrays and arrays[name].ndim != axes:
            raise ArgumentError(
                f"clip: given {name} of shape {arrays[name].shape}; {converter} takes one clip of "
                f"one camera, whose {name} has {axes} axes"
            )
    return arrays


def three_channels(video: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A video (T, C, H, W) as (T, H, W, 3); gray is repeated."""
    return np.ascontiguousarray(
        np.broadcast_to(video, (video.shape[0], 3, *video.shape[2:])).transpose(0, 2, 3, 1)
    )
