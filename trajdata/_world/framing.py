"""Show that an object stays inside the frame at every moment, and that it moves.

The side of the frustum, less the margin, is the plane x = free_x z, from which an object's centre
must be a radius away: free_x z - |x| >= slant_x radius with slant_x = sqrt(1 + free_x^2), a bound
on a linear form in (x, y, z). A displacement by up to ``shake`` along each axis takes at most
(1 + free_x) shake from that form.

A law with a bound of linear forms shows it in closed form. For any other the forms are taken at
moments of a grid that divides the time window evenly, whatever the number of frames: no moment is
farther than half a step from one of them, so a form with gradient g is nowhere lower than at the
nearest of them by more than half a step times |g| times the speed limit that the law declares.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trajdata._jit import kernel
from trajdata._laws.registry import Law

__all__ = ["STEPS", "inside_of", "moved_of"]

STEPS = 96
"""Of the grid on which laws without a bound are shown to be inside."""

_PARTS = 16
"""Of the path whose length is measured: chords, so that it is never taken for longer."""


def inside_of(law: Law) -> Any:
    """The law's kernel (numbers, t0, t1, radius, settings) -> whether it stays inside."""
    return _by_bound(law.least) if law.fastest is None else _by_samples(law.position, law.fastest)


def _by_bound(least: Any) -> Any:
    @kernel
    def inside(n, t0, t1, radius, settings):  # type: ignore[no-untyped-def]
        need_x = settings.slant_x * radius + settings.shake * (1.0 + settings.free_x)
        need_y = settings.slant_y * radius + settings.shake * (1.0 + settings.free_y)
        return (
            least(n, t0, t1, -1.0, 0.0, settings.free_x) >= need_x
            and least(n, t0, t1, 1.0, 0.0, settings.free_x) >= need_x
            and least(n, t0, t1, 0.0, -1.0, settings.free_y) >= need_y
            and least(n, t0, t1, 0.0, 1.0, settings.free_y) >= need_y
            and least(n, t0, t1, 0.0, 0.0, 1.0) >= settings.reach_low + settings.shake
            and least(n, t0, t1, 0.0, 0.0, -1.0) >= settings.shake - settings.reach_high
        )

    return inside


def _by_samples(position: Any, fastest: Any) -> Any:
    @kernel
    def inside(n, t0, t1, radius, settings):  # type: ignore[no-untyped-def]
        step = (t1 - t0) / STEPS
        between = 0.5 * step * fastest(n, t0, t1)
        fx, fy = settings.free_x, settings.free_y
        need_x = (
            settings.slant_x * radius
            + settings.shake * (1.0 + fx)
            + between * np.sqrt(1.0 + fx * fx)
        )
        need_y = (
            settings.slant_y * radius
            + settings.shake * (1.0 + fy)
            + between * np.sqrt(1.0 + fy * fy)
        )
        nearest = settings.reach_low + settings.shake + between
        farthest = settings.reach_high - settings.shake - between
        # The last moment first: what leaves the frame is mostly outside at an end.
        for k in range(STEPS, -1, -1):
            x, y, z = position(n, t0 + step * k)
            # Written so that a position that is no number is not inside.
            is_seen = fx * z - abs(x) >= need_x and fy * z - abs(y) >= need_y
            if not (is_seen and nearest <= z <= farthest):
                return False
        return True

    return inside


def moved_of(law: Law) -> Any:
    """The law's kernel (numbers, t0, t1, least_path) -> whether its path on the picture is long
    enough, in shorter sides."""
    position = law.position
    if law.shows_motion:

        @kernel
        def shown(n, t0, t1, least_path):  # type: ignore[no-untyped-def]
            return True

        return shown

    @kernel
    def moved(n, t0, t1, least_path):  # type: ignore[no-untyped-def]
        step = (t1 - t0) / _PARTS
        x, y, z = position(n, t0)
        x, y = x / z, y / z
        length = 0.0
        for k in range(1, _PARTS + 1):
            next_x, next_y, z = position(n, t0 + step * k)
            next_x, next_y = next_x / z, next_y / z
            dx, dy = next_x - x, next_y - y
            length += np.sqrt(dx * dx + dy * dy)
            # Mostly long before the end.
            if length >= least_path:
                return True
            x, y = next_x, next_y
        return False

    return moved
