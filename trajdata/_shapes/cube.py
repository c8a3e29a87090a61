"""A cube, turned any way: it fits into a sphere of the object's radius."""

from __future__ import annotations

import math

import numpy as np

from trajdata._arithmetic.light import lambert
from trajdata._jit import kernel
from trajdata._shapes.registry import NEVER, Mesh, Shape

__all__ = ["SHAPE"]

_HALF_EDGE = math.sqrt(1.0 / 3.0)


@kernel
def _slab(origin, along, half):  # type: ignore[no-untyped-def]
    """When a ray enters and leaves what is between two faces."""
    one, two = (-half - origin) / along, (half - origin) / along
    return min(one, two), max(one, two)


@kernel
def intersect(ox, oy, oz, dx, dy, dz, size):  # type: ignore[no-untyped-def]
    half = _HALF_EDGE * size
    x0, x1 = _slab(ox, dx, half)
    y0, y1 = _slab(oy, dy, half)
    z0, z1 = _slab(oz, dz, half)
    enters = max(max(x0, y0), z0)
    leaves = min(min(x1, y1), z1)
    return enters if enters <= leaves else NEVER


@kernel
def shine(x, y, z, size, lx, ly, lz):  # type: ignore[no-untyped-def]
    ax, ay, az = abs(x), abs(y), abs(z)
    # The face that a point is on is that of its greatest coordinate.
    is_x = ax >= ay and ax >= az
    is_y = ay >= az and not is_x
    along = lx if is_x else (ly if is_y else lz)
    place = x if is_x else (y if is_y else z)
    return lambert(1.0, 0.0, 0.0, along if place > 0.0 else -along, 0.0, 0.0)


@kernel
def bounds(pose, size):  # type: ignore[no-untyped-def]
    half = _HALF_EDGE * size
    left = top = math.inf
    right = bottom = -math.inf
    for corner in range(8):
        a = half if corner & 1 else -half
        b = half if corner & 2 else -half
        c = half if corner & 4 else -half
        x = pose[0] + pose[3] * a + pose[4] * b + pose[5] * c
        y = pose[1] + pose[6] * a + pose[7] * b + pose[8] * c
        z = pose[2] + pose[9] * a + pose[10] * b + pose[11] * c
        left, right = min(left, x / z), max(right, x / z)
        top, bottom = min(top, y / z), max(bottom, y / z)
    return left, top, right, bottom


def mesh(sides: int) -> Mesh:
    """Its six faces, whatever the sides."""
    signs = (-1.0, 1.0)
    corners = [(x, y, z) for x in signs for y in signs for z in signs]
    normals = [(s, 0.0, 0.0) for s in signs]
    normals += [(0.0, s, 0.0) for s in signs] + [(0.0, 0.0, s) for s in signs]
    edges = []
    for axis in range(3):
        one, two = (axis + 1) % 3, (axis + 2) % 3
        for a in range(2):
            for b in range(2):
                begin = a * (4 >> one) + b * (4 >> two)
                # Seen from outside, as the edge goes up its axis, the next axis' face is to its
                # left where both faces look the same way along their axes.
                faces = (2 * one + a, 2 * two + b)
                left, right = faces if a == b else faces[::-1]
                edges.append((begin, begin + (4 >> axis), left, right))
    return Mesh(_HALF_EDGE * np.array(corners), np.array(normals), np.array(edges, np.int64))


SHAPE = Shape(
    name="cube",
    depths=(-1.0, 1.0),
    intersect=intersect,
    shine=shine,
    bounds=bounds,
    half_extents=(_HALF_EDGE, _HALF_EDGE, _HALF_EDGE),
    mesh=mesh,
)
