"""How much of each pixel lies inside polygons: exact, edge by edge.

An edge covers, of each row of pixels that it crosses, all that lies to its right, and a polygon is
the sum of its edges, those that go up negative. So an edge is noted only in the pixels that it goes
through and in the next ones, as what changes there, and a sum along each row gives the areas
(signed areas, as in the rasterizer of FreeType by D. Turner, 1996).
"""

from __future__ import annotations

import numpy as np

from trajdata._jit import bare_kernel

__all__ = ["add_edges", "areas_room", "sum_areas"]

_CLOSE = 1e-9
"""A share that is so close to none or all is that: what is left of sums that cancel."""
_MORE = 3
"""Columns that a row has beside the box's: what an edge on its right side notes."""
_TINY = 1e-300
_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)


@bare_kernel
def areas_room(rows, columns):  # type: ignore[no-untyped-def]
    """The items of ``areas`` that a box of so many pixels needs."""
    return 2 * rows * (columns + _MORE)


@bare_kernel
def add_edges(areas, rows, columns, edges, count, pieces):  # type: ignore[no-untyped-def]
    """Note the first ``count`` edges, in pixels from a box's upper left corner.

    areas: float64, ``areas_room`` items, zero before the first edge. edges: float64 (6, N): from
    (x0, y0) to (x1, y1); what lies to the right of an edge that goes down is covered by so much,
    and has so much brightness, of one that goes up by so much less. pieces: float64 (3, 4), work.

    All in one loop: to call a function takes longer than to note an edge.
    """
    two, step, wide = np.uintp(2), np.uintp(2 * (columns + _MORE)), float(columns)
    for n in range(count):
        x0, y0, x1, y1 = edges[0, n], edges[1, n], edges[2, n], edges[3, n]
        part, value = edges[4, n], edges[5, n]
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
            part, value = -part, -value
        if y0 == y1 or y1 <= 0.0 or y0 >= rows:
            continue
        slope = (x1 - x0) / (y1 - y0)
        if y0 < 0.0:
            x0 -= y0 * slope
            y0 = 0.0
        if y1 > rows:
            x1 -= (y1 - rows) * slope
            y1 = float(rows)
        # The box has a column more than it shows, for edges on its right side.
        is_whole = min(x0, x1) >= 0.0 and max(x0, x1) <= columns
        total = 1 if is_whole else _split(columns, x0, y0, x1, y1, pieces)
        for piece in range(total):
            if not is_whole:
                x0, y0, x1, y1 = pieces[piece]
                slope = (x1 - x0) / (y1 - y0)
            # How far an edge goes down while it crosses a column.
            steep = (y1 - y0) / max(abs(x1 - x0), _TINY)
            row = np.floor(y0)
            at = np.uintp(np.intp(row)) * step
            x, y = x0, y0
            while y < y1:
                row += 1.0
                lower = min(row, y1)
                tall = lower - y
                further = x1 if lower == y1 else x + slope * tall
                # Rounding may lead a little out of the box, where there is no memory.
                left, right = max(min(x, further), 0.0), min(max(x, further), wide)
                column = np.floor(left)
                place = at + two * np.uintp(np.intp(column))
                border = column + 1.0
                while right > border + 1.0:
                    share = steep * (border - left)
                    before = share * (0.5 * (left + border) - column)
                    _note(areas, place, share - before, before, part, value)
                    tall -= share
                    left, column, border = border, border, border + 1.0
                    place += two
                # What is left lies in two columns at most; nothing may be in the second one.
                second = steep * max(right - border, 0.0)
                first = tall - second
                before = first * (0.5 * (left + min(right, border)) - column)
                behind = second * (0.5 * (right - border))
                _note(areas, place, first - before, before + (second - behind), part, value)
                areas[place + two + two] += behind * part
                areas[place + two + two + np.uintp(1)] += behind * value
                x, y = further, lower
                at += step


@bare_kernel
def _split(columns, x0, y0, x1, y1, pieces):  # type: ignore[no-untyped-def]
    """Split an edge that goes down and leaves the box at a side; how many pieces are left of it.

    What is to the left of the box has all of its pixels to its right, like an edge on its left
    side; what is to the right has none of them.
    """
    slope = (x1 - x0) / (y1 - y0)
    x, y = x0, y0
    count = 0
    while y < y1:
        if x < 0.0 or (x == 0.0 and slope < 0.0):
            ends = y1 if slope <= 0.0 else min(y1, y - x / slope)
            x = further = 0.0
            is_kept = True
        elif x > columns or (x == columns and slope > 0.0):
            ends = y1 if slope >= 0.0 else min(y1, y + (columns - x) / slope)
            further = float(columns)
            is_kept = False
        else:
            side = 0.0 if slope < 0.0 else float(columns)
            ends = y1 if slope == 0.0 else min(y1, y + (side - x) / slope)
            further = side if ends < y1 else x1
            is_kept = True
        if is_kept and ends > y:
            pieces[count, 0], pieces[count, 1] = x, y
            pieces[count, 2], pieces[count, 3] = further, ends
            count += 1
        x, y = further, ends
    return count


@bare_kernel
def _note(areas, at, own, following, part, value):  # type: ignore[no-untyped-def]
    one, two, three = np.uintp(1), np.uintp(2), np.uintp(3)
    areas[at] += own * part
    areas[at + one] += own * value
    areas[at + two] += following * part
    areas[at + three] += following * value


@bare_kernel
def sum_areas(areas, rows, columns, cover, shades):  # type: ignore[no-untyped-def]
    """Turn what was noted into the share of each pixel that is covered and the mean brightness
    there, both float32 0..1, row by row; ``areas`` is zero again."""
    at, one, two = np.uintp(0), np.uintp(1), np.uintp(2)
    for row in range(rows):
        part = value = 0.0
        for column in range(np.uintp(row * columns), np.uintp((row + 1) * columns)):
            part += areas[at]
            value += areas[at + one]
            areas[at] = areas[at + one] = 0.0
            at += two
            if part <= _CLOSE:
                cover[column] = shades[column] = _ZERO
            else:
                cover[column] = _ONE if part >= 1.0 - _CLOSE else np.float32(part)
                shades[column] = min(np.float32(value / part), _ONE)
        for _ in range(2 * _MORE):
            areas[at] = 0.0
            at += one
