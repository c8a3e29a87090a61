"""Clips as COCO's annotations of instances (Lin et al., "Microsoft COCO", ECCV 2014)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from trajdata._checks import needed
from trajdata._convert.taking import taken
from trajdata._errors import ArgumentError
from trajdata._spec.model import ClipSpec

__all__ = ["to_coco"]


def to_coco(
    clips: Iterable[Mapping[str, Any]],
    spec: ClipSpec,
    *,
    categories: str = "shapes",
    file_name: str = "{index:012d}-{frame:04d}.png",
) -> dict[str, Any]:
    """Every frame of some clips as an image, with an annotation for each object that it shows.

    The masks are run-length codes, compressed by ``pycocotools``. This needs the extra
    ``convert``.

    Args:
        clips: with the fields ``CONVERTER_FIELDS["to_coco"]``; one may come after the other, they
            are not kept.
        spec: of the clips.
        categories: what an object is: ``"shapes"`` or ``"laws"``. Category k + 1 is that of index
            k in the spec's own list.
        file_name: of an image, by ``index`` and ``frame``. No image is written.

    Returns:
        ``images``, ``annotations`` and ``categories`` as COCO's JSON has them, ready for
        ``json.dump``: boxes of what is seen, (left, top, width, height) in pixels; ``area``, the
        pixels of the mask; ``iscrowd`` 0. Beside COCO's own keys, images have ``video_id`` (the
        clip's index) and ``frame_id``, and annotations ``track_id``, the object's slot.

    Raises:
        ArgumentError: a clip lacks a field, or is not one clip of one camera, other categories, or
            a file name with other parts.
        MissingPackageError: pycocotools is not installed.
    """
    if categories not in ("shapes", "laws"):
        raise ArgumentError(f"categories: given {categories!r:.80}; allowed are shapes, laws")
    masks = needed("pycocotools.mask", "pip install 'trajdata-video[convert]'")
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for clip in clips:
        arrays = taken("to_coco", clip, but=("laws",) if categories == "shapes" else ("shapes",))
        index = int(arrays["index"])
        frames, height, width = arrays["segmentations"].shape
        for k in range(frames):
            images.append(
                {
                    "id": len(images) + 1,
                    "file_name": _file_name(file_name, index, k),
                    "height": height,
                    "width": width,
                    "video_id": index,
                    "frame_id": k,
                }
            )
            for slot in np.flatnonzero(arrays["visible_pixels"][:, k]).tolist():
                mask = np.asfortranarray(arrays["segmentations"][k] == slot + 1, np.uint8)
                code = masks.encode(mask)
                left, top, right, bottom = map(float, arrays["boxes"][slot, k])
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": len(images),
                        "category_id": int(arrays[categories][slot]) + 1,
                        "segmentation": {
                            "size": [height, width],
                            "counts": code["counts"].decode("ascii"),
                        },
                        "area": int(arrays["visible_pixels"][slot, k]),
                        "bbox": [left, top, right - left, bottom - top],
                        "iscrowd": 0,
                        "track_id": slot,
                    }
                )
    names = spec.shapes if categories == "shapes" else spec.laws
    return {
        "images": images,
        "annotations": annotations,
        "categories": [
            {"id": k + 1, "name": name, "supercategory": categories} for k, name in enumerate(names)
        ],
    }


def _file_name(pattern: str, index: int, frame: int) -> str:
    try:
        return pattern.format(index=index, frame=frame)
    except (KeyError, IndexError, ValueError) as error:
        raise ArgumentError(
            f"file_name: given {pattern!r:.80}; allowed is a text with {{index}} and {{frame}}"
        ) from error
