"""How much of each pixel of a box a round outline covers, and in which shade.

The outline of a sphere in perspective is an ellipse, a little longer along the line to the
picture's centre. Pixels are taken to coordinates that make it a circle of the same area, in which
they stay very nearly square. Coverage of a pixel is that of a half-plane through the square pixel
at the circle's edge: exact for a straight edge of any direction. The circle's radius is taken as
sqrt(r^2 - 1/12), which makes the covered area exact: a profile blurred by a unit square (variance
1/12 along any direction) integrates over a disc of radius q to pi (q^2 + 1/12).

Everything on the edge is float32 arithmetic in one fixed order, without branches, so that the
compiler may use vector instructions and the bytes are still the same everywhere. For that, all that
is done for a pixel stands in one loop over a box's pixels, whose inner loops have fixed numbers of
turns and vanish, and a box's pixels are filled up to whole runs of ``RUN``: what a loop does after
its whole vectors costs more than what is done in vain.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from trajdata._jit import bare_kernel
from trajdata._shapes.registry import find_shape
from trajdata._world.choosing import choose

__all__ = ["RUN", "is_small", "place_box", "round_coverer", "turn_light"]

RUN = 8
"""Pixels to a multiple of which a box is filled up: whole vectors."""
_SMALL = 2.0
"""Pixels of radius below which a pixel's edge is too bent to be taken as straight."""
_LARGE_GRIDS, _SMALL_GRIDS = (1, 2), (2, 3)
"""Of how many pixels, across, one is made: for its coverage, and points for its shade."""
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)
_TWELFTH = np.float32(1.0 / 12.0)
_TINY = np.float32(1e-6)
_LEAST = np.float32(1e-3)


@bare_kernel
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


@bare_kernel
def is_small(outline):  # type: ignore[no-untyped-def]
    """Whether an outline's pixels are taken apart finer."""
    return outline[2] < _SMALL


@bare_kernel
def turn_light(light, size, x, y, z, turned):  # type: ignore[no-untyped-def]
    """Fill ``turned``, float32 (4,), with the light as an object at (x, y, z) sees it: in axes
    whose third points at the camera.

    The first two are the picture's, turned the least that it takes. Fourth, the object's size by
    its distance: how far its visible edge is from a right angle.
    """
    distance = np.sqrt(x * x + y * y + z * z)
    light_x, light_y, light_z = light
    along = light_x * x + light_y * y
    part = along / (distance * (distance + z)) + light_z / distance
    turned[0] = light_x - part * x
    turned[1] = light_y - part * y
    turned[2] = -(along + light_z * z) / distance
    turned[3] = size / distance


@bare_kernel
def _part(x, y, edge):  # type: ignore[no-untyped-def]
    """How much of the unit square around (x, y) lies within ``edge`` of the origin, 0..1."""
    x, y = abs(x), abs(y)
    distance = np.sqrt(x * x + y * y)
    per = _ONE / max(distance, _TINY)
    # The edge's normal (p, q), p >= q, decides how a square pixel is cut.
    p = max(x, y) * per
    q = min(x, y) * per
    inside = edge - distance
    depth = abs(inside)
    flat = depth / max(p, _HALF)
    gap = max((p + q) * _HALF - depth, _ZERO)
    bent = _HALF - gap * gap / max((p + p) * q, _TINY)
    half = min(flat if depth + depth <= p - q else bent, _HALF)
    return _HALF + half if inside > _ZERO else _HALF - half


def _coverer(shade: Any, fine: int, points: int) -> Any:
    """The kernel for a shape of this ``Shape.shade``, of whose pixels each is taken as fine x fine
    smaller ones, and shaded at points x points points."""
    is_even = shade is None
    scale, many = np.float32(fine), np.float32(points)
    share, step = _ONE / (scale * scale), _ONE / many

    @bare_kernel
    def cover_boxes(boxes, outlines, lights, covers, shades):  # type: ignore[no-untyped-def]
        begun = 0
        for frame in range(boxes.shape[0]):
            box, outline, light = boxes[frame], outlines[frame], lights[frame]
            area = box[2] * box[3]
            whole = (area + RUN - 1) // RUN * RUN
            cover, shown = covers[begun : begun + whole], shades[begun : begun + whole]
            begun += area
            radius = np.float32(outline[2])
            scaled = scale * radius
            edge = np.sqrt(max(scaled * scaled - _TWELFTH, _ZERO))
            per_radius = _ONE / radius
            # How fast the outline fades on the grid of points.
            sharp = _HALF * radius * many
            xx, xy, yy = np.float32(outline[3]), np.float32(outline[4]), np.float32(outline[5])
            left = np.float32(box[1] + 0.5 - outline[0])
            upper = np.float32(box[0] + 0.5 - outline[1])
            columns = np.float32(box[3])
            per_column = _ONE / columns
            lx, ly, lz, bend = light[0], light[1], light[2], light[3]
            for i in range(whole):
                # Exact below 2^20 pixels: a quotient lies at least half a column's share away from
                # a whole number, and the products are whole numbers below 2^24.
                at = np.float32(np.int32(i))
                row = np.floor((at + _HALF) * per_column)
                x = left + (at - row * columns)
                y = upper + row
                px = xx * x + xy * y
                py = xy * x + yy * y
                part = _ZERO
                for j in range(fine):
                    down = np.float32(j) - (scale - _ONE) * _HALF
                    for k in range(fine):
                        right = np.float32(k) - (scale - _ONE) * _HALF
                        part += share * _part(scale * px + right, scale * py + down, edge)
                cover[i] = part
                if not is_even:
                    # The mean over the points, weighted by how far each lies inside the outline:
                    # next to the limb the shade of a pixel's centre alone is off by too much.
                    weight, total = _ZERO, _ZERO
                    for j in range(points):
                        v = (py + ((np.float32(j) + _HALF) * step - _HALF)) * per_radius
                        for k in range(points):
                            u = (px + ((np.float32(k) + _HALF) * step - _HALF)) * per_radius
                            below = _ONE - (u * u + v * v)
                            own = min(max(below * sharp + _HALF, _LEAST), _ONE)
                            weight += own
                            total += own * shade(u, v, lx, ly, lz, bend)
                    shown[i] = total / weight
            if is_even:
                shown[:] = _ONE

    return cover_boxes


@bare_kernel
def _nothing(boxes, outlines, lights, covers, shades):  # type: ignore[no-untyped-def]
    """In the place of a shape's that is not round."""


@cache
def round_coverer(shapes: tuple[str, ...], rounds: tuple[bool, ...]) -> Any:
    """The kernel ``cover_round`` for objects of these shapes; only where they are taken as round
    it does anything."""
    shades = [find_shape(name).shade for name in shapes]

    def chosen(fine: int, points: int) -> Any:
        return choose(
            [
                _coverer(shade, fine, points) if is_round else _nothing
                for shade, is_round in zip(shades, rounds, strict=True)
            ]
        )

    cover_large, cover_small = chosen(*_LARGE_GRIDS), chosen(*_SMALL_GRIDS)

    @bare_kernel
    def cover_round(shape, small, boxes, outlines, lights, covers, shades):  # type: ignore[no-untyped-def]
        """Write how much of each pixel of an object's boxes is covered, frame by frame and row by
        row, float32 0..1, and in which shade.

        small: whether the outlines are; all are, or none. boxes: int64 (F, 4). outlines: float64
        (F, 6), as ``place_box`` takes them. lights: float32 (F, 4), as ``turn_light`` makes them.
        covers, shades: have room for all pixels and ``RUN`` more, which hold nothing of use
        afterwards.
        """
        if small:
            cover_small(shape, boxes, outlines, lights, covers, shades)
        else:
            cover_large(shape, boxes, outlines, lights, covers, shades)

    return cover_round
