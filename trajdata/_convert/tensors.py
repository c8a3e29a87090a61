"""A clip as torchvision's ``tv_tensors``, which its transforms change together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trajdata._checks import needed
from trajdata._convert.taking import taken

__all__ = ["to_tv_tensors"]

_HOW = "install the release of torchvision that was built for your torch"


def to_tv_tensors(clip: Mapping[str, Any]) -> dict[str, Any]:
    """A clip as a dict that ``torchvision.transforms.v2`` takes whole.

    M counts the objects that a frame shows, over all frames, in order of frames and slots: a row of
    ``boxes`` and of each of the others belong together.

    Args:
        clip: with the fields ``CONVERTER_FIELDS["to_tv_tensors"]``.

    Returns:
        ``video``, a ``Video`` uint8 (T, C, H, W); ``boxes``, ``BoundingBoxes`` float32 (M, 4) of
        what is seen, XYXY, pixels; ``masks``, a ``Mask`` bool (M, H, W); and int64 tensors (M,):
        ``labels``, indices into ``spec.shapes``, ``laws``, indices into ``spec.laws``, ``frames``
        and ``slots``.

    Raises:
        ArgumentError: the clip lacks a field, or is not one clip of one camera.
        MissingPackageError: torchvision is not installed, or not the one that fits to torch.
    """
    arrays = taken("to_tv_tensors", clip)
    tv_tensors = needed("torchvision.tv_tensors", _HOW)
    torch = needed("torch", _HOW)
    frames, slots = np.nonzero(arrays["visible_pixels"].T)
    masks = arrays["segmentations"][frames] == (slots + 1)[:, None, None]
    size = arrays["segmentations"].shape[1:]
    return {
        "video": tv_tensors.Video(torch.from_numpy(arrays["video"].copy())),
        "boxes": tv_tensors.BoundingBoxes(
            torch.from_numpy(arrays["boxes"][slots, frames]), format="XYXY", canvas_size=size
        ),
        "masks": tv_tensors.Mask(torch.from_numpy(masks)),
        "labels": torch.from_numpy(arrays["shapes"][slots]),
        "laws": torch.from_numpy(arrays["laws"][slots]),
        "frames": torch.from_numpy(frames),
        "slots": torch.from_numpy(slots),
    }
