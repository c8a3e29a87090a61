"""Composite clips: fill with the background, then cover it with anti-aliased objects.

How much of each pixel an object covers, and in which shade, is found for every object by itself
(``_render.coverage``). Where the boxes of two objects overlap, the pixels that both are in are
settled afterwards (``_render.overlaps``).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from trajdata._jit import bare_kernel, kernel
from trajdata._render.coverage import RUN, is_small, place_box, round_coverer, turn_light
from trajdata._render.film import PLAIN, Looks, ground_of, light_of, pattern_of
from trajdata._render.overlaps import (
    make_nothing,
    make_settling,
    overlap_settler,
    settle_nothing,
)
from trajdata._render.rays import box_of, outliner
from trajdata._render.solids import make_rooms, solid_coverer
from trajdata._shapes.registry import find_shape
from trajdata._world.choosing import choose
from trajdata._world.sampling import LUMA

__all__ = ["clip_renderer"]

_GROUP = 1024
"""Pixels whose boxes are blended together: enough to hide the loops, few enough for the cache."""
_WHOLE = 32
"""Pixels to a multiple of which they are filled up: whole vectors of bytes."""
_ZERO = np.float32(0.0)


@bare_kernel
def _move_4(values, first, target, at):  # type: ignore[no-untyped-def]
    """Four bytes. All are read before one is written, so that a machine may move them as one."""
    one, two, three = np.uintp(1), np.uintp(2), np.uintp(3)
    a, b = values[first], values[first + one]
    c, d = values[first + two], values[first + three]
    target[at], target[at + one] = a, b
    target[at + two], target[at + three] = c, d


@bare_kernel
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


@bare_kernel
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


@bare_kernel
def _backs(scene, backs):  # type: ignore[no-untyped-def]
    """The background per channel, on 0..255: three of RGB, or the luma alone."""
    if backs.shape[0] == 3:
        backs[0] = np.float32(np.floor(255.0 * scene.back_red + 0.5))
        backs[1] = np.float32(np.floor(255.0 * scene.back_green + 0.5))
        backs[2] = np.float32(np.floor(255.0 * scene.back_blue + 0.5))
    else:
        luma = LUMA[0] * scene.back_red + LUMA[1] * scene.back_green + LUMA[2] * scene.back_blue
        backs[0] = np.float32(np.floor(255.0 * luma + 0.5))


@bare_kernel
def _colours(scene, colours):  # type: ignore[no-untyped-def]
    """An object's colour in the same way."""
    if colours.shape[0] == 3:
        colours[0] = np.float32(255.0 * scene.red)
        colours[1] = np.float32(255.0 * scene.green)
        colours[2] = np.float32(255.0 * scene.blue)
    else:
        colours[0] = np.float32(255.0 * scene.luma)


@bare_kernel
def _no_outline(x, y, z, size):  # type: ignore[no-untyped-def]
    """In the place of a solid's, which has a box alone."""
    return 0.0, 0.0, 1.0, 1.0, 0.0, 1.0


def _placer(shapes: tuple[str, ...], rounds: tuple[bool, ...], turned: bool) -> Any:
    outline_of = choose([find_shape(name).outline or _no_outline for name in shapes])
    bounds_of = outliner(shapes, turned)

    @bare_kernel
    def place_outlines(scene, places, before, present, height, width, outlines, boxes):  # type: ignore[no-untyped-def]
        """Fill the outlines (float64 (T, 6)) and boxes (int64 (T, 4)) of one object. Where it is
        not present its box is empty."""
        focal = float(min(height, width))
        for k in range(present.shape[0]):
            if not present[k]:
                boxes[k, :] = 0
                outlines[k, :] = 1.0
                continue
            if not rounds[scene.shape]:
                left, top, right, bottom = bounds_of(scene.shape, places[before + k], scene.radius)
                row, column, rows, columns = box_of(
                    0.5 * height + focal * top,
                    0.5 * width + focal * left,
                    0.5 * height + focal * bottom,
                    0.5 * width + focal * right,
                    height,
                    width,
                )
                boxes[k, 0], boxes[k, 1] = row, column
                boxes[k, 2], boxes[k, 3] = rows - row, columns - column
                outlines[k, :] = 1.0
                continue
            x, y, r, xx, xy, yy = outline_of(
                scene.shape,
                places[before + k, 0],
                places[before + k, 1],
                places[before + k, 2],
                scene.radius,
            )
            outline = outlines[k]
            outline[0], outline[1] = 0.5 * width + focal * x, 0.5 * height + focal * y
            outline[2], outline[3], outline[4], outline[5] = focal * r, xx, xy, yy
            place_box(outline, height, width, boxes[k])

    return place_outlines


@cache
def clip_renderer(shapes: tuple[str, ...], looks: Looks = PLAIN, several: bool = True) -> Any:
    """The kernel ``render_clips`` for objects of these shapes, which SCENE's ``shape`` counts.
    several: whether a clip may have more than one object.

    Compiled for each set of these, so that what is not used costs no time to compile.
    """
    found = [find_shape(name) for name in shapes]
    # An ellipse has no place for a pattern, and a disc before a camera that turns another outline.
    rounds = tuple(
        shape.is_round
        and not looks.has_patterns
        and not (looks.has_light and shape.turned_bounds is not None)
        for shape in found
    )
    place_outlines = _placer(shapes, rounds, looks.has_light)
    settle, make_work = settle_nothing, make_nothing
    if several:
        settle = overlap_settler(shapes, looks.has_ground, looks.has_light)
        make_work = make_settling
    cover_round = round_coverer(shapes, rounds)
    cover_solid = solid_coverer(shapes, rounds, looks.has_patterns)
    ground, light_at, pattern_at = ground_of(looks), light_of(looks), pattern_of(looks)
    fill_ground, gather_ground, blend = ground.fill, ground.gather, ground.blend

    @bare_kernel
    def place_clip(scene, places, before, present, picture, outlines, boxes):  # type: ignore[no-untyped-def]
        """Fill the outlines and boxes of a clip's objects; how many pixels all boxes have."""
        _, height, width = picture
        total = 0
        for item in range(present.shape[0]):
            place_outlines(
                scene[item],
                places[item],
                before,
                present[item],
                height,
                width,
                outlines[item],
                boxes[item],
            )
            for k in range(present.shape[1]):
                total += boxes[item, k, 2] * boxes[item, k, 3]
        return total

    @bare_kernel
    def most_pixels(scenes, places, before, present, picture, outlines, boxes):  # type: ignore[no-untyped-def]
        """The most pixels that a clip's boxes have."""
        most = 0
        for b in range(scenes.shape[0]):
            total = place_clip(scenes[b], places[b], before, present[b], picture, outlines, boxes)
            most = max(most, total)
        return most

    @bare_kernel
    def composite(scenes, places, before, present, picture, target, first, stride, film, rooms):  # type: ignore[no-untyped-def]
        """As ``render_clips``, which makes the ``rooms``."""
        items, frames = present.shape[1:]
        channels, height, width = picture
        lens = (float(min(height, width)), 0.5 * width, 0.5 * height)
        plane = height * width
        (covers, shades, values, behind), placed, (colours, backs), solid_rooms, settling = rooms
        outlines, boxes, starts, lights = placed
        for b in range(scenes.shape[0]):
            base = first + b * stride
            _backs(scenes[b, 0], backs)
            for k in range(frames):
                fill_ground(film, b, k, backs, target, base + k * channels * plane, plane)
            for item in range(items):
                _colours(scenes[b, item], colours[item])
            place_clip(scenes[b], places[b], before, present[b], picture, outlines, boxes)
            begun = 0
            for item in range(items):
                shape, size = scenes[b, item].shape, scenes[b, item].radius
                is_round = rounds[shape]
                after = 0
                while after < frames:
                    begin, n = after, 0
                    small = is_small(outlines[item, begin])
                    while after < frames:
                        box = boxes[item, after]
                        area = box[2] * box[3]
                        if after > begin and (
                            n + area > _GROUP or is_small(outlines[item, after]) != small
                        ):
                            break
                        starts[item, after] = begun + n
                        place = places[b, item, before + after]
                        light = light_at(film, b, after, scenes[b, 0])
                        if is_round:
                            turn_light(light, size, place[0], place[1], place[2], lights[after])
                        elif area > 0:
                            cover_solid(
                                shape,
                                place,
                                size,
                                light,
                                film[2][pattern_at(b, item)],
                                box,
                                lens,
                                solid_rooms,
                                covers[begun + n : begun + n + area],
                                shades[begun + n : begun + n + area],
                            )
                        n += area
                        after += 1
                    if is_round:
                        cover_round(
                            shape,
                            small,
                            boxes[item, begin:after],
                            outlines[item, begin:after],
                            lights[begin:after],
                            covers[begun : begun + n + RUN],
                            shades[begun : begun + n + RUN],
                        )
                    listed = (n + _WHOLE - 1) // _WHOLE * _WHOLE
                    cover, shown = covers[begun : begun + listed], shades[begun : begun + listed]
                    for c in range(channels):
                        taken = 0
                        for k in range(begin, after):
                            gather_ground(film, b, k, c, boxes[item, k], width, behind, taken)
                            taken += boxes[item, k, 2] * boxes[item, k, 3]
                        blend(
                            cover,
                            shown,
                            colours[item, c],
                            backs[c],
                            behind[:listed],
                            values[:listed],
                        )
                        taken = 0
                        for k in range(begin, after):
                            box = boxes[item, k]
                            at = base + (k * channels + c) * plane + box[0] * width + box[1]
                            if box[2] > 0:
                                _put_box(values, taken, box[2], box[3], target, at, width)
                            taken += box[2] * box[3]
                    if items > 1:
                        begun += n
            if items > 1:
                for k in range(frames):
                    settle(
                        film,
                        b,
                        scenes[b],
                        places[b, :, before + k],
                        k,
                        (height, width),
                        (boxes, starts, covers, shades),
                        (colours, backs),
                        settling,
                        target,
                        base + k * channels * plane,
                    )

    @kernel
    def render_clips(scenes, places, before, present, picture, target, first, stride, film):  # type: ignore[no-untyped-def]
        """Render B clips into ``target``.

        scenes: SCENE (B, O). places: float64 (B, O, T, 12), poses as of ``_world.pose``; where
        there is one object in all clips, and it is round, the centres alone will do, (B, O, T, 3).
        before: so many moments of them come before the first frame. present: bool (B, O, T).
        picture: channels, height, width. target: uint8 (N,), any memory; clip b's video,
        (T, C, H, W) in C order, starts at ``first + b * stride``: a stride above the video's size
        leaves what lies between untouched, so clips are rendered straight into a shard's records.
        film: see ``_render.film``.
        """
        items, frames = present.shape[1:]
        channels, height, width = picture
        plane = height * width
        room = max(plane, _GROUP) + _WHOLE
        outlines = np.empty((items, frames, 6), np.float64)
        boxes = np.empty((items, frames, 4), np.int64)
        # Coverage is kept until overlaps are settled; of one object, until it is put.
        kept = room
        if items > 1:
            kept += most_pixels(scenes, places, before, present, picture, outlines, boxes)
        rooms = (
            (
                np.empty(kept, np.float32),
                np.empty(kept, np.float32),
                np.empty(room, np.uint8),
                np.zeros(room, np.float32),
            ),
            (
                outlines,
                boxes,
                np.empty((items, frames), np.int64),
                np.empty((frames, 4), np.float32),
            ),
            (np.empty((items, channels), np.float32), np.empty(channels, np.float32)),
            make_rooms(height, width),
            make_work(items, plane),
        )
        composite(scenes, places, before, present, picture, target, first, stride, film, rooms)

    return render_clips
