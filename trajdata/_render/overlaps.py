"""Settle the pixels that several objects are in.

Each object's coverage of a pixel is known. Where the objects are known to lie one behind the other,
and at most one of those that show has its edge in the pixel, they are laid over one another: that
is exact. Where two edges cross, or objects reach into one another, rays decide.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from trajdata._jit import bare_kernel, kernel
from trajdata._render.film import Looks, ground_of
from trajdata._render.pixel_rays import FEW, ray_shift
from trajdata._render.rays import caster, tracer
from trajdata._shapes.registry import NEVER, find_shape

__all__ = ["make_settling", "overlap_settler"]

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_HALF = np.float32(0.5)
_SHARE = np.float32(1.0 / FEW)


@bare_kernel
def _meets_another(boxes, k, item):  # type: ignore[no-untyped-def]
    """Whether an object's box of frame k has pixels of another one's."""
    p = boxes[item, k]
    for other in range(boxes.shape[0]):
        q = boxes[other, k]
        if (
            other != item
            and max(p[0], q[0]) < min(p[0] + p[2], q[0] + q[2])
            and max(p[1], q[1]) < min(p[1] + p[3], q[1] + q[3])
        ):
            return True
    return False


@kernel
def make_settling(items, pixels):  # type: ignore[no-untyped-def]
    """Memory in which ``settle`` works, for so many objects and pixels of a picture.

    Which objects cover a pixel and their shares of it; who hides whom, and whose box has pixels of
    another one's; marks of pixels, all zero. Then of a pixel's rays: where they go through it,
    x, y, how far they go, and to whom.
    """
    shifts = np.empty((2, FEW))
    for number in range(FEW):
        shifts[0, number], shifts[1, number] = ray_shift(number, FEW)
    objects = np.empty(items, np.int64), np.empty(items, np.float32)
    orders = np.zeros((items, items), np.int8), np.empty(items, np.bool_)
    places = np.empty((4, FEW))
    rays = shifts, places[0], places[1], places[2], places[3], np.empty(FEW, np.int64)
    return objects, orders, np.zeros(pixels, np.uint8), rays


@cache
def overlap_settler(shapes: tuple[str, ...], has_ground: bool = False, turned: bool = False) -> Any:
    """The kernel ``settle`` for objects of these shapes, before a background of this kind. turned:
    whether cameras turn."""
    cast, trace = caster(shapes), tracer(shapes)
    ground_at = ground_of(Looks(has_ground=has_ground)).at
    found = [find_shape(name) for name in shapes]
    depths = [(-1.0, 1.0) if turned and shape.turned_bounds else shape.depths for shape in found]
    nears, fars = tuple(near for near, _ in depths), tuple(far for _, far in depths)

    @bare_kernel
    def put_in_order(scene, bodies, ranks):  # type: ignore[no-untyped-def]
        """Fill ``ranks``, int8 (O, O): 1 where one object hides the other from wherever both are
        seen, -1 where it is hidden, 0 where nobody knows without a ray.

        What lies on two sides of a plane cannot hide one another but in one way, that of the
        camera's side. Such a plane is looked for in parallel to the picture, and between the
        spheres around both objects.
        """
        for one in range(bodies.shape[0]):
            p, size = bodies[one], scene[one].radius
            near, far = p[2] + nears[scene[one].shape] * size, p[2] + fars[scene[one].shape] * size
            for two in range(one):
                q, other = bodies[two], scene[two].radius
                rank = 0
                if far <= q[2] + nears[scene[two].shape] * other:
                    rank = 1
                elif q[2] + fars[scene[two].shape] * other <= near:
                    rank = -1
                else:
                    x, y, z = q[0] - p[0], q[1] - p[1], q[2] - p[2]
                    apart = np.sqrt(x * x + y * y + z * z)
                    if apart > size + other:
                        # Where the way from one centre to the other has left the first sphere, and
                        # as far before the second one.
                        middle = 0.5 * (apart + size - other)
                        towards = (p[0] * x + p[1] * y + p[2] * z) + middle * apart
                        rank = 1 if towards > 0.0 else -1
                ranks[one, two], ranks[two, one] = rank, -rank

    @bare_kernel
    def gather(scene, bodies, k, i, j, boxes, starts, covers, ranks, who, parts):  # type: ignore[no-untyped-def]
        """The objects that cover a pixel, the nearest first, if that is known; how many."""
        count = 0
        for item in range(bodies.shape[0]):
            box = boxes[item, k]
            row, column = i - box[0], j - box[1]
            if row < 0 or row >= box[2] or column < 0 or column >= box[3]:
                continue
            part = covers[starts[item, k] + row * box[3] + column]
            if part <= _ZERO:
                continue
            at = count
            while at > 0:
                other = who[at - 1]
                if ranks[item, other] <= 0:
                    break
                who[at], parts[at] = other, parts[at - 1]
                at -= 1
            who[at], parts[at] = item, part
            count += 1
        return count

    @bare_kernel
    def is_in_order(ranks, who, parts, count):  # type: ignore[no-untyped-def]
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
    def drop_hidden(scene, bodies, i, j, lens, ranks, who, parts, count):  # type: ignore[no-untyped-def]
        """Drop what lies behind an object that fills the pixel; how many are left.

        That object is nearer than all others that fill the pixel, at each of its corners. One that
        has its edge in the pixel, where its depth may change fast, is behind if all of it is.
        """
        focal, middle_x, middle_y = lens
        front, farthest = -1, -np.inf
        for corner in range(4):
            x = (j + (corner & 1) - middle_x) / focal
            y = (i + (corner >> 1) - middle_y) / focal
            depth, nearest = NEVER, -1
            for n in range(count):
                if parts[n] >= _ONE:
                    item = who[n]
                    own = cast(scene[item].shape, bodies[item], scene[item].radius, x, y)
                    if own < depth:
                        depth, nearest = own, n
            if nearest < 0 or (corner > 0 and nearest != front):
                return count
            front, farthest = nearest, max(farthest, depth)
        ahead = who[front]
        left = 0
        for n in range(count):
            item = who[n]
            near = bodies[item, 2] + nears[scene[item].shape] * scene[item].radius
            is_hidden = parts[n] >= _ONE or near >= farthest or ranks[ahead, item] > 0
            if n == front or not is_hidden:
                who[left], parts[left] = item, parts[n]
                left += 1
        return left

    @bare_kernel
    def has_one_edge(parts, count):  # type: ignore[no-untyped-def]
        """Whether one of the objects that show, at most, does not fill the pixel."""
        for n in range(count):
            if parts[n] >= _ONE:
                return True
            if n > 0:
                return False
        return True

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
        items, channels = colours.shape
        plane = height * width
        lens = (float(min(height, width)), 0.5 * width, 0.5 * height)
        (who, parts), (ranks, meets), marks, rays = work
        any_meets = False
        for item in range(items):
            meets[item] = _meets_another(boxes, k, item)
            any_meets = any_meets or meets[item]
        if not any_meets:
            return
        put_in_order(scene, bodies, ranks)
        for item in range(items):
            if meets[item]:
                box = boxes[item, k]
                for i in range(box[0], box[0] + box[2]):
                    for pixel in range(i * width + box[1], i * width + box[1] + box[3]):
                        marks[pixel] += 1
        for one in range(items):
            if not meets[one]:
                continue
            top, left, rows, columns = boxes[one, k]
            for i in range(top, top + rows):
                for j in range(left, left + columns):
                    pixel = i * width + j
                    times = marks[pixel]
                    marks[pixel] = 0
                    # Once for all objects: then it has no mark any more.
                    if times < 2:
                        continue
                    count = gather(scene, bodies, k, i, j, boxes, starts, covers, ranks, who, parts)
                    is_plain = is_in_order(ranks, who, parts, count)
                    if not is_plain:
                        count = drop_hidden(scene, bodies, i, j, lens, ranks, who, parts, count)
                        is_plain = is_in_order(ranks, who, parts, count)
                    if is_plain and has_one_edge(parts, count):
                        rest = lay_over(parts, count)
                    else:
                        rest = cast_rays(scene, bodies, i, j, lens, rays, who, parts, count)
                    for c in range(channels):
                        back = ground_at(film, b, k, c, pixel, backs[c])
                        value = rest * back
                        for n in range(count):
                            item = who[n]
                            box = boxes[item, k]
                            at = starts[item, k] + (i - box[0]) * box[3] + j - box[1]
                            value += parts[n] * (colours[item, c] * shades[at])
                        target[base + c * plane + pixel] = np.uint8(
                            np.int32(min(max(value, _ZERO), np.float32(255.0)) + _HALF)
                        )

    return settle
