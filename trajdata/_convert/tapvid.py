"""A clip as TAP-Vid has it (Doersch et al., "TAP-Vid", NeurIPS 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._convert.taking import taken, three_channels

__all__ = ["to_tapvid"]


def to_tapvid(clip: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """A clip as one entry of a TAP-Vid file.

    Args:
        clip: with the fields ``CONVERTER_FIELDS["to_tapvid"]``.

    Returns:
        ``video`` uint8 (T, H, W, 3); ``points`` float32 (K, T, 2), (x, y) in shares of the frame:
        (0, 0) is its top left corner, (1, 1) the bottom right one; ``occluded`` bool (K, T).

    Raises:
        ArgumentError: the clip lacks a field, or is not one clip of one camera.
    """
    arrays = taken("to_tapvid", clip)
    height, width = arrays["video"].shape[2:]
    return {
        "video": three_channels(arrays["video"]),
        "points": arrays["points"] / np.array([width, height], np.float32),
        "occluded": arrays["occluded"].astype(bool),
    }
