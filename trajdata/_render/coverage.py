"""How much of each pixel a round outline covers, for the pixels of many boxes at once.

The outline of a sphere in perspective is an ellipse, a little longer along the line to the
picture's centre. Pixels are listed in coordinates that make it a circle of the same area, in which
they stay very nearly square. Coverage of a pixel is that of a half-plane through the square pixel
at the circle's edge: exact for a straight edge of any direction. The circle's radius is taken as
sqrt(r^2 - 1/12), which makes the covered area exact: a profile blurred by a unit square (variance
1/12 along any direction) integrates over a disc of radius q to pi (q^2 + 1/12).

Everything on the edge is float32 arithmetic in one fixed order, without branches, so that the
compiler may use vector instructions and the bytes are still the same everywhere. For that, the
pixels of the boxes of several frames, a group, stand in flat lists, which are filled up to whole
runs of ``RUN``: a box has but some fifty pixels, and what a loop costs before and after its whole
vectors would cost as much as the vectors.
"""

from __future__ import annotations

import numpy as np

from trajdata._jit import kernel

__all__ = ["GROUP", "LISTS", "RUN", "cover_pixels", "list_pixels", "place_box", "turn_light"]

RUN = 32
"""Pixels to a multiple of which a group is filled up: whole vectors of every kind of processor."""
GROUP = 1024
"""Pixels whose boxes are rendered together: enough to hide the loops, few enough for the cache."""
LISTS = 9
"""Lists of ``list_pixels``."""
_STEP = 32
"""As RUN, for what is listed of one box."""
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)
_TWELFTH = np.float32(1.0 / 12.0)
_TINY = np.float32(1e-6)


@kernel
def place_box(outline, height, width, box):  # type: ignore[no-untyped-def]
    """The pixels that an outline may touch: top, left, rows, columns; none where it is outside.

    outline: float64 (6,): centre x and y, mean radius r, and the symmetric matrix (xx, xy, yy) of
    determinant 1 that makes it a circle of radius r; pixels.
    """
    x, y, r = outline[0], outline[1], outline[2]
    xx, xy, yy = outline[3], outline[4], outline[5]
    across = r * np.sqrt(yy * yy + xy * xy)
    down = r * np.sqrt(xx * xx + xy * xy)
    top = min(max(int(np.floor(y - down - 0.5)), 0), height)
    left = min(max(int(np.floor(x - across - 0.5)), 0), width)
    box[0] = top
    box[1] = left
    box[2] = max(min(int(np.floor(y + down + 0.5)) + 1, height) - top, 0)
    box[3] = max(min(int(np.floor(x + across + 0.5)) + 1, width) - left, 0)
    if box[2] == 0 or box[3] == 0:
        box[2] = box[3] = 0


@kernel
def turn_light(light, size, x, y, z):  # type: ignore[no-untyped-def]
    """The light as an object at (x, y, z) sees it: in axes whose third points at the camera.

    The first two are the picture's, turned the least that it takes. Fourth, the object's size by
    its distance: how far its visible edge is from a right angle.
    """
    distance = np.sqrt(x * x + y * y + z * z)
    light_x, light_y, light_z = light
    along = light_x * x + light_y * y
    part = along / (distance * (distance + z)) + light_z / distance
    return (
        np.float32(light_x - part * x),
        np.float32(light_y - part * y),
        np.float32(-(along + light_z * z) / distance),
        np.float32(size / distance),
    )


@kernel
def _repeat(a, b, c, first, second, third):  # type: ignore[no-untyped-def]
    """Fill three lists, each with its number."""
    for i in range(first.shape[0]):
        first[i] = a
        second[i] = b
        third[i] = c


@kernel
def list_pixels(box, outline, light, fine, finer, n, lists):  # type: ignore[no-untyped-def]
    """Add a box's pixels, row by row, to lists that have ``n`` already; how many they have then.

    lists: float32 (LISTS, room). 0, 1: offset of a pixel's centre from the outline's, where it is
    a circle. 2: the circle's radius, on a grid ``fine`` times finer, so that the covered area is
    exact. 3: 1 / r. 4: how fast a sphere's outline fades on a grid ``finer`` times finer. 5 to 8:
    ``light``, as ``turn_light`` makes it.
    """
    radius = np.float32(outline[2])
    scaled = np.float32(fine) * radius
    edge = np.sqrt(max(scaled * scaled - _TWELFTH, _ZERO))
    inverse = _ONE / radius
    sharp = _HALF * radius * np.float32(finer)
    xx, xy, yy = np.float32(outline[3]), np.float32(outline[4]), np.float32(outline[5])
    left = np.float32(box[1] + 0.5 - outline[0])
    upper = np.float32(box[0] + 0.5 - outline[1])
    columns = box[3]
    across = np.float32(columns)
    per_column = _ONE / across
    area = box[2] * columns
    # What is listed beyond the box is overwritten by the next one, or rendered and left there.
    whole = (area + _STEP - 1) // _STEP * _STEP
    # A row first, then a part of it: so the compiler knows that its items are side by side. Few
    # lists in one loop: it compares all of them for overlap before it takes vectors, or takes none.
    px, py = lists[0][n : n + whole], lists[1][n : n + whole]
    for i in range(whole):
        # Exact below 2^20 pixels: a quotient lies at least half a column's share away from a whole
        # number, and the products are whole numbers below 2^24.
        at = np.float32(np.int32(i))
        row = np.floor((at + _HALF) * per_column)
        x = left + (at - row * across)
        y = upper + row
        px[i] = xx * x + xy * y
        py[i] = xy * x + yy * y
    _repeat(
        edge,
        inverse,
        sharp,
        lists[2][n : n + whole],
        lists[3][n : n + whole],
        lists[4][n : n + whole],
    )
    lx, ly, lz, bend = light
    _repeat(lx, ly, lz, lists[5][n : n + whole], lists[6][n : n + whole], lists[7][n : n + whole])
    lists[8][n : n + whole] = bend
    return n + area


@kernel
def cover_pixels(xs, ys, edges, samples, cover):  # type: ignore[no-untyped-def]
    """Coverage, float32 0..1, of the listed pixels by a disc.

    A pixel is taken as samples x samples smaller ones, whose edges are straighter.
    """
    fine = np.float32(samples)
    share = _ONE / (fine * fine)
    cover[:] = _ZERO
    for j in range(samples):
        shift_y = np.float32(j) - (fine - _ONE) * _HALF
        for k in range(samples):
            shift_x = np.float32(k) - (fine - _ONE) * _HALF
            for i in range(cover.shape[0]):
                x = abs(fine * xs[i] + shift_x)
                y = abs(fine * ys[i] + shift_y)
                distance = np.sqrt(x * x + y * y)
                per = _ONE / max(distance, _TINY)
                # The edge's normal (p, q), p >= q, decides how a square pixel is cut.
                p = max(x, y) * per
                q = min(x, y) * per
                inside = edges[i] - distance
                depth = abs(inside)
                flat = depth / max(p, _HALF)
                gap = max((p + q) * _HALF - depth, _ZERO)
                bent = _HALF - gap * gap / max((p + p) * q, _TINY)
                half = min(flat if depth + depth <= p - q else bent, _HALF)
                cover[i] += share * (_HALF + half if inside > _ZERO else _HALF - half)
