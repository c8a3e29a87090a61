"""Composite clips: fill with the background, then cover it with anti-aliased round objects.

Coverage of a pixel is that of a half-plane through the square pixel at the disc's edge: exact for
a straight edge of any direction. The disc's radius is taken as sqrt(r^2 - 1/12), which makes the
covered area exact: a profile blurred by a unit square (variance 1/12 along any direction)
integrates over a disc of radius q to pi (q^2 + 1/12).

Everything on the edge is float32 arithmetic in one fixed order, without branches, so that the
compiler may use vector instructions and the bytes are still the same everywhere. For that, the
pixels of the boxes of several frames, a group, stand in flat lists, which are filled up to whole
runs of ``_RUN``: a box has but some fifty pixels, and what a loop costs before and after its
whole vectors would cost as much as the vectors.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from trajdata._jit import kernel
from trajdata._shapes.registry import find_shape
from trajdata._world.sampling import LUMA

__all__ = ["clip_renderer"]

_RUN = 64
"""Pixels to a multiple of which a group is filled up: whole vectors of every kind of processor."""
_STEP = 32
"""The same for what is listed of one box."""
_GROUP = 1024
"""Pixels whose boxes are rendered together: enough to hide the loops, few enough for the cache."""
_SMALL = 2.0
"""Pixels of radius below which a pixel's edge is too bent to be taken as straight."""
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)
_TWELFTH = np.float32(1.0 / 12.0)
_TINY = np.float32(1e-6)


@kernel
def _box(x, y, r, height, width, box):  # type: ignore[no-untyped-def]
    """The pixels that a disc may touch: top, left, rows, columns."""
    box[0] = max(int(np.floor(y - r - 0.5)), 0)
    box[1] = max(int(np.floor(x - r - 0.5)), 0)
    box[2] = min(int(np.floor(y + r + 0.5)) + 1, height) - box[0]
    box[3] = min(int(np.floor(x + r + 0.5)) + 1, width) - box[1]


@kernel
def _list_pixels(box, x, y, r, fine, finer, n, xs, ys, edges, inverses, sharps):  # type: ignore[no-untyped-def]
    """Add a box's pixels, row by row, to lists that have ``n`` already; how many they have then.

    xs, ys: offset of a pixel's centre from (x, y). edges: the disc's radius, on a grid ``fine``
    times finer, so that the covered area is exact. inverses: 1 / r. sharps: how fast a sphere's
    outline fades on a grid ``finer`` times finer.
    """
    radius = np.float32(r)
    scaled = np.float32(fine) * radius
    edge = np.sqrt(max(scaled * scaled - _TWELFTH, _ZERO))
    inverse = _ONE / radius
    sharp = _HALF * radius * np.float32(finer)
    dx = np.float32(box[1] + 0.5 - x)
    upper = box[0] + 0.5
    columns = box[3]
    per_column = 1.0 / columns
    area = box[2] * columns
    # What is listed beyond the box is overwritten by the next one, or rendered and left there.
    whole = (area + _STEP - 1) // _STEP * _STEP
    px, py = xs[n : n + whole], ys[n : n + whole]
    pe, pi, ps = edges[n : n + whole], inverses[n : n + whole], sharps[n : n + whole]
    for i in range(whole):
        # Exact: a quotient lies at least half a column's share away from a whole number.
        row = np.floor((i + 0.5) * per_column)
        px[i] = dx + np.float32(i - row * columns)
        py[i] = np.float32(upper + row - y)
        pe[i] = edge
        pi[i] = inverse
        ps[i] = sharp
    return n + area


@kernel
def _coverage(xs, ys, edges, samples, cover):  # type: ignore[no-untyped-def]
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


@kernel
def _blend(cover, shade, colour, back, values):  # type: ignore[no-untyped-def]
    """One channel of the listed pixels: round(back + cover (colour shade - back))."""
    for i in range(values.shape[0]):
        value = back + cover[i] * (colour * shade[i] - back)
        values[i] = np.uint8(np.int32(value + _HALF))


@kernel
def _move_4(values, first, target, at):  # type: ignore[no-untyped-def]
    """Four bytes. All are read before one is written, so that a machine may move them as one."""
    one, two, three = np.uintp(1), np.uintp(2), np.uintp(3)
    a, b = values[first], values[first + one]
    c, d = values[first + two], values[first + three]
    target[at], target[at + one] = a, b
    target[at + two], target[at + three] = c, d


@kernel
def _move_8(values, first, target, at):  # type: ignore[no-untyped-def]
    """Eight bytes, in the same way."""
    one, two, three, four = np.uintp(1), np.uintp(2), np.uintp(3), np.uintp(4)
    five, six, seven = np.uintp(5), np.uintp(6), np.uintp(7)
    a, b, c, d = (
        values[first],
        values[first + one],
        values[first + two],
        values[first + three],
    )
    e, f, g, h = (
        values[first + four],
        values[first + five],
        values[first + six],
        values[first + seven],
    )
    target[at], target[at + one], target[at + two], target[at + three] = a, b, c, d
    target[at + four], target[at + five], target[at + six], target[at + seven] = e, f, g, h


@kernel
def _put_box(values, taken, rows, columns, target, at, width):  # type: ignore[no-untyped-def]
    """Write a box's pixels into a plane, from ``at`` on.

    A row is moved in whole words; the last one may overlap the one before. Unsigned places spare
    the test for negative ones.
    """
    first, place = np.uintp(taken), np.uintp(at)
    wide, step = np.uintp(columns), np.uintp(width)
    four, eight = np.uintp(4), np.uintp(8)
    for _ in range(rows):
        if columns > 8:
            for i in range(np.uintp(0), wide - eight, eight):
                _move_8(values, first + i, target, place + i)
            _move_8(values, first + wide - eight, target, place + wide - eight)
        elif columns >= 4:
            _move_4(values, first, target, place)
            _move_4(values, first + wide - four, target, place + wide - four)
        else:
            for i in range(wide):
                target[place + i] = values[first + i]
        first += wide
        place += step


@kernel
def _colours(scene, colours, backs):  # type: ignore[no-untyped-def]
    """Per channel, on 0..255: three of RGB, or the luma alone."""
    if colours.shape[0] == 3:
        colours[0] = np.float32(255.0 * scene.red)
        colours[1] = np.float32(255.0 * scene.green)
        colours[2] = np.float32(255.0 * scene.blue)
        backs[0] = np.float32(np.floor(255.0 * scene.back_red + 0.5))
        backs[1] = np.float32(np.floor(255.0 * scene.back_green + 0.5))
        backs[2] = np.float32(np.floor(255.0 * scene.back_blue + 0.5))
    else:
        luma = LUMA[0] * scene.back_red + LUMA[1] * scene.back_green + LUMA[2] * scene.back_blue
        colours[0] = np.float32(255.0 * scene.luma)
        backs[0] = np.float32(np.floor(255.0 * luma + 0.5))


def _shader(shapes: tuple[str, ...], at: int = 0) -> Any:
    """A kernel that shades by an object's shape: a chain of tests, resolved when it is compiled."""
    shade = find_shape(shapes[at]).shade
    if at == len(shapes) - 1:

        @kernel
        def last(shape, xs, ys, inverses, sharps, samples, lx, ly, lz, weight, shades):  # type: ignore[no-untyped-def]
            shade(xs, ys, inverses, sharps, samples, lx, ly, lz, weight, shades)

        return last
    others = _shader(shapes, at + 1)

    @kernel
    def either(shape, xs, ys, inverses, sharps, samples, lx, ly, lz, weight, shades):  # type: ignore[no-untyped-def]
        if shape == at:
            shade(xs, ys, inverses, sharps, samples, lx, ly, lz, weight, shades)
        else:
            others(shape, xs, ys, inverses, sharps, samples, lx, ly, lz, weight, shades)

    return either


@cache
def clip_renderer(shapes: tuple[str, ...]) -> Any:
    """The kernel ``render_clips`` for objects of these shapes, which SCENE's ``shape`` counts.

    Compiled for each set of shapes, so that one more shape costs nothing where it is not used.
    """
    shade = _shader(shapes)

    @kernel
    def render_clips(scenes, pixels, radii, channels, height, width, target, first, stride):  # type: ignore[no-untyped-def]
        """Render B clips into ``target``.

        scenes: SCENE (B, O). pixels: float64 (B, O, T, 2). radii: float64 (B, O, T).
        target: uint8 (N,), any memory; clip b's video, (T, C, H, W) in C order, starts at
        ``first + b * stride``: a stride above the video's size leaves what lies between untouched,
        so clips are rendered straight into a shard's records.
        """
        frames = pixels.shape[2]
        plane = height * width
        room = max(plane, _GROUP) + _RUN
        xs = np.zeros(room, np.float32)
        ys = np.zeros(room, np.float32)
        edges = np.zeros(room, np.float32)
        inverses = np.zeros(room, np.float32)
        sharps = np.zeros(room, np.float32)
        cover = np.empty(room, np.float32)
        shades = np.empty(room, np.float32)
        weight = np.empty(room, np.float32)
        values = np.empty(room, np.uint8)
        colours = np.empty(channels, np.float32)
        backs = np.empty(channels, np.float32)
        boxes = np.empty((frames, 4), np.int64)
        for b in range(scenes.shape[0]):
            base = first + b * stride
            _colours(scenes[b, 0], colours, backs)
            for k in range(frames):
                for c in range(channels):
                    at = base + (k * channels + c) * plane
                    target[at : at + plane] = np.uint8(backs[c])
            for item in range(scenes.shape[1]):
                scene = scenes[b, item]
                lx = np.float32(scene.light_x)
                ly = np.float32(scene.light_y)
                lz = np.float32(scene.light_z)
                after = 0
                while after < frames:
                    begin = after
                    small = radii[b, item, begin] < _SMALL
                    fine = 2 if small else 1
                    finer = 3 if small else 2
                    n = 0
                    while after < frames:
                        x, y, r = (
                            pixels[b, item, after, 0],
                            pixels[b, item, after, 1],
                            radii[b, item, after],
                        )
                        box = boxes[after]
                        _box(x, y, r, height, width, box)
                        area = box[2] * box[3]
                        if after > begin and ((r < _SMALL) != small or n + area > _GROUP):
                            break
                        n = _list_pixels(
                            box, x, y, r, fine, finer, n, xs, ys, edges, inverses, sharps
                        )
                        after += 1
                    n = (n + _RUN - 1) // _RUN * _RUN
                    _coverage(xs[:n], ys[:n], edges[:n], fine, cover[:n])
                    shade(
                        scene.shape,
                        xs[:n],
                        ys[:n],
                        inverses[:n],
                        sharps[:n],
                        finer,
                        lx,
                        ly,
                        lz,
                        weight[:n],
                        shades[:n],
                    )
                    for c in range(channels):
                        _blend(cover, shades, colours[c], backs[c], values[:n])
                        taken = 0
                        for k in range(begin, after):
                            top, left, rows, columns = (
                                boxes[k, 0],
                                boxes[k, 1],
                                boxes[k, 2],
                                boxes[k, 3],
                            )
                            at = base + (k * channels + c) * plane + top * width + left
                            _put_box(values, taken, rows, columns, target, at, width)
                            taken += rows * columns

    return render_clips
