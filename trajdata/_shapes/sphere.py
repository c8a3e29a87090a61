"""A sphere, lit by one light and an ambient share."""

from __future__ import annotations

import numpy as np

from trajdata._arithmetic.light import AMBIENT, DIFFUSE, lambert
from trajdata._jit import kernel
from trajdata._shapes.registry import NEVER, Shape

__all__ = ["SHAPE"]

_AMBIENT, _DIFFUSE = np.float32(AMBIENT), np.float32(DIFFUSE)

_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)


@kernel
def shade(x, y, lx, ly, lz, bend):  # type: ignore[no-untyped-def]
    """Lambert shading (J. H. Lambert, Photometria, 1760) plus an ambient share.

    From near by, a sphere shows less than its half: where the outline is the unit circle, the
    normal at (x, y) is (x, y, z) with z = sqrt(1 - x^2 - y^2), tilted towards the camera by
    ``bend``, size / distance, times its distance from the middle, to first order.
    """
    around = x * x + y * y
    z = np.sqrt(max(_ONE - around, _ZERO))
    across = (x * lx + y * ly) * (_ONE - bend * z)
    lit = min(max(across + lz * (z + bend * around), _ZERO), _ONE)
    return _AMBIENT + _DIFFUSE * lit


@kernel
def outline(x, y, z, size):  # type: ignore[no-untyped-def]
    """The ellipse in which the picture's plane cuts the cone of rays that touch the sphere."""
    room = z * z - size * size
    rest = x * x + y * y + room
    longer = np.sqrt(rest / room)
    stretch = np.sqrt(longer)
    around = x * x + y * y
    # Along the line to the middle it is shorter by the stretch, across it longer.
    part = (1.0 / stretch - stretch) / max(around, 1e-12)
    radius = size / np.sqrt(room) * stretch
    return (
        x * z / room,
        y * z / room,
        radius,
        stretch + part * x * x,
        part * x * y,
        stretch + part * y * y,
    )


@kernel
def intersect(ox, oy, oz, dx, dy, dz, size):  # type: ignore[no-untyped-def]
    along = -(ox * dx + oy * dy + oz * dz)
    beyond = ox * ox + oy * oy + oz * oz - size * size
    below = along * along - (dx * dx + dy * dy + dz * dz) * beyond
    depth = beyond / (along + np.sqrt(max(below, 0.0)))
    return depth if below >= 0.0 and along > 0.0 else NEVER


@kernel
def shine(x, y, z, size, lx, ly, lz):  # type: ignore[no-untyped-def]
    return lambert(x / size, y / size, z / size, lx, ly, lz)


@kernel
def _tangents(side, z, size):  # type: ignore[no-untyped-def]
    """The slopes of the two lines from the origin that touch a circle about (side, z)."""
    room = z * z - size * size
    swing = size * np.sqrt(side * side + room)
    return (side * z - swing) / room, (side * z + swing) / room


@kernel
def bounds(pose, size):  # type: ignore[no-untyped-def]
    left, right = _tangents(pose[0], pose[2], size)
    top, bottom = _tangents(pose[1], pose[2], size)
    return left, top, right, bottom


SHAPE = Shape(
    name="sphere",
    shade=shade,
    outline=outline,
    depths=(-1.0, 0.0),
    intersect=intersect,
    shine=shine,
    bounds=bounds,
    half_extents=(1.0, 1.0, 1.0),
)
