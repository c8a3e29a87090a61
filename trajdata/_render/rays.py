"""Rays from the camera: where they meet an object, and what an object spans on the picture.

A ray goes through (x, y, 1) of the camera's axes, so that how often it must go that far is the
depth of where it ends. All of this is float64: what a clip's truth says is exact, not only close.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from trajdata._jit import bare_kernel
from trajdata._render.patterns import surface
from trajdata._shapes.registry import find_shape
from trajdata._world.choosing import choose

__all__ = [
    "AIMED",
    "aim",
    "box_of",
    "caster",
    "into_object",
    "out_of_object",
    "outliner",
    "shiner",
    "tracer",
]

AIMED = 13
"""Numbers that rays to one object have in common."""


@cache
def outliner(shapes: tuple[str, ...], turned: bool = False) -> Any:
    """The kernel (shape, pose, size) -> left, top, right, bottom; see ``Shape.bounds``. turned:
    whether cameras turn."""
    found = [find_shape(name) for name in shapes]
    return choose([(turned and shape.turned_bounds) or shape.bounds for shape in found])


@cache
def caster(shapes: tuple[str, ...]) -> Any:
    """The kernel (shape, pose, size, x, y) -> depth, in metres, at which the ray through (x, y, 1)
    meets an object, or ``NEVER``. pose: float64 (12,), see ``_world.pose``."""
    intersect = choose([find_shape(name).intersect for name in shapes])

    @bare_kernel
    def cast(shape, pose, size, x, y):  # type: ignore[no-untyped-def]
        ox, oy, oz = into_object(pose, -pose[0], -pose[1], -pose[2])
        dx, dy, dz = into_object(pose, x, y, 1.0)
        return intersect(shape, ox, oy, oz, dx, dy, dz, size)

    return cast


@bare_kernel
def aim(pose, size, aimed):  # type: ignore[no-untyped-def]
    """Fill ``aimed``, (AIMED,), with what many rays to one object have in common: where the camera
    is in the object's axes, the matrix into them, and the object's size."""
    aimed[0], aimed[1], aimed[2] = into_object(pose, -pose[0], -pose[1], -pose[2])
    for i in range(3, 12):
        aimed[i] = pose[i]
    aimed[12] = size


@cache
def tracer(shapes: tuple[str, ...]) -> Any:
    """The kernel (shape, aimed, xs, ys, depths) that fills ``depths`` as ``caster`` would, for many
    rays: those through (xs[i], ys[i], 1). aimed: see ``aim``. All are float64; a multiple of four
    rays is fastest."""
    return choose([_tracing(name) for name in shapes])


def _tracing(name: str) -> Any:
    intersect = find_shape(name).intersect

    @bare_kernel
    def trace(aimed, xs, ys, depths):  # type: ignore[no-untyped-def]
        ox, oy, oz, size = aimed[0], aimed[1], aimed[2], aimed[12]
        m0, m1, m2, m3, m4 = aimed[3], aimed[4], aimed[5], aimed[6], aimed[7]
        m5, m6, m7, m8 = aimed[8], aimed[9], aimed[10], aimed[11]
        # Not a fixed number of turns: a short loop would be unrolled before it becomes vectors.
        for i in range(depths.shape[0]):
            x, y = xs[i], ys[i]
            dx, dy, dz = m0 * x + m3 * y + m6, m1 * x + m4 * y + m7, m2 * x + m5 * y + m8
            depths[i] = intersect(ox, oy, oz, dx, dy, dz, size)

    return trace


@cache
def shiner(shapes: tuple[str, ...], is_patterned: bool) -> Any:
    """The kernel (shape, pose, size, x, y, depth, light, pattern) -> how much of its colour an
    object shows, 0..1, where the ray through (x, y, 1) meets it at that depth."""
    shine = choose([surface(name, is_patterned) for name in shapes])

    @bare_kernel
    def shine_at(shape, pose, size, x, y, depth, light, pattern):  # type: ignore[no-untyped-def]
        px, py, pz = into_object(pose, depth * x - pose[0], depth * y - pose[1], depth - pose[2])
        lx, ly, lz = into_object(pose, light[0], light[1], light[2])
        return shine(shape, px, py, pz, size, lx, ly, lz, pattern)

    return shine_at


@bare_kernel
def into_object(pose, x, y, z):  # type: ignore[no-untyped-def]
    """A direction of the camera's axes in an object's own."""
    return (
        pose[3] * x + pose[6] * y + pose[9] * z,
        pose[4] * x + pose[7] * y + pose[10] * z,
        pose[5] * x + pose[8] * y + pose[11] * z,
    )


@bare_kernel
def out_of_object(pose, x, y, z):  # type: ignore[no-untyped-def]
    """A point of an object's own axes in the camera's."""
    return (
        pose[0] + (pose[3] * x + pose[4] * y + pose[5] * z),
        pose[1] + (pose[6] * x + pose[7] * y + pose[8] * z),
        pose[2] + (pose[9] * x + pose[10] * y + pose[11] * z),
    )


@bare_kernel
def box_of(top, left, bottom, right, height, width):  # type: ignore[no-untyped-def]
    """The pixels that an outline touches: first row, first column, end of rows, end of columns."""
    return (
        min(max(int(np.floor(top)), 0), height),
        min(max(int(np.floor(left)), 0), width),
        min(max(int(np.floor(bottom)) + 1, 0), height),
        min(max(int(np.floor(right)) + 1, 0), width),
    )
