"""Where an object is in each frame, and how large, by subtraction of the background.

A clip's background is the median of its frames' borders. How far a pixel is from that colour, as a
share of what the most different pixel beside it is, is taken as how much of the pixel the object
covers: so the dark side of a sphere counts as much as its bright side. The object's centre is the
centroid of what is covered, its radius that of a disc of the covered area.

It follows one object on a plain background. With several objects it finds the centroid of all of
them; on a background with a texture it finds the texture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._errors import ArgumentError
from trajdata._jit import kernel

__all__ = ["Tracks", "as_videos", "track"]

_FULL = np.float32(0.6)
"""Share of the most different neighbour's difference from which a pixel counts as covered whole.
Of 0.5 to 1, the best compromise between place and radius."""
_LEAST = np.float32(24.0)
"""Difference, Euclidean over channels on 0..255, from which something may be an object."""
_NOISE = np.float32(6.0)
"""Difference below which a pixel is background."""
_SURE = 8.0
"""Differences above those of ``_LEAST`` by so much are as sure as can be."""


@dataclass(frozen=True)
class Tracks:
    """Where an object was found in B clips of T frames.

    Attributes:
        pixels: float64 (B, T, 2), (x, y) of its centre, pixels from the frame's top left corner.
        radius: float64 (B, T), pixels.
        confidence: float64 (B, T), 0..1: how much the object stands out from the background. 0
            where nothing was found; its centre is then the frame's, and its radius 0.
    """

    pixels: NDArray[np.float64]
    radius: NDArray[np.float64]
    confidence: NDArray[np.float64]


def as_videos(video: NDArray[Any]) -> NDArray[np.uint8]:
    """Videos as (B, T, C, H, W) uint8: as they are, or one clip with an axis in front.

    Args:
        video: uint8 (B, T, C, H, W) or (T, C, H, W); floats on 0..255 are rounded, and cut there.

    Raises:
        ArgumentError: another number of axes, channels other than 1 or 3, no frames, values that
            are no numbers.
    """
    given = np.asarray(video)
    shown = given[None] if given.ndim == 4 else given
    if shown.ndim != 5 or shown.shape[2] not in (1, 3) or min(shown.shape[1:]) < 1:
        raise ArgumentError(
            f"video: given shape {given.shape}; allowed are (B, T, C, H, W) and (T, C, H, W) with "
            "1 or 3 channels"
        )
    if shown.dtype == np.uint8:
        return np.ascontiguousarray(shown)
    if shown.dtype.kind not in "iuf" or not np.isfinite(shown).all():
        raise ArgumentError(
            f"video: given {shown.dtype} values; allowed are whole numbers and finite floats on 0 "
            "to 255"
        )
    return np.ascontiguousarray(np.clip(np.rint(shown), 0, 255).astype(np.uint8))


def track(video: NDArray[Any]) -> Tracks:
    """Follow the one object of each clip; no clip is left out.

    Args:
        video: uint8 (B, T, C, H, W) or (T, C, H, W) for one clip, a plain background. Floats are
            taken as 0..255.

    Raises:
        ArgumentError: not such an array.
    """
    videos = as_videos(video)
    count, frames = videos.shape[:2]
    tracks = Tracks(
        np.empty((count, frames, 2)), np.empty((count, frames)), np.empty((count, frames))
    )
    _track_clips(videos, tracks.pixels, tracks.radius, tracks.confidence)
    return tracks


@kernel
def _border_median(video, channel):  # type: ignore[no-untyped-def]
    """Median of a channel over the borders of all frames of a clip, (T, C, H, W)."""
    frames, _, height, width = video.shape
    counts = np.zeros(256, np.int64)
    for k in range(frames):
        for j in range(width):
            counts[video[k, channel, 0, j]] += 1
            counts[video[k, channel, height - 1, j]] += 1
        for i in range(1, height - 1):
            counts[video[k, channel, i, 0]] += 1
            counts[video[k, channel, i, width - 1]] += 1
    half, seen = np.sum(counts) // 2, 0
    for value in range(256):
        seen += counts[value]
        if seen > half:
            return np.float32(value)
    return np.float32(255.0)


@kernel
def _differences(frame, backs, differences):  # type: ignore[no-untyped-def]
    """Fill differences, float32 (H * W,), of a frame, uint8 (C, H * W), from the background."""
    differences[:] = np.float32(0.0)
    for c in range(frame.shape[0]):
        back, plane = backs[c], frame[c]
        for i in range(differences.shape[0]):
            off = np.float32(plane[i]) - back
            differences[i] += off * off
    for i in range(differences.shape[0]):
        differences[i] = np.sqrt(differences[i])


@kernel
def _track_clips(videos, pixels, radii, confidences):  # type: ignore[no-untyped-def]
    """Fill what ``Tracks`` describes for videos uint8 (B, T, C, H, W)."""
    count, frames, channels, height, width = videos.shape
    backs = np.empty(channels, np.float32)
    differences = np.empty(height * width, np.float32)
    for b in range(count):
        for c in range(channels):
            backs[c] = _border_median(videos[b], c)
        for k in range(frames):
            _differences(videos[b, k].reshape(channels, height * width), backs, differences)
            area = across = down = strongest = 0.0
            for i in range(height):
                for j in range(width):
                    here = differences[i * width + j]
                    if here < _NOISE:
                        continue
                    most = here
                    for y in range(max(i - 1, 0), min(i + 2, height)):
                        for x in range(max(j - 1, 0), min(j + 2, width)):
                            most = max(most, differences[y * width + x])
                    if most < _LEAST:
                        continue
                    strongest = max(strongest, most)
                    cover = min(here / (_FULL * most), np.float32(1.0))
                    area += cover
                    across += cover * (j + 0.5)
                    down += cover * (i + 0.5)
            if area > 0.0:
                pixels[b, k, 0], pixels[b, k, 1] = across / area, down / area
                radii[b, k] = np.sqrt(area / np.pi)
                confidences[b, k] = min((strongest - _LEAST) / ((_SURE - 1.0) * _LEAST), 1.0)
            else:
                pixels[b, k, 0], pixels[b, k, 1] = 0.5 * width, 0.5 * height
                radii[b, k] = confidences[b, k] = 0.0
