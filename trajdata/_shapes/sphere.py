"""A sphere, lit by one light and an ambient share."""

from __future__ import annotations

import numpy as np

from trajdata._arithmetic.light import AMBIENT, DIFFUSE, lambert
from trajdata._jit import kernel
from trajdata._shapes.registry import NEVER, Shape

__all__ = ["SHAPE"]

_AMBIENT, _DIFFUSE = np.float32(AMBIENT), np.float32(DIFFUSE)

_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)
_LEAST = np.float32(1e-3)


@kernel
def shade(lists, samples, weight, shades):  # type: ignore[no-untyped-def]
    """Lambert shading of a sphere (J. H. Lambert, Photometria, 1760) plus an ambient share.

    A pixel's shade is the mean over samples x samples points of it, weighted by how far each lies
    inside the outline: next to the limb the shade of a pixel's centre alone is off by too much.

    From near by, a sphere shows less than its half: where the outline is the unit circle, the
    normal at (x, y) is (x, y, z) with z = sqrt(1 - x^2 - y^2), tilted towards the camera by
    size / distance times its distance from the middle, to first order.
    """
    n = shades.shape[0]
    xs, ys, inverses, sharps = lists[0][:n], lists[1][:n], lists[3][:n], lists[4][:n]
    lxs, lys, lzs, bends = lists[5][:n], lists[6][:n], lists[7][:n], lists[8][:n]
    step = _ONE / np.float32(samples)
    weight[:] = _ZERO
    shades[:] = _ZERO
    for j in range(samples):
        shift_y = (np.float32(j) + _HALF) * step - _HALF
        for k in range(samples):
            shift_x = (np.float32(k) + _HALF) * step - _HALF
            for i in range(shades.shape[0]):
                x = (xs[i] + shift_x) * inverses[i]
                y = (ys[i] + shift_y) * inverses[i]
                around = x * x + y * y
                below = _ONE - around
                z = np.sqrt(max(below, _ZERO))
                across = (x * lxs[i] + y * lys[i]) * (_ONE - bends[i] * z)
                lit = min(max(across + lzs[i] * (z + bends[i] * around), _ZERO), _ONE)
                share = min(max(below * sharps[i] + _HALF, _LEAST), _ONE)
                weight[i] += share
                shades[i] += share * (_AMBIENT + _DIFFUSE * lit)
    for i in range(shades.shape[0]):
        shades[i] /= weight[i]


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
