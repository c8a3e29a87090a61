"""Settle the pixels that several objects are in.

Each object's coverage of a pixel is known. Where the objects lie one behind the other,
and at most one of those that show has its edge in the pixel, they are laid over one another: that
is exact. Where two edges cross, or objects reach into one another, rays decide.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from trajdata._jit import kernel
from trajdata._render.film import Looks, ground_of
from trajdata._render.pixel_rays import FEW, ray_shift
from trajdata._render.rays import caster, tracer
from trajdata._shapes.registry import NEVER, find_shape

__all__ = ["overlap_settler"]

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_HALF = np.float32(0.5)
_SHARE = np.float32(1.0 / FEW)


@kernel
def make_rays():  # type: ignore[no-untyped-def]
    """Where a pixel's rays go through it, and memory for where they go, how far, and to whom."""
    shifts = np.empty((2, FEW))
    for number in range(FEW):
        shifts[0, number], shifts[1, number] = ray_shift(number, FEW)
    places = np.empty((4, FEW))
    return shifts, places[0], places[1], places[2], places[3], np.empty(FEW, np.int64)


@cache
def overlap_settler(shapes: tuple[str, ...], has_ground: bool = False, turned: bool = False) -> Any:
    """The kernel ``settle`` for objects of these shapes, before a background of this kind. turned:
    whether cameras turn."""
    cast, trace = caster(shapes), tracer(shapes)
    ground_at = ground_of(Looks(has_ground=has_ground)).at
    found = [find_shape(name) for name in shapes]
    depths = [(-1.0, 1.0) if turned and shape.turned_bounds else shape.depths for shape in found]
    nears, fars = tuple(near for near, _ in depths), tuple(far for _, far in depths)

    @kernel
    def gather(scene, bodies, k, i, j, boxes, starts, covers, who, parts):  # type: ignore[no-untyped-def]
        """The objects that cover a pixel, the nearest first; how many."""
        count = 0
        for item in range(bodies.shape[0]):
            box = boxes[item, k]
            row, column = i - box[0], j - box[1]
            if row < 0 or row >= box[2] or column < 0 or column >= box[3]:
                continue
            part = covers[starts[item, k] + row * box[3] + column]
            if part <= _ZERO:
                continue
            near = bodies[item, 2] + nears[scene[item].shape] * scene[item].radius
            at = count
            while at > 0:
                other = who[at - 1]
                if bodies[other, 2] + nears[scene[other].shape] * scene[other].radius <= near:
                    break
                who[at], parts[at] = other, parts[at - 1]
                at -= 1
            who[at], parts[at] = item, part
            count += 1
        return count

    @kernel
    def are_apart(scene, bodies, who, parts, count):  # type: ignore[no-untyped-def]
        """Whether those objects that can be seen lie one behind the other."""
        farthest = -np.inf
        is_shut = False
        for n in range(count):
            item = who[n]
            shape, z, size = scene[item].shape, bodies[item, 2], scene[item].radius
            if z + nears[shape] * size < farthest:
                return False
            # What begins behind an object that fills the pixel cannot be seen.
            if not is_shut:
                farthest = max(farthest, z + fars[shape] * size)
            is_shut = is_shut or parts[n] >= _ONE
        return True

    @kernel
    def put_in_order(scene, bodies, i, j, lens, who, parts):  # type: ignore[no-untyped-def]
        """Of two objects that fill the pixel, put the one first that is nearer at all of its
        corners; whether there is one. Where one has its edge, its depth may change too fast."""
        if parts[0] < _ONE or parts[1] < _ONE:
            return False
        focal, middle_x, middle_y = lens
        first, second = 0, 0
        for corner in range(4):
            x = (j + (corner & 1) - middle_x) / focal
            y = (i + (corner >> 1) - middle_y) / focal
            a = cast(scene[who[0]].shape, bodies[who[0]], scene[who[0]].radius, x, y)
            b = cast(scene[who[1]].shape, bodies[who[1]], scene[who[1]].radius, x, y)
            first += a < b
            second += b < a
        if second == 4:
            who[0], who[1] = who[1], who[0]
        return first == 4 or second == 4

    @kernel
    def has_one_edge(parts, count):  # type: ignore[no-untyped-def]
        """Whether one of the objects that show, at most, does not fill the pixel."""
        for n in range(count):
            if parts[n] >= _ONE:
                return True
            if n > 0:
                return False
        return True

    @kernel
    def lay_over(parts, count):  # type: ignore[no-untyped-def]
        """Turn the objects' coverage into the shares that show; what is left for the wall."""
        through = _ONE
        for n in range(count):
            part = parts[n]
            parts[n] = through * part
            through = through * (_ONE - part)
        return through

    @kernel
    def cast_rays(scene, bodies, i, j, lens, rays, who, parts, count):  # type: ignore[no-untyped-def]
        """The same by rays."""
        focal, middle_x, middle_y = lens
        shifts, xs, ys, depths, nearest, found = rays
        for number in range(FEW):
            xs[number] = (j + shifts[0, number] - middle_x) / focal
            ys[number] = (i + shifts[1, number] - middle_y) / focal
            nearest[number] = NEVER
            found[number] = -1
        for n in range(count):
            item = who[n]
            trace(scene[item].shape, bodies[item], scene[item].radius, xs, ys, depths)
            for number in range(FEW):
                is_nearer = depths[number] < nearest[number]
                nearest[number] = depths[number] if is_nearer else nearest[number]
                found[number] = n if is_nearer else found[number]
        parts[:count] = _ZERO
        left = _ZERO
        for number in range(FEW):
            if found[number] < 0:
                left += _SHARE
            else:
                parts[found[number]] += _SHARE
        return left

    @kernel
    def settle(film, b, scene, bodies, k, size, kept, ink, target, base):  # type: ignore[no-untyped-def]
        """Write the pixels of clip b's frame k that lie in two objects' boxes.

        bodies: float64 (O, 12), the objects' poses. size: height, width. kept: boxes and starts,
        where each object's box is and where its pixels begin in covers and shades, which follow.
        ink: float32 (O, C), the objects' colours, and (C,), the background. target: the frame
        begins at ``base``.
        """
        height, width = size
        boxes, starts, covers, shades = kept
        colours, backs = ink
        items, channels = colours.shape
        plane = height * width
        lens = (float(min(height, width)), 0.5 * width, 0.5 * height)
        who = np.empty(items, np.int64)
        parts = np.empty(items, np.float32)
        rays = make_rays()
        for one in range(items):
            for two in range(one + 1, items):
                p, q = boxes[one, k], boxes[two, k]
                top, left = max(p[0], q[0]), max(p[1], q[1])
                rows, columns = min(p[0] + p[2], q[0] + q[2]), min(p[1] + p[3], q[1] + q[3])
                for i in range(top, rows):
                    for j in range(left, columns):
                        count = gather(scene, bodies, k, i, j, boxes, starts, covers, who, parts)
                        is_plain = count < 2
                        if not is_plain:
                            is_plain = are_apart(scene, bodies, who, parts, count) or (
                                count == 2 and put_in_order(scene, bodies, i, j, lens, who, parts)
                            )
                            is_plain = is_plain and has_one_edge(parts, count)
                        if is_plain:
                            rest = lay_over(parts, count)
                        else:
                            rest = cast_rays(scene, bodies, i, j, lens, rays, who, parts, count)
                        for c in range(channels):
                            back = ground_at(film, b, k, c, i * width + j, backs[c])
                            value = rest * back
                            for n in range(count):
                                item = who[n]
                                box = boxes[item, k]
                                at = starts[item, k] + (i - box[0]) * box[3] + j - box[1]
                                value += parts[n] * (colours[item, c] * shades[at])
                            target[base + c * plane + i * width + j] = np.uint8(
                                np.int32(min(max(value, _ZERO), np.float32(255.0)) + _HALF)
                            )

    return settle
