"""Settle the pixels that several objects are in.

Each object's coverage of a pixel is known. Where the objects are known to lie one behind the other,
and at most one of those that show has its edge in the pixel, they are laid over one another: that
is exact. Where two edges cross, or objects reach into one another, rays decide.

Which pixels those are is found object by object, the nearest first, in what boxes share alone.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from trajdata._jit import bare_kernel, kernel
from trajdata._render.crossings import crossing_decider, lay_over, make_crossings
from trajdata._render.film import Looks, ground_of
from trajdata._render.rays import tracer
from trajdata._shapes.registry import find_shape

__all__ = ["make_nothing", "make_settling", "overlap_settler", "settle_nothing"]

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_HALF = np.float32(0.5)
_MOST = np.float32(255.0)
_NONE, _STEP = np.uintp(0), np.uintp(1)
"""Places are counted without a sign: that spares the test for negative ones."""
_ALONE, _LAID, _ASKED = np.uint8(0), np.uint8(1), np.uint8(2)
"""What is done with a pixel: nothing, all in it are laid over one another, or more is asked."""


@kernel
def make_settling(items, pixels):  # type: ignore[no-untyped-def]
    """Memory in which ``settle`` works, for so many objects and pixels of a picture.

    Who hides whom, who comes first, and the pixels of each object that others' boxes share. Of each
    pixel: its state, all ``_ALONE``, whether an object fills it, and who covers it; a list of those
    that are shared, rows and columns. What ``decide`` works in. Which objects cover a pixel, where
    it is among theirs, and their shares of it. Of each object: where its pixel of row 0 and column
    0 would be, and how many a row has.
    """
    return (
        (
            np.empty((items, items), np.int8),
            np.empty(items, np.int64),
            np.empty((items, 4), np.int64),
        ),
        (np.zeros(pixels, np.uint8), np.empty(pixels, np.bool_), np.empty(pixels, np.uint64)),
        np.empty((2, pixels), np.int64),
        make_crossings(items),
        (np.empty(items, np.uintp), np.empty(items, np.uintp), np.empty(items, np.float32)),
        np.empty((items, 2), np.int64),
    )


@bare_kernel
def _share(boxes, k, one, two):  # type: ignore[no-untyped-def]
    """The pixels that two objects' boxes of frame k share: top, left, bottom, right; bottom and
    right are not above top and left where there are none."""
    p, q = boxes[one, k], boxes[two, k]
    return (
        max(p[0], q[0]),
        max(p[1], q[1]),
        min(p[0] + p[2], q[0] + q[2]),
        min(p[1] + p[3], q[1] + q[3]),
    )


@bare_kernel
def _line_up(ranks, order):  # type: ignore[no-untyped-def]
    """Fill ``order`` with all objects, each after those that are known to hide it. Where they go
    round in a circle, which no order can follow, that is cut at the first of them."""
    items = order.shape[0]
    for placed in range(items):
        order[placed] = placed
    for placed in range(items):
        for candidate in range(placed, items):
            is_next = True
            for other in range(placed, items):
                if ranks[order[other], order[candidate]] > 0:
                    is_next = False
                    break
            if is_next:
                first = order[candidate]
                order[candidate] = order[placed]
                order[placed] = first
                break


@kernel
def make_nothing(items, pixels):  # type: ignore[no-untyped-def]
    """In the place of ``make_settling`` where a clip has one object."""
    return (items,)


@bare_kernel
def settle_nothing(film, b, scene, bodies, k, size, kept, ink, work, target, base):  # type: ignore[no-untyped-def]
    """In the place of ``settle``."""


@cache
def overlap_settler(shapes: tuple[str, ...], has_ground: bool = False, turned: bool = False) -> Any:
    """The kernel ``settle`` for objects of these shapes, before a background of this kind. turned:
    whether cameras turn."""
    ground_at = ground_of(Looks(has_ground=has_ground)).at
    found = [find_shape(name) for name in shapes]
    depths = [(-1.0, 1.0) if turned and shape.turned_bounds else shape.depths for shape in found]
    nears, fars = tuple(near for near, _ in depths), tuple(far for _, far in depths)
    decide = crossing_decider(tracer(shapes), nears)

    @bare_kernel
    def rank_of(one, p, two, q):  # type: ignore[no-untyped-def]
        """1 where the first object hides the second from wherever both are seen, -1 where it is
        hidden, 0 where nobody knows without a ray.

        What lies on two sides of a plane cannot hide one another but in one way, that of the
        camera's side. Such a plane is looked for in parallel to the picture, and between the
        spheres around both objects.
        """
        size, other = one.radius, two.radius
        if p[2] + fars[one.shape] * size <= q[2] + nears[two.shape] * other:
            return 1
        if q[2] + fars[two.shape] * other <= p[2] + nears[one.shape] * size:
            return -1
        x, y, z = q[0] - p[0], q[1] - p[1], q[2] - p[2]
        apart = np.sqrt(x * x + y * y + z * z)
        if apart <= size + other:
            return 0
        # Where the way from one centre to the other has left the first sphere, and as far before
        # the second one.
        middle = 0.5 * (apart + size - other)
        towards = (p[0] * x + p[1] * y + p[2] * z) + middle * apart
        return 1 if towards > 0.0 else -1

    @bare_kernel
    def find_shared(scene, bodies, k, width, boxes, orders, pixels, listed):  # type: ignore[no-untyped-def]
        """List the pixels that several boxes share, and put the objects in order; how many."""
        ranks, order, parts = orders
        states, filled, inside = pixels
        items, count = bodies.shape[0], 0
        ranks[:, :] = 0
        for one in range(items):
            parts[one, 0] = parts[one, 1] = np.iinfo(np.int64).max
            parts[one, 2] = parts[one, 3] = 0
        for one in range(items):
            for two in range(one):
                top, left, bottom, right = _share(boxes, k, one, two)
                if top >= bottom or left >= right:
                    continue
                rank = rank_of(scene[one], bodies[one], scene[two], bodies[two])
                ranks[one, two], ranks[two, one] = rank, -rank
                for item in (one, two):
                    part = parts[item]
                    part[0], part[1] = min(part[0], top), min(part[1], left)
                    part[2], part[3] = max(part[2], bottom), max(part[3], right)
                for i in range(top, bottom):
                    pixel = np.uintp(i * width + left)
                    for j in range(left, right):
                        if states[pixel] == _ALONE:
                            states[pixel] = _LAID
                            filled[pixel] = False
                            inside[pixel] = 0
                            listed[0, count], listed[1, count] = i, j
                            count += 1
                        pixel += _STEP
        if count > 0:
            _line_up(ranks, order)
        return count

    @bare_kernel
    def ask_of_pairs(k, width, boxes, starts, covers, orders, states):  # type: ignore[no-untyped-def]
        """Note the pixels that two objects cover of which nobody knows, without more, which is in
        front."""
        ranks, order, _ = orders
        items = order.shape[0]
        for n in range(items):
            for later in range(n + 1, items):
                one, two = order[n], order[later]
                if ranks[one, two] > 0:
                    continue
                top, left, bottom, right = _share(boxes, k, one, two)
                p, q = boxes[one, k], boxes[two, k]
                for i in range(top, bottom):
                    own = np.uintp(starts[one, k] + (i - p[0]) * p[3] + left - p[1])
                    other = np.uintp(starts[two, k] + (i - q[0]) * q[3] + left - q[1])
                    pixel = np.uintp(i * width + left)
                    for _ in range(right - left):
                        if covers[own] > _ZERO and covers[other] > _ZERO:
                            states[pixel] = _ASKED
                        own, other, pixel = own + _STEP, other + _STEP, pixel + _STEP

    @bare_kernel
    def lay_objects(k, width, boxes, starts, covers, orders, pixels):  # type: ignore[no-untyped-def]
        """Note who covers the pixels that are shared, a bit for each (a spec has at most ten),
        and in which of them two edges show."""
        _, order, parts = orders
        states, filled, inside = pixels
        for n in range(order.shape[0]):
            item = order[n]
            box, part = boxes[item, k], parts[item]
            bit = np.uint64(1) << np.uint64(item)
            for i in range(part[0], part[2]):
                at = np.uintp(starts[item, k] + (i - box[0]) * box[3] + part[1] - box[1])
                pixel = np.uintp(i * width + part[1])
                for _ in range(part[3] - part[1]):
                    cover = covers[at]
                    if cover > _ZERO and states[pixel] != _ALONE:
                        # However little an object covers: its edge is a first one.
                        if cover < _ONE and inside[pixel] > 0 and not filled[pixel]:
                            states[pixel] = _ASKED
                        inside[pixel] |= bit
                        filled[pixel] = filled[pixel] or cover >= _ONE
                    at, pixel = at + _STEP, pixel + _STEP

    @bare_kernel
    def gather(i, j, inside, wheres, covers, ranks, work):  # type: ignore[no-untyped-def]
        """The objects that cover a pixel, the nearest first, if that is known; how many."""
        who, places, parts = work
        count, item = _NONE, _NONE
        while inside > 0:
            if inside & np.uint64(1):
                place = np.uintp(wheres[item, 0] + i * wheres[item, 1] + j)
                at = count
                while at > _NONE and ranks[item, who[at - _STEP]] > 0:
                    before = at - _STEP
                    who[at], places[at], parts[at] = who[before], places[before], parts[before]
                    at = before
                who[at], places[at], parts[at] = item, place, covers[place]
                count += _STEP
            inside >>= np.uint64(1)
            item += _STEP
        return np.intp(count)

    @bare_kernel
    def settle(film, b, scene, bodies, k, size, kept, ink, work, target, base):  # type: ignore[no-untyped-def]
        """Write the pixels of clip b's frame k that lie in two objects' boxes.

        bodies: float64 (O, 12), the objects' poses. size: height, width. kept: boxes and starts,
        where each object's box is and where its pixels begin in covers and shades, which follow.
        ink: float32 (O, C), the objects' colours, and (C,), the background. work: as
        ``make_settling`` makes it. target: the frame begins at ``base``.
        """
        height, width = size
        boxes, starts, covers, shades = kept
        colours, backs = ink
        channels = colours.shape[1]
        plane = height * width
        lens = (float(min(height, width)), 0.5 * width, 0.5 * height)
        orders, pixels, listed, crossings, own, wheres = work
        ranks, _, _ = orders
        states, _, inside = pixels
        who, places, parts = own
        shared = find_shared(scene, bodies, k, width, boxes, orders, pixels, listed)
        if shared == 0:
            return
        ask_of_pairs(k, width, boxes, starts, covers, orders, states)
        lay_objects(k, width, boxes, starts, covers, orders, pixels)
        _, (_, is_aimed) = crossings
        is_aimed[:] = False  # the poses are those of another frame
        for item in range(boxes.shape[0]):
            box = boxes[item, k]
            wheres[item, 0] = starts[item, k] - box[0] * box[3] - box[1]
            wheres[item, 1] = box[3]
        for number in range(shared):
            i, j = listed[0, number], listed[1, number]
            pixel = np.uintp(i * width + j)
            count = gather(i, j, inside[pixel], wheres, covers, ranks, own)
            if states[pixel] == _ASKED:
                rest, count = decide(scene, bodies, i, j, lens, ranks, crossings, own, count)
            else:
                rest = lay_over(parts, count)
            states[pixel] = _ALONE
            for c in range(channels):
                value = rest * ground_at(film, b, k, c, pixel, backs[c])
                for n in range(count):
                    value += parts[n] * (colours[who[n], c] * shades[places[n]])
                target[np.uintp(base + c * plane) + pixel] = np.uint8(
                    np.int32(min(max(value, _ZERO), _MOST) + _HALF)
                )

    return settle
