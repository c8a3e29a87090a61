"""A cone with its tip at +z, turned any way: it fits into a sphere of the object's radius.

Its centre is half-way between tip and base: x^2 + y^2 = (slope (half - z))^2 from z = -half, the
base, to z = half, the tip.
"""

from __future__ import annotations

import math

import numpy as np

from trajdata._arithmetic.light import lambert
from trajdata._arithmetic.perspective import circle_slopes
from trajdata._arithmetic.ring import ring
from trajdata._jit import kernel
from trajdata._shapes.registry import NEVER, Mesh, Shape

__all__ = ["SHAPE"]

_RADIUS, _HALF_HEIGHT = 0.6, 0.8
_SLOPE = _RADIUS / (2.0 * _HALF_HEIGHT)
_SQUARE = _SLOPE * _SLOPE
_PER_LENGTH = 1.0 / math.sqrt(1.0 + _SQUARE)
_CLOSE = 1e-9
"""How near to the base's plane, of size 1, a point is on the base."""


@kernel
def intersect(ox, oy, oz, dx, dy, dz, size):  # type: ignore[no-untyped-def]
    """It is what a double cone and the space between two planes have in common.

    A ray that leans less than the side is inside the double cone between two places. One that is
    steeper is inside before the first, in one half, and after the second, in the other half; the
    half that has a tip at +z comes first for a ray that goes up.
    """
    half = _HALF_HEIGHT * size
    one, two = (-half - oz) / dz, (half - oz) / dz
    below_tip = half - oz
    a = dx * dx + dy * dy - _SQUARE * dz * dz
    b = -(ox * dx + oy * dy + _SQUARE * below_tip * dz)
    c = ox * ox + oy * oy - _SQUARE * below_tip * below_tip
    below = b * b - a * c
    swing = np.sqrt(max(below, 0.0))
    first, second = (b - swing) / a, (b + swing) / a
    low, high = min(first, second), max(first, second)
    is_steep = a < 0.0
    begins = (-math.inf if dz > 0.0 else high) if is_steep else low
    ends = (low if dz > 0.0 else math.inf) if is_steep else high
    enters, leaves = max(begins, min(one, two)), min(ends, max(one, two))
    return enters if below >= 0.0 and enters <= leaves else NEVER


@kernel
def shine(x, y, z, size, lx, ly, lz):  # type: ignore[no-untyped-def]
    half = _HALF_HEIGHT * size
    is_base = z <= -half + _CLOSE * size
    # On the side: (x, y, slope^2 (half - z)), whose length is slope (half - z) sqrt(1 + slope^2).
    wide = _SLOPE * max(half - z, _CLOSE * size)
    per = _PER_LENGTH / wide
    nx = 0.0 if is_base else x * per
    ny = 0.0 if is_base else y * per
    nz = -1.0 if is_base else _SLOPE * _PER_LENGTH
    return lambert(nx, ny, nz, lx, ly, lz)


@kernel
def _spans(x, z, ux, uz, vx, vz, wx, wz, radius, half):  # type: ignore[no-untyped-def]
    wx, wz = half * wx, half * wz
    low, high = circle_slopes(x - wx, z - wz, radius * ux, radius * uz, radius * vx, radius * vz)
    tip = (x + wx) / (z + wz)
    return min(low, tip), max(high, tip)


@kernel
def bounds(pose, size):  # type: ignore[no-untyped-def]
    """Of its base and its tip: what is between them is between their outlines."""
    p, radius, half = pose, _RADIUS * size, _HALF_HEIGHT * size
    left, right = _spans(p[0], p[2], p[3], p[9], p[4], p[10], p[5], p[11], radius, half)
    top, bottom = _spans(p[1], p[2], p[6], p[9], p[7], p[10], p[8], p[11], radius, half)
    return left, top, right, bottom


def mesh(sides: int) -> Mesh:
    """A pyramid whose base has the circle's area."""
    corners, middles, far = ring(sides)
    (a, b), (c, d) = corners[:2]
    # The middle of a side is nearer than its corners: so its face is a little steeper than a cone.
    rise = 0.5 * math.sqrt((a + c) * (a + c) + (b + d) * (b + d)) * far * _SLOPE
    length = math.sqrt(1.0 + rise * rise)
    far *= _RADIUS
    vertices = [(far * x, far * y, -_HALF_HEIGHT) for x, y in corners]
    normals = [(x / length, y / length, rise / length) for x, y in middles]
    edges = []
    for i in range(sides):
        edges.append((i, (i + 1) % sides, i, sides))
        edges.append((i, sides, i - 1 if i else sides - 1, i))
    return Mesh(
        np.array([*vertices, (0.0, 0.0, _HALF_HEIGHT)]),
        np.array([*normals, (0.0, 0.0, -1.0)]),
        np.array(edges, np.int64),
    )


SHAPE = Shape(
    name="cone",
    depths=(-1.0, 1.0),
    intersect=intersect,
    shine=shine,
    bounds=bounds,
    half_extents=(_RADIUS, _RADIUS, _HALF_HEIGHT),
    mesh=mesh,
)
