"""A cylinder along its own z axis, turned any way: it fits into a sphere of the object's radius."""

from __future__ import annotations

import numpy as np

from trajdata._arithmetic.light import lambert
from trajdata._arithmetic.perspective import circle_slopes
from trajdata._arithmetic.ring import ring
from trajdata._jit import kernel
from trajdata._shapes.registry import NEVER, Mesh, Shape

__all__ = ["SHAPE"]

_RADIUS, _HALF_HEIGHT = 0.6, 0.8
_CLOSE = 1e-9
"""How near to a lid's plane, of size 1, a point is on the lid."""


@kernel
def intersect(ox, oy, oz, dx, dy, dz, size):  # type: ignore[no-untyped-def]
    """It is what an endless cylinder and the space between two planes have in common."""
    radius, half = _RADIUS * size, _HALF_HEIGHT * size
    one, two = (-half - oz) / dz, (half - oz) / dz
    a = dx * dx + dy * dy
    b = -(ox * dx + oy * dy)
    below = b * b - a * (ox * ox + oy * oy - radius * radius)
    swing = np.sqrt(max(below, 0.0))
    enters = max((b - swing) / a, min(one, two))
    leaves = min((b + swing) / a, max(one, two))
    return enters if below >= 0.0 and enters <= leaves else NEVER


@kernel
def shine(x, y, z, size, lx, ly, lz):  # type: ignore[no-untyped-def]
    is_lid = abs(z) >= (_HALF_HEIGHT - _CLOSE) * size
    per = 1.0 / (_RADIUS * size)
    nx = 0.0 if is_lid else x * per
    ny = 0.0 if is_lid else y * per
    nz = (1.0 if z > 0.0 else -1.0) if is_lid else 0.0
    return lambert(nx, ny, nz, lx, ly, lz)


@kernel
def _spans(x, z, ux, uz, vx, vz, wx, wz, radius, half):  # type: ignore[no-untyped-def]
    ux, uz, vx, vz = radius * ux, radius * uz, radius * vx, radius * vz
    wx, wz = half * wx, half * wz
    a, b = circle_slopes(x + wx, z + wz, ux, uz, vx, vz)
    c, d = circle_slopes(x - wx, z - wz, ux, uz, vx, vz)
    return min(a, c), max(b, d)


@kernel
def bounds(pose, size):  # type: ignore[no-untyped-def]
    """Of its two lids: what is between them is between their outlines."""
    p, radius, half = pose, _RADIUS * size, _HALF_HEIGHT * size
    left, right = _spans(p[0], p[2], p[3], p[9], p[4], p[10], p[5], p[11], radius, half)
    top, bottom = _spans(p[1], p[2], p[6], p[9], p[7], p[10], p[8], p[11], radius, half)
    return left, top, right, bottom


def mesh(sides: int) -> Mesh:
    """A prism of two lids of the circles' area."""
    corners, middles, far = ring(sides)
    far *= _RADIUS
    vertices = [(far * x, far * y, z) for z in (-_HALF_HEIGHT, _HALF_HEIGHT) for x, y in corners]
    normals = [(x, y, 0.0) for x, y in middles] + [(0.0, 0.0, -1.0), (0.0, 0.0, 1.0)]
    edges = []
    for i in range(sides):
        after = (i + 1) % sides
        edges.append((i, after, i, sides))
        edges.append((sides + i, sides + after, sides + 1, i))
        edges.append((i, sides + i, i - 1 if i else sides - 1, i))
    return Mesh(np.array(vertices), np.array(normals), np.array(edges, np.int64))


SHAPE = Shape(
    name="cylinder",
    depths=(-1.0, 1.0),
    intersect=intersect,
    shine=shine,
    bounds=bounds,
    half_extents=(_RADIUS, _RADIUS, _HALF_HEIGHT),
    mesh=mesh,
)
