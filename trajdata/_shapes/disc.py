"""A flat disc, always parallel to the picture: it shows its own colour, whatever the light."""

from __future__ import annotations

from trajdata._arithmetic.perspective import circle_slopes
from trajdata._jit import kernel
from trajdata._shapes.registry import NEVER, Shape

__all__ = ["SHAPE"]


@kernel
def outline(x, y, z, size):  # type: ignore[no-untyped-def]
    return x / z, y / z, size / z, 1.0, 0.0, 1.0


@kernel
def intersect(ox, oy, oz, dx, dy, dz, size):  # type: ignore[no-untyped-def]
    t = -oz / dz
    x, y = ox + t * dx, oy + t * dy
    return t if x * x + y * y <= size * size else NEVER


@kernel
def shine(x, y, z, size, lx, ly, lz):  # type: ignore[no-untyped-def]
    return 1.0


@kernel
def bounds(pose, size):  # type: ignore[no-untyped-def]
    x, y, z = pose[0], pose[1], pose[2]
    return (x - size) / z, (y - size) / z, (x + size) / z, (y + size) / z


@kernel
def turned_bounds(pose, size):  # type: ignore[no-untyped-def]
    p = pose
    ux, vx, uy, vy, uz, vz = p[3], p[4], p[6], p[7], p[9], p[10]
    ux, vx, uy, vy, uz, vz = size * ux, size * vx, size * uy, size * vy, size * uz, size * vz
    left, right = circle_slopes(p[0], p[2], ux, uz, vx, vz)
    top, bottom = circle_slopes(p[1], p[2], uy, uz, vy, vz)
    return left, top, right, bottom


SHAPE = Shape(
    name="disc",
    outline=outline,
    depths=(0.0, 0.0),
    intersect=intersect,
    shine=shine,
    bounds=bounds,
    turned_bounds=turned_bounds,
    half_extents=(1.0, 1.0, 0.0),
    is_upright=True,
)
