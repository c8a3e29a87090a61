"""When frames are, and how fast objects move then."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["exposure_times", "frame_times", "velocities"]

_STEPS = 2048.0
"""Steps of the difference below that a clip would take."""


def frame_times(frames: int, seconds: float, beyond: int = 0) -> NDArray[np.float64]:
    """Seconds from a clip's first frame to each of its T frames, float64 (T + 2 beyond,).

    Frame k is at seconds * k / (T - 1): the first and the last moment do not depend on T.

    Args:
        frames: T.
        seconds: from the first frame to the last.
        beyond: so many moments more before the first frame and after the last.
    """
    return seconds * (np.arange(-beyond, frames + beyond) / (frames - 1))


def exposure_times(
    frames: int, seconds: float, exposures: int, shutter: float
) -> NDArray[np.float64]:
    """Seconds from a clip's first frame to the moments at which its frames are exposed, float64
    (T E,), frame by frame: evenly over a share of the time between frames, about the frame's own.

    Args:
        frames: T.
        seconds: from the first frame to the last.
        exposures: E, of each frame.
        shutter: the share of the time between frames.
    """
    shifts = shutter * ((np.arange(exposures) + 0.5) / exposures - 0.5)
    return (seconds / (frames - 1) * (np.arange(frames)[:, None] + shifts)).ravel()


def velocities(
    place_objects: Any,
    scenes: NDArray[np.void],
    numbers: NDArray[np.float64],
    frames: int,
    seconds: float,
) -> NDArray[np.float64]:
    """How fast each object moves along its law's path, float64 (B, O, T, 3), m/s.

    It is the central difference of fourth order of the law's positions (Abramowitz and Stegun
    25.3.21), which serves any law and is the same bits everywhere:
    (8 (p(t + h) - p(t - h)) - (p(t + 2 h) - p(t - 2 h))) / (12 h), with h = seconds / 2048. For a
    path that turns w radians in a clip the truncation is (w / 2048)^4 / 30 of the speed, below
    1e-10 of it for a whole turn and more, and rounding adds about 1e-12 m/s. Where a law's
    velocity jumps, frames within 2 h of the jump have a value between those on its two sides.
    """
    step = seconds / _STEPS
    times = frame_times(frames, seconds)
    away = []
    for steps in (1.0, 2.0):
        sides = []
        for side in (1.0, -1.0):
            positions = np.empty((*scenes.shape, frames, 3), np.float64)
            place_objects(scenes, numbers, times + side * steps * step, positions)
            sides.append(positions)
        away.append(sides[0] - sides[1])
    found: NDArray[np.float64] = (8.0 * away[0] - away[1]) / (12.0 * step)
    return found
