"""How much of each pixel a solid covers, and in which shade: by rays.

A ray goes through every pixel's centre. Where it misses and its neighbours' do, the pixel is empty.
Where it hits, its neighbours' do too, and the shade goes evenly from one to the next, the centre
speaks for the pixel: it is full. In all other pixels an edge shows, of the outline or between two
faces, and they are taken as many rays. Rays stand in flat lists, as pixels do in
``_render.coverage``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from trajdata._jit import bare_kernel, kernel
from trajdata._render.facets import facet_coverer, facet_rooms
from trajdata._render.patterns import surface
from trajdata._render.pixel_rays import MANY, ray_shift, rays_for
from trajdata._render.rays import into_object
from trajdata._shapes.registry import NEVER, find_shape
from trajdata._world.choosing import choose

__all__ = ["make_rooms", "solid_coverer"]

_PIXELS = 64
"""Pixels whose rays are traced together."""
_UNEVEN = 1.0 / 64.0
"""A shade that is so far from the mean of those on two sides is next to an edge of faces."""
_MISS = -1.0
_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)


def _tracing(name: str, is_patterned: bool) -> Any:
    """The kernel that traces rays to an object of this shape."""
    intersect, shine = find_shape(name).intersect, surface(name, is_patterned)

    @kernel
    def trace(pose, size, light, pattern, xs, ys, shades):  # type: ignore[no-untyped-def]
        ox, oy, oz = into_object(pose, -pose[0], -pose[1], -pose[2])
        lx, ly, lz = into_object(pose, light[0], light[1], light[2])
        m0, m1, m2, m3, m4 = pose[3], pose[4], pose[5], pose[6], pose[7]
        m5, m6, m7, m8 = pose[8], pose[9], pose[10], pose[11]
        for i in range(shades.shape[0]):
            x, y = xs[i], ys[i]
            dx, dy, dz = m0 * x + m3 * y + m6, m1 * x + m4 * y + m7, m2 * x + m5 * y + m8
            t = intersect(ox, oy, oz, dx, dy, dz, size)
            hits = t < NEVER
            t = t if hits else 0.0
            shade = shine(ox + t * dx, oy + t * dy, oz + t * dz, size, lx, ly, lz, pattern)
            shades[i] = shade if hits else _MISS

    return trace


@kernel
def _is_even(found, at, i, j, rows, columns):  # type: ignore[no-untyped-def]
    """Whether a pixel's centre speaks for all of it; ``found``: shades of the box's centres."""
    own = found[at]
    if i == 0 or j == 0 or i == rows - 1 or j == columns - 1:
        return False
    for down in range(-1, 2):
        for right in range(-1, 2):
            if (found[at + down * columns + right] < 0.0) != (own < 0.0):
                return False
    if own < 0.0:
        return True
    across = found[at - 1] + found[at + 1] - 2.0 * own
    upright = found[at - columns] + found[at + columns] - 2.0 * own
    return abs(across) <= _UNEVEN and abs(upright) <= _UNEVEN


@kernel
def _no_solid(shape, pose, size, light, pattern, box, lens, rooms, cover, shades):  # type: ignore[no-untyped-def]
    cover[:] = _ZERO


@kernel
def make_rooms(height, width):  # type: ignore[no-untyped-def]
    """Memory in which ``cover_solid`` works, for pictures of this size."""
    room = _PIXELS * MANY
    rays = np.empty(room), np.empty(room), np.empty(room), np.empty(MANY), np.empty(MANY)
    return np.empty(height * width), rays, np.empty(_PIXELS, np.int64), facet_rooms(height, width)


@kernel
def _no_facets(shape, pose, size, light, box, lens, rooms, cover, shades):  # type: ignore[no-untyped-def]
    pass


@cache
def solid_coverer(
    shapes: tuple[str, ...], rounds: tuple[bool, ...], is_patterned: bool = False
) -> Any:
    """The kernel ``cover_solid`` for objects of these shapes; where all are taken as round, it is
    empty."""
    if all(rounds):
        return _no_solid
    meshed = tuple(find_shape(name).mesh is not None and not is_patterned for name in shapes)
    cover_facets = facet_coverer(shapes) if any(meshed) else _no_facets
    trace = choose([_tracing(name, is_patterned) for name in shapes])

    @bare_kernel
    def cover_solid(shape, pose, size, light, pattern, box, lens, rooms, cover, shades):  # type: ignore[no-untyped-def]
        """Fill ``cover`` and ``shades`` (float32) for the pixels of a box, row by row.

        pose: float64 (12,). light: float64 (3,). pattern: of the object. box: top, left, rows,
        columns; nothing of the object is outside. rooms: as ``make_rooms`` makes them.
        """
        found, (xs, ys, hits, rights, downs), which, facets = rooms
        if meshed[shape]:
            cover_facets(shape, pose, size, light, box, lens, facets, cover, shades)
            return
        focal, middle_x, middle_y = lens
        top, left, rows, columns = box[0], box[1], box[2], box[3]
        room = _PIXELS * MANY
        area = rows * columns
        rays = rays_for(area)
        for number in range(rays):
            rights[number], downs[number] = ray_shift(number, rays)
        begun = listed = 0
        for i in range(rows):
            for j in range(columns):
                xs[listed] = (left + j + 0.5 - middle_x) / focal
                ys[listed] = (top + i + 0.5 - middle_y) / focal
                listed += 1
                if listed == room or begun + listed == area:
                    own = found[begun : begun + listed]
                    trace(shape, pose, size, light, pattern, xs[:listed], ys[:listed], own)
                    begun += listed
                    listed = 0
        at = 0
        for i in range(rows):
            for j in range(columns):
                if _is_even(found, at, i, j, rows, columns):
                    cover[at] = _ZERO if found[at] < 0.0 else _ONE
                    shades[at] = np.float32(max(found[at], 0.0))
                else:
                    x, y, first = left + j - middle_x, top + i - middle_y, listed * rays
                    px, py = xs[first : first + rays], ys[first : first + rays]
                    for number in range(rays):
                        px[number] = (x + rights[number]) / focal
                        py[number] = (y + downs[number]) / focal
                    which[listed] = at
                    listed += 1
                at += 1
                if listed == _PIXELS or (at == area and listed > 0):
                    count = listed * rays
                    trace(shape, pose, size, light, pattern, xs[:count], ys[:count], hits[:count])
                    for n in range(listed):
                        own = hits[n * rays : (n + 1) * rays]
                        total, seen = 0.0, 0.0
                        for number in range(rays):
                            is_hit = own[number] >= 0.0
                            total += own[number] if is_hit else 0.0
                            seen += 1.0 if is_hit else 0.0
                        cover[which[n]] = np.float32(seen / rays)
                        shades[which[n]] = np.float32(total / max(seen, 1.0))
                    listed = 0

    return cover_solid
