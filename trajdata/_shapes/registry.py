"""The shapes of objects, found by name: one module each in this folder, nothing else to edit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._registry import find_in, names_in

__all__ = ["NEVER", "Mesh", "Shape", "find_shape", "shape_names"]

NEVER = math.inf
"""What ``intersect`` says of a ray that misses."""

_ROOM = "trajdata._shapes"


@dataclass(frozen=True)
class Mesh:
    """A convex solid of size 1 with flat faces.

    Attributes:
        vertices: float64 (V, 3), in the shape's own axes.
        normals: float64 (F, 3), of length 1, outwards.
        edges: int64 (E, 4): an edge's first and last vertex, and the faces to its left and right
            as it is seen from outside.
    """

    vertices: NDArray[np.float64]
    normals: NDArray[np.float64]
    edges: NDArray[np.int64]


@dataclass(frozen=True)
class Shape:
    """A shape. A module ``<name>.py`` declares it as ``SHAPE``.

    Attributes:
        name: by which specs and captions call it; also its module's name.
        depths: how much nearer and farther than its centre it can be seen, of size 1.
        intersect: kernel (ox, oy, oz, dx, dy, dz, size) -> how many times (dx, dy, dz) the ray from
            (ox, oy, oz) goes until it meets the surface, or ``NEVER``. In the object's own axes,
            from its centre; the ray starts outside. size: metres, the object's ``radius``.
        shine: kernel (x, y, z, size, lx, ly, lz) -> how much of its colour the point (x, y, z) of
            its surface shows, 0..1, where (lx, ly, lz) points at the light; in its own axes.
        bounds: kernel (pose, size) -> left, top, right, bottom of its outline, exact, as slopes
            x / z and y / z. pose: float64 (12,), see ``_world.pose``.
        turned_bounds: the same of a shape that is never turned in the world, as a camera sees it
            that is turned itself; left out: ``bounds`` knows any pose.
        half_extents: along its own axes, of an object of size 1.
        mesh: of a shape whose colour is even on flat faces, or on faces as narrow as one likes:
            how it looks with so many sides around (see ``ring``); those without curves ignore it.
        is_upright: whether it is always parallel to the picture, and so never turned.
        shade: of a shape that is seen as an ellipse, kernel (x, y, *light) -> how much of its
            colour it shows at (x, y), float32 0..1, where its outline is the unit circle; it may
            be asked a little beyond. light: see ``_render.coverage.turn_light``. Left out: all.
        outline: of the same, kernel (x, y, z, size) -> the ellipse of an object at (x, y, z): its
            centre (2), mean radius r, and the symmetric matrix (xx, xy, yy) of determinant 1 that
            makes it a circle of radius r; as slopes x / z and y / z.
    """

    name: str
    depths: tuple[float, float]
    intersect: Any
    shine: Any
    bounds: Any
    half_extents: tuple[float, float, float]
    is_upright: bool = False
    shade: Any = None
    outline: Any = None
    turned_bounds: Any = None
    mesh: Callable[[int], Mesh] | None = None

    @property
    def is_round(self) -> bool:
        """Whether it is seen as an ellipse; else as its rays meet it."""
        return self.outline is not None


def shape_names() -> tuple[str, ...]:
    """The names of all shapes, in alphabetical order."""
    return names_in(_ROOM)


def find_shape(name: str) -> Shape:
    """The shape of that name.

    Raises:
        ArgumentError: there is none.
    """
    found: Shape = find_in(_ROOM, name, "SHAPE", "shapes")
    return found
