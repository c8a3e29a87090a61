"""Show that an object stays inside the pictures of several cameras, or of one that moves.

As in ``_world.framing``, a side of a camera's frustum is a bound on a linear form of the place;
here the form is the camera's, turned into the world. A camera that moves is taken to stand still
for a short while, less what it can move in half of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trajdata._jit import kernel
from trajdata._laws.registry import Law
from trajdata._spec.cameras import CAMERA_PIECES
from trajdata._world.framing import STEPS
from trajdata._world.rig import set_camera

__all__ = ["inside_views_of"]

_ROOT = 1.7320508075688772
"""The length of a displacement by 1 along each axis."""


def inside_views_of(law: Law) -> Any:
    """The law's kernel (key, index, numbers, t0, t1, radius, settings) -> whether it stays within
    reach, before all cameras, and inside the pictures that have to show it."""
    return _by_pieces(law.least) if law.fastest is None else _by_samples(law.position, law.fastest)


def _by_pieces(least: Any) -> Any:
    @kernel
    def holds(n, a, b, camera, x, y, z, need):  # type: ignore[no-untyped-def]
        """Whether a form of the camera's axes is at least ``need`` from moment a to b."""
        along = x * camera[0] + y * camera[1] + z * camera[2]
        p = x * camera[3] + y * camera[6] + z * camera[9]
        q = x * camera[4] + y * camera[7] + z * camera[10]
        r = x * camera[5] + y * camera[8] + z * camera[11]
        return least(n, a, b, p, q, r) + along >= need

    @kernel
    def inside(key, index, n, t0, t1, radius, settings):  # type: ignore[no-untyped-def]
        if (
            least(n, t0, t1, 0.0, 0.0, 1.0) < settings.reach_low + settings.shake
            or least(n, t0, t1, 0.0, 0.0, -1.0) < settings.shake - settings.reach_high
        ):
            return False
        camera = np.empty(12)
        pieces = CAMERA_PIECES if settings.camera_rate > 0.0 else 1
        step = (t1 - t0) / pieces
        slack = 0.5 * settings.camera_rate / pieces + _ROOT * settings.shake
        fx, fy = settings.free_x, settings.free_y
        need_x, need_y = settings.slant_x * (radius + slack), settings.slant_y * (radius + slack)
        for piece in range(pieces):
            a, b = t0 + step * piece, t0 + step * (piece + 1)
            for view in range(np.int64(settings.views)):
                set_camera(key, index, view, (piece + 0.5) / pieces, settings, camera)
                if not holds(n, a, b, camera, 0.0, 0.0, 1.0, settings.reach_low + slack):
                    return False
                if view > 0 and settings.frames_all == 0.0:
                    continue
                if not (
                    holds(n, a, b, camera, -1.0, 0.0, fx, need_x)
                    and holds(n, a, b, camera, 1.0, 0.0, fx, need_x)
                    and holds(n, a, b, camera, 0.0, -1.0, fy, need_y)
                    and holds(n, a, b, camera, 0.0, 1.0, fy, need_y)
                ):
                    return False
        return True

    return inside


def _by_samples(position: Any, fastest: Any) -> Any:
    @kernel
    def inside(key, index, n, t0, t1, radius, settings):  # type: ignore[no-untyped-def]
        camera = np.empty(12)
        step = (t1 - t0) / STEPS
        between = 0.5 * step * fastest(n, t0, t1)
        slack = 0.5 * settings.camera_rate / STEPS + _ROOT * settings.shake + between
        fx, fy = settings.free_x, settings.free_y
        need_x, need_y = settings.slant_x * (radius + slack), settings.slant_y * (radius + slack)
        nearest = settings.reach_low + settings.shake + between
        farthest = settings.reach_high - settings.shake - between
        for k in range(STEPS, -1, -1):
            x, y, z = position(n, t0 + step * k)
            # Written so that a position that is no number is not inside.
            if not nearest <= z <= farthest:
                return False
            for view in range(np.int64(settings.views)):
                set_camera(key, index, view, k / STEPS, settings, camera)
                a = camera[0] + camera[3] * x + camera[4] * y + camera[5] * z
                b = camera[1] + camera[6] * x + camera[7] * y + camera[8] * z
                c = camera[2] + camera[9] * x + camera[10] * y + camera[11] * z
                if not c >= settings.reach_low + slack:
                    return False
                if view > 0 and settings.frames_all == 0.0:
                    continue
                if not (fx * c - abs(a) >= need_x and fy * c - abs(b) >= need_y):
                    return False
        return True

    return inside
