"""What is seen in each pixel: which object, how far away it is and where it moves.

All of it is of the point that the ray through the pixel's centre meets, in float64, and of nothing
else: no mean over a pixel, so that masks, depth and flow agree with one another. The objects of a
frame go through a buffer of depths, each within its own box, so the cost grows with the pixels that
objects cover.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from trajdata._jit import bare_kernel, kernel
from trajdata._render.rays import (
    AIMED,
    aim,
    box_of,
    into_object,
    out_of_object,
    outliner,
    tracer,
)
from trajdata._shapes.registry import NEVER

__all__ = ["NEAREST", "truth_renderer"]

NEAREST = 1e-2
"""A point that would pass the camera is taken to be this far before it, in metres: only beyond a
clip's first and last frame, where nothing keeps an object away."""

_RAYS = 8
"""Rays that are traced at once."""
_ZERO = np.float32(0.0)


@bare_kernel
def _fill(target, at, size, value):  # type: ignore[no-untyped-def]
    target[at : at + size] = value


@bare_kernel
def _shift(pose, other, x, y, z, column, row, lens):  # type: ignore[no-untyped-def]
    """How far a point (of the camera's axes, on an object in this pose) moves on the picture when
    the object takes the other pose, in pixels."""
    a, b, c = into_object(pose, x - pose[0], y - pose[1], z - pose[2])
    x, y, z = out_of_object(other, a, b, c)
    focal, middle_x, middle_y = lens
    scale = focal / max(z, NEAREST)
    return middle_x + scale * x - column, middle_y + scale * y - row


@bare_kernel
def _write_flow(flow, at, plane, pixel, dx, dy):  # type: ignore[no-untyped-def]
    flow[np.uintp(at) + np.uintp(pixel)] = np.float32(dx)
    flow[np.uintp(at + plane) + np.uintp(pixel)] = np.float32(dy)


@bare_kernel
def _flat_wall(world, k, wall, lens, size, targets, places):  # type: ignore[no-untyped-def]
    """The wall before a camera that never turns: it has one depth, and nothing of it moves."""
    depth_map, forward, backward = targets
    depth_at, forward_at, backward_at = places
    plane = size[0] * size[1]
    if depth_map.shape[0] > 0:
        _fill(depth_map, depth_at, plane, np.float32(wall))
    if forward.shape[0] > 0:
        _fill(forward, forward_at, 2 * plane, _ZERO)
    if backward.shape[0] > 0:
        _fill(backward, backward_at, 2 * plane, _ZERO)


@bare_kernel
def _turned_wall(world, k, wall, lens, size, targets, places):  # type: ignore[no-untyped-def]
    """The wall before a camera that turns: what each pixel's ray meets of it, which moves as the
    world does. world: float64 (T + 2, 12), the world as the camera sees it, laid out like a pose.
    """
    depth_map, forward, backward = targets
    depth_at, forward_at, backward_at = places
    focal, middle_x, middle_y = lens
    height, width = size
    plane = height * width
    here = world[k + 1]
    _, _, from_z = into_object(here, -here[0], -here[1], -here[2])
    for i in range(height):
        for j in range(width):
            pixel, across, down = i * width + j, j + 0.5, i + 0.5
            x, y = (across - middle_x) / focal, (down - middle_y) / focal
            _, _, away = into_object(here, x, y, 1.0)
            z = (wall - from_z) / away
            if depth_map.shape[0] > 0:
                depth_map[depth_at + pixel] = np.float32(z)
            if forward.shape[0] > 0:
                dx, dy = _shift(here, world[k + 2], z * x, z * y, z, across, down, lens)
                _write_flow(forward, forward_at, plane, pixel, dx, dy)
            if backward.shape[0] > 0:
                dx, dy = _shift(here, world[k], z * x, z * y, z, across, down, lens)
                _write_flow(backward, backward_at, plane, pixel, dx, dy)


@cache
def truth_renderer(shapes: tuple[str, ...], turned: bool = False) -> Any:
    """The kernel ``render_truth`` for objects of these shapes, which SCENE's ``shape`` counts.
    turned: whether cameras turn."""
    trace, outline = tracer(shapes), outliner(shapes, turned)
    show_wall = _turned_wall if turned else _flat_wall

    @bare_kernel
    def cover(scene, poses, present, k, lens, size, places, whole, alone, ids, depths, rays):  # type: ignore[no-untyped-def]
        """Put the objects of frame k into ``ids`` (object's number + 1) and ``depths``.

        Of each object: ``places``, the pixels that its outline touches, first row, first column,
        and their ends; ``whole``, its outline; ``alone``, in how many pixels it would be seen.
        """
        height, width = size
        focal, middle_x, middle_y = lens
        aimed, xs, ys, reached = rays
        for item in range(poses.shape[0]):
            places[item, :] = 0
            whole[item, :] = 0.0
            alone[item] = 0
            if not present[item, k]:
                continue
            pose, shape, radius = poses[item, k + 1], scene[item].shape, scene[item].radius
            left, top, right, bottom = outline(shape, pose, radius)
            left, right = middle_x + focal * left, middle_x + focal * right
            top, bottom = middle_y + focal * top, middle_y + focal * bottom
            whole[item, 0], whole[item, 1] = left, top
            whole[item, 2], whole[item, 3] = right, bottom
            row, column, rows, columns = box_of(top, left, bottom, right, height, width)
            places[item, 0], places[item, 1] = row, column
            places[item, 2], places[item, 3] = rows, columns
            aim(pose, radius, aimed)
            count = np.int64(0)
            for i in range(row, rows):
                ys[:] = (i + 0.5 - middle_y) / focal
                for begin in range(column, columns, _RAYS):
                    trace(shape, aimed, xs[begin : begin + _RAYS], ys, reached)
                    first = np.uintp(i * width + begin)
                    for number in range(np.uintp(min(columns - begin, _RAYS))):
                        depth, pixel = reached[number], first + number
                        count += np.int64(depth != NEVER)
                        if depth < depths[pixel]:
                            depths[pixel] = depth
                            ids[pixel] = np.uint8(item + 1)
            alone[item] = count

    @bare_kernel
    def see(scenes, poses, present, slots, lens, wall, worlds, size, seen, dense, rooms):  # type: ignore[no-untyped-def]
        """As ``render_truth``, which makes the ``rooms``."""
        boxes, amodal, counts, shares = seen
        masks, mask_stride, depth_map, depth_stride = dense[:4]
        forward, forward_stride, backward, backward_stride = dense[4:]
        frames = present.shape[2]
        items = scenes.shape[1]
        height, width = size
        plane = height * width
        ids, depths, places, whole, alone, rays = rooms
        wants_masks, wants_depth = masks.shape[0] > 0, depth_map.shape[0] > 0
        wants_forward, wants_backward = forward.shape[0] > 0, backward.shape[0] > 0
        focal, middle_x, middle_y = lens
        for j in range(rays[1].shape[0]):
            rays[1][j] = (j + 0.5 - middle_x) / focal
        for b in range(scenes.shape[0]):
            for k in range(frames):
                cover(
                    scenes[b],
                    poses[b],
                    present[b],
                    k,
                    lens,
                    size,
                    places,
                    whole,
                    alone,
                    ids,
                    depths,
                    rays,
                )
                mask_at = b * mask_stride + k * plane
                depth_at = b * depth_stride + k * plane
                forward_at = b * forward_stride + 2 * k * plane
                backward_at = b * backward_stride + 2 * k * plane
                if wants_masks:
                    _fill(masks, mask_at, plane, np.uint8(0))
                show_wall(
                    worlds[min(b, worlds.shape[0] - 1)],
                    k,
                    wall,
                    lens,
                    size,
                    (depth_map, forward, backward),
                    (depth_at, forward_at, backward_at),
                )
                for item in range(items):
                    slot, own = slots[b, item], np.uint8(item + 1)
                    before, pose, after = poses[b, item, k : k + 3]
                    row, column, rows, columns = places[item]
                    left, top, right, bottom = columns, rows, column, row
                    shown = np.int64(0)
                    for i in range(row, rows):
                        for j in range(column, columns):
                            pixel = np.uintp(i * width + j)
                            if ids[pixel] != own:
                                continue
                            z = depths[pixel]
                            ids[pixel] = 0
                            depths[pixel] = NEVER
                            left, right = min(left, j), max(right, j + 1)
                            top, bottom = min(top, i), i + 1
                            shown += 1
                            if wants_masks:
                                masks[np.uintp(mask_at) + pixel] = np.uint8(slot + 1)
                            if wants_depth:
                                depth_map[np.uintp(depth_at) + pixel] = np.float32(z)
                            if wants_forward or wants_backward:
                                across, down = j + 0.5, i + 0.5
                                x, y = (
                                    z * ((across - middle_x) / focal),
                                    z * ((down - middle_y) / focal),
                                )
                                if wants_forward:
                                    dx, dy = _shift(pose, after, x, y, z, across, down, lens)
                                    _write_flow(forward, forward_at, plane, pixel, dx, dy)
                                if wants_backward:
                                    dx, dy = _shift(pose, before, x, y, z, across, down, lens)
                                    _write_flow(backward, backward_at, plane, pixel, dx, dy)
                    counts[b, slot, k] = shown
                    share = shown / alone[item] if alone[item] > 0 else 0.0
                    shares[b, slot, k] = np.float32(share)
                    if shown == 0:
                        left = top = right = bottom = 0
                    box, outer = boxes[b, slot, k], amodal[b, slot, k]
                    box[0], box[1] = np.float32(left), np.float32(top)
                    box[2], box[3] = np.float32(right), np.float32(bottom)
                    for side in range(4):
                        outer[side] = np.float32(whole[item, side])

    @kernel
    def render_truth(  # type: ignore[no-untyped-def]
        scenes, poses, present, slots, lens, wall, worlds, height, width, seen, dense
    ):
        """What the pixels of B clips show.

        scenes: SCENE (B, O). poses: float64 (B, O, T + 2, 12), one frame more on each side, see
        ``_world.pose``. present: bool (B, O, T). slots: int64 (B, O), where an object's truth
        stands. lens: focal length and the picture's centre, pixels. wall: depth of the background.
        worlds: float64 (B, T + 2, 12), of cameras that turn, see ``_turned_wall``.

        seen: boxes and amodal_boxes, float32 (B, N, T, 4), visible_pixels, int32 (B, N, T), and
        visibility, float32 (B, N, T). dense: masks, depth_map, forward_flow and backward_flow, each
        as flat memory and the stride, in items, at which a clip follows the one before; the memory
        is empty where nobody asked.
        """
        items = scenes.shape[1]
        rooms = (
            np.zeros(height * width, np.uint8),
            np.full(height * width, NEVER),
            np.empty((items, 4), np.int64),
            np.empty((items, 4), np.float64),
            np.empty(items, np.int64),
            (np.empty(AIMED), np.empty(width + _RAYS), np.empty(_RAYS), np.empty(_RAYS)),
        )
        size = height, width
        see(scenes, poses, present, slots, lens, wall, worlds, size, seen, dense, rooms)

    return render_truth
