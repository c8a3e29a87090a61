"""Decide what shows in a pixel in which several objects are and an order of objects is not enough.

What lies behind an object that fills the pixel is dropped. Where those that are left are known to
lie one behind the other, and at most one of those that show has its edge in the pixel, they are
laid over one another. Else rays decide.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trajdata._jit import bare_kernel, kernel
from trajdata._render.pixel_rays import FEW, ray_shift
from trajdata._render.rays import AIMED, aim
from trajdata._shapes.registry import NEVER

__all__ = ["crossing_decider", "lay_over", "make_crossings"]

_ONE = np.float32(1.0)
_SHARE = np.float32(1.0 / FEW)
_RAYS = 24
"""``FEW``, and what fills them up to whole vectors."""
_CORNERS = 4


@kernel
def make_crossings(items):  # type: ignore[no-untyped-def]
    """Memory in which ``decide`` works, for so many objects.

    Of a pixel's rays: where in it they go, what so many of them share, x, y, how far they go, how
    far the nearest, and to whom. Of each object: what its rays have in common, and whether that is
    known, which is to be made false for each frame.
    """
    shifts = np.empty((2, _RAYS))
    for number in range(_RAYS):
        shifts[0, number], shifts[1, number] = ray_shift(number % FEW, FEW)
    # Added one by one, as rays come.
    sums = np.zeros(FEW + 1, np.float32)
    for number in range(FEW):
        sums[number + 1] = sums[number] + _SHARE
    places = np.empty((4, _RAYS))
    rays = shifts, sums, places[0], places[1], places[2], places[3], np.empty(_RAYS, np.int64)
    return rays, (np.empty((items, AIMED)), np.empty(items, np.bool_))


@bare_kernel
def lay_over(parts, count):  # type: ignore[no-untyped-def]
    """Turn the objects' coverage into the shares that show; what is left for the wall."""
    through = _ONE
    for n in range(count):
        part = parts[n]
        parts[n] = through * part
        through = through * (_ONE - part)
    return through


@bare_kernel
def _is_in_order(ranks, who, parts, count):  # type: ignore[no-untyped-def]
    """Whether each of those objects that can be seen is known to be before all that follow."""
    for n in range(count):
        for later in range(n + 1, count):
            if ranks[who[n], who[later]] <= 0:
                return False
        # What is behind an object that fills the pixel cannot be seen.
        if parts[n] >= _ONE:
            break
    return True


@bare_kernel
def _has_one_edge(parts, count):  # type: ignore[no-untyped-def]
    """Whether one of the objects that show, at most, does not fill the pixel."""
    for n in range(count):
        if parts[n] >= _ONE:
            return True
        if n > 0:
            return False
    return True


def crossing_decider(trace: Any, nears: tuple[float, ...]) -> Any:
    """The kernel ``decide``.

    Args:
        trace: as ``tracer`` makes it.
        nears: how much nearer than its centre each shape can be seen, of size 1, below 0.
    """

    @bare_kernel
    def trace_to(scene, bodies, item, aims, xs, ys, reached):  # type: ignore[no-untyped-def]
        """Trace rays to an object."""
        aimed, is_aimed = aims
        if not is_aimed[item]:
            is_aimed[item] = True
            aim(bodies[item], scene[item].radius, aimed[item])
        trace(scene[item].shape, aimed[item], xs, ys, reached)

    @bare_kernel
    def drop_hidden(scene, bodies, i, j, lens, ranks, rays, aims, work, count):  # type: ignore[no-untyped-def]
        """Drop what lies behind an object that fills the pixel; how many are left.

        That object is nearer than all others that fill the pixel, at each of its corners. One that
        has its edge in the pixel, where its depth may change fast, is behind if all of it is.
        """
        focal, middle_x, middle_y = lens
        who, places, parts = work
        _, _, xs, ys, reached, nearest, first = rays
        for corner in range(_CORNERS):
            xs[corner] = (j + (corner & 1) - middle_x) / focal
            ys[corner] = (i + (corner >> 1) - middle_y) / focal
            nearest[corner], first[corner] = NEVER, -1
        for n in range(count):
            if parts[n] >= _ONE:
                trace_to(scene, bodies, who[n], aims, xs, ys, reached[:_CORNERS])
                for corner in range(_CORNERS):
                    if reached[corner] < nearest[corner]:
                        nearest[corner], first[corner] = reached[corner], n
        front, farthest = first[0], nearest[0]
        for corner in range(1, _CORNERS):
            if first[corner] != front:
                return count
            farthest = max(farthest, nearest[corner])
        if front < 0:
            return count
        ahead = who[front]
        left = 0
        for n in range(count):
            item = who[n]
            near = bodies[item, 2] + nears[scene[item].shape] * scene[item].radius
            is_hidden = parts[n] >= _ONE or near >= farthest or ranks[ahead, item] > 0
            if n == front or not is_hidden:
                who[left], places[left], parts[left] = item, places[n], parts[n]
                left += 1
        return left

    @bare_kernel
    def cast_rays(scene, bodies, i, j, lens, rays, aims, work, count):  # type: ignore[no-untyped-def]
        """What ``lay_over`` does, by rays."""
        focal, middle_x, middle_y = lens
        who, _, parts = work
        shifts, sums, xs, ys, reached, nearest, first = rays
        for number in range(_RAYS):
            xs[number] = (j + shifts[0, number] - middle_x) / focal
            ys[number] = (i + shifts[1, number] - middle_y) / focal
            nearest[number] = NEVER
            first[number] = -1
        for n in range(count):
            trace_to(scene, bodies, who[n], aims, xs, ys, reached)
            for number in range(_RAYS):
                is_nearer = reached[number] < nearest[number]
                nearest[number] = reached[number] if is_nearer else nearest[number]
                first[number] = n if is_nearer else first[number]
        left = FEW
        for n in range(count):
            own = 0
            for number in range(FEW):
                own += int(first[number] == n)
            parts[n] = sums[own]
            left -= own
        return sums[left]

    @bare_kernel
    def decide(scene, bodies, i, j, lens, ranks, work, own, count):  # type: ignore[no-untyped-def]
        """What is left for the wall of a pixel, and how many objects are left there.

        scene, bodies: SCENE (O,) and float64 (O, 12), the objects. i, j: the pixel. lens: focal
        length and the picture's centre, pixels. ranks: int8 (O, O), 1 where one object is known to
        hide the other. work: as ``make_crossings`` makes it. own: of the pixel's objects, ``count``
        of them, their numbers, anything, and their coverage, which becomes the shares they show.
        """
        rays, aims = work
        who, _, parts = own
        is_plain = _is_in_order(ranks, who, parts, count)
        if not is_plain:
            count = drop_hidden(scene, bodies, i, j, lens, ranks, rays, aims, own, count)
            is_plain = _is_in_order(ranks, who, parts, count)
        if is_plain and _has_one_edge(parts, count):
            return lay_over(parts, count), count
        return cast_rays(scene, bodies, i, j, lens, rays, aims, own, count), count

    return decide
