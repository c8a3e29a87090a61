"""From pictures at moments to frames: motion blur as a mean over time, and trails.

Source of the mean: R. L. Cook, T. Porter, L. Carpenter, "Distributed ray tracing", SIGGRAPH 1984.
"""

from __future__ import annotations

import numpy as np

from trajdata._jit import kernel

__all__ = ["add_trails", "expose_frames"]

_HALF = np.float32(0.5)


@kernel
def expose_frames(pictures, target, first, stride):  # type: ignore[no-untyped-def]
    """Write the mean of each frame's pictures, rounded to the nearest gray level.

    pictures: uint8 (B, T, E, n), E of each frame. target, first, stride: as of ``render_clips``,
    for T n bytes a clip.
    """
    count, frames, exposures, size = pictures.shape
    totals = np.empty(size, np.int32)
    for b in range(count):
        for k in range(frames):
            totals[:] = exposures // 2
            for number in range(exposures):
                picture = pictures[b, k, number]
                for i in range(size):
                    totals[i] += picture[i]
            at = first + b * stride + k * size
            for i in range(size):
                target[at + i] = np.uint8(np.uint32(totals[i]) // np.uint32(exposures))


@kernel
def add_trails(share, grounds, target, first, stride, frames):  # type: ignore[no-untyped-def]
    """Add to each frame what is left of those before: ``share`` of it for each frame that passes.

    A pixel shows this frame or what is left, whichever differs more from the background (by the
    sum of squares over the channels). grounds: uint8 (B, T or 1, C, H * W), the background alone.
    target, first, stride: as of ``render_clips``, for T frames a clip.
    """
    count, views, channels, plane = grounds.shape
    share = np.float32(share)
    left = np.empty((channels, plane), np.float32)
    for b in range(count):
        left[:] = np.float32(0.0)
        for k in range(frames):
            ground = grounds[b, min(k, views - 1)]
            at = first + b * stride + k * channels * plane
            for pixel in range(plane):
                own, old = np.float32(0.0), np.float32(0.0)
                for c in range(channels):
                    shown = np.float32(target[at + c * plane + pixel])
                    shown = shown - np.float32(ground[c, pixel])
                    own += shown * shown
                    faded = share * left[c, pixel]
                    old += faded * faded
                for c in range(channels):
                    place = at + c * plane + pixel
                    back = np.float32(ground[c, pixel])
                    if own >= old:
                        left[c, pixel] = np.float32(target[place]) - back
                    else:
                        left[c, pixel] = share * left[c, pixel]
                        value = min(max(back + left[c, pixel], np.float32(0.0)), np.float32(255.0))
                        target[place] = np.uint8(np.int32(value + _HALF))
