"""A sphere, lit by one light and an ambient share."""

from __future__ import annotations

import numpy as np

from trajdata._jit import kernel
from trajdata._shapes.registry import NEVER, Shape

__all__ = ["AMBIENT", "DIFFUSE", "SHAPE"]

AMBIENT = np.float32(0.35)
"""Share of its colour that a point shows where no light falls."""
DIFFUSE = np.float32(0.65)
"""Share of its colour that a point shows more where the light falls straight on it."""

_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)
_LEAST = np.float32(1e-3)


@kernel
def shade(xs, ys, inverses, sharps, samples, lx, ly, lz, weight, shades):  # type: ignore[no-untyped-def]
    """Lambert shading of a sphere (J. H. Lambert, Photometria, 1760) plus an ambient share.

    A pixel's shade is the mean over samples x samples points of it, weighted by how far each lies
    inside the outline: next to the limb the shade of a pixel's centre alone is off by too much.
    """
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
                below = _ONE - x * x - y * y
                z = np.sqrt(max(below, _ZERO))
                lit = min(max(x * lx + y * ly - z * lz, _ZERO), _ONE)
                share = min(max(below * sharps[i] + _HALF, _LEAST), _ONE)
                weight[i] += share
                shades[i] += share * (AMBIENT + DIFFUSE * lit)
    for i in range(shades.shape[0]):
        shades[i] /= weight[i]


@kernel
def intersect(ox, oy, oz, dx, dy, dz, size):  # type: ignore[no-untyped-def]
    along = -(ox * dx + oy * dy + oz * dz)
    beyond = ox * ox + oy * oy + oz * oz - size * size
    below = along * along - (dx * dx + dy * dy + dz * dz) * beyond
    if below < 0.0 or along <= 0.0:
        return NEVER
    return beyond / (along + np.sqrt(below))


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
    intersect=intersect,
    bounds=bounds,
    half_extents=(1.0, 1.0, 1.0),
)
