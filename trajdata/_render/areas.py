"""How much of each pixel lies inside polygons: exact, edge by edge.

An edge covers, of each row of pixels that it crosses, all that lies to its right, and a polygon is
the sum of its edges, those that go up negative. So an edge is noted only in the pixels that it goes
through and in the next ones, as what changes there, and a sum along each row gives the areas
(signed areas, as in the rasterizer of FreeType by D. Turner, 1996).
"""

from __future__ import annotations

import numpy as np

from trajdata._jit import kernel

__all__ = ["add_edge", "areas_room", "sum_areas"]

_CLOSE = 1e-9
"""A share that is so close to none or all is that: what is left of sums that cancel."""
_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)


@kernel
def areas_room(rows, columns):  # type: ignore[no-untyped-def]
    """The items of ``areas`` that a box of so many pixels needs."""
    return 2 * rows * (columns + 2)


@kernel
def add_edge(areas, rows, columns, x0, y0, x1, y1, part, value):  # type: ignore[no-untyped-def]
    """Note an edge from (x0, y0) to (x1, y1), in pixels from a box's upper left corner.

    areas: float64, ``areas_room`` items, zero before the first edge. part, value: what lies to the
    right of an edge that goes down is covered by so much, and has so much brightness.
    """
    if y0 > y1:
        x0, y0, x1, y1 = x1, y1, x0, y0
        part, value = -part, -value
    if y0 == y1 or y1 <= 0.0 or y0 >= rows:
        return
    slope = (x1 - x0) / (y1 - y0)
    if y0 < 0.0:
        x0 -= y0 * slope
        y0 = 0.0
    x, y, end = x0, y0, min(y1, float(rows))
    for row in range(int(y0), rows):
        lower = min(row + 1.0, end)
        tall = lower - y
        if tall <= 0.0:
            break
        further = x + slope * tall
        left, right = min(x, further), max(x, further)
        x, y = further, lower
        at = 2 * row * (columns + 2)
        if left < 0.0:
            # What is left of the box has all of its pixels to its right.
            outside = tall if right <= 0.0 else tall * (left / (left - right))
            areas[at] += outside * part
            areas[at + 1] += outside * value
            tall -= outside
            left, right = 0.0, max(right, 0.0)
        if right > columns:
            if left >= columns:
                continue
            tall *= (columns - left) / (right - left)
            right = float(columns)
        first, last = int(left), int(right)
        at += 2 * first
        if first == last:
            before = tall * (0.5 * (left + right) - first)
            _note(areas, at, tall - before, before, part, value)
            continue
        per = tall / (right - left)
        for column in range(first, last + 1):
            ends = min(column + 1.0, right)
            piece = per * (ends - left)
            before = piece * (0.5 * (left + ends) - column)
            _note(areas, at, piece - before, before, part, value)
            left = ends
            at += 2


@kernel
def _note(areas, at, own, following, part, value):  # type: ignore[no-untyped-def]
    areas[at] += own * part
    areas[at + 1] += own * value
    areas[at + 2] += following * part
    areas[at + 3] += following * value


@kernel
def sum_areas(areas, rows, columns, cover, shades):  # type: ignore[no-untyped-def]
    """Turn what was noted into the share of each pixel that is covered and the mean brightness
    there, both float32 0..1, row by row; ``areas`` is zero again."""
    at = 0
    for row in range(rows):
        part = value = 0.0
        for column in range(row * columns, (row + 1) * columns):
            part += areas[at]
            value += areas[at + 1]
            areas[at] = areas[at + 1] = 0.0
            at += 2
            if part <= _CLOSE:
                cover[column] = shades[column] = _ZERO
            else:
                cover[column] = _ONE if part >= 1.0 - _CLOSE else np.float32(part)
                shades[column] = min(np.float32(value / part), _ONE)
        for _ in range(4):
            areas[at] = 0.0
            at += 1
