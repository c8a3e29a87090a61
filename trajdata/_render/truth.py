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
from trajdata._render.rays import box_of, caster, into_object, out_of_object, outliner
from trajdata._shapes.registry import NEVER

__all__ = ["NEAREST", "truth_renderer"]

NEAREST = 1e-2
"""A point that would pass the camera is taken to be this far before it, in metres: only beyond a
clip's first and last frame, where nothing keeps an object away."""

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
    flow[at + pixel] = np.float32(dx)
    flow[at + plane + pixel] = np.float32(dy)


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
    cast, outline = caster(shapes), outliner(shapes, turned)
    show_wall = _turned_wall if turned else _flat_wall

    @bare_kernel
    def cover(scene, poses, present, k, lens, boxes, whole, alone, ids, depths):  # type: ignore[no-untyped-def]
        """Put the objects of frame k into ``ids`` (object's number + 1) and ``depths``.

        Returns the rows and columns that they touch: first row, first column, and the ends.
        """
        height, width = ids.shape
        focal, middle_x, middle_y = lens
        first_row, first_column, end_row, end_column = height, width, 0, 0
        for item in range(poses.shape[0]):
            boxes[item, :] = 0
            whole[item, :] = 0.0
            alone[item] = 0
            if not present[item, k]:
                continue
            pose, shape, size = poses[item, k + 1], scene[item].shape, scene[item].radius
            left, top, right, bottom = outline(shape, pose, size)
            left, right = middle_x + focal * left, middle_x + focal * right
            top, bottom = middle_y + focal * top, middle_y + focal * bottom
            whole[item, 0], whole[item, 1] = left, top
            whole[item, 2], whole[item, 3] = right, bottom
            row, column, rows, columns = box_of(top, left, bottom, right, height, width)
            count = np.int64(0)
            for i in range(row, rows):
                y = (i + 0.5 - middle_y) / focal
                for j in range(column, columns):
                    x = (j + 0.5 - middle_x) / focal
                    depth = cast(shape, pose, size, x, y)
                    if depth != NEVER:
                        count += 1
                        if depth < depths[i, j]:
                            depths[i, j] = depth
                            ids[i, j] = np.uint8(item + 1)
            alone[item] = count
            first_row, end_row = min(first_row, row), max(end_row, rows)
            first_column, end_column = min(first_column, column), max(end_column, columns)
        return first_row, first_column, end_row, end_column

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
        ids, depths, found, whole, alone, shown = rooms
        wants_masks, wants_depth = masks.shape[0] > 0, depth_map.shape[0] > 0
        wants_forward, wants_backward = forward.shape[0] > 0, backward.shape[0] > 0
        focal, middle_x, middle_y = lens
        for b in range(scenes.shape[0]):
            for k in range(frames):
                row, column, rows, columns = cover(
                    scenes[b], poses[b], present[b], k, lens, found, whole, alone, ids, depths
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
                shown[:] = 0
                for i in range(row, rows):
                    for j in range(column, columns):
                        if ids[i, j] == 0:
                            continue
                        item = np.int64(ids[i, j]) - 1
                        z = depths[i, j]
                        ids[i, j] = 0
                        depths[i, j] = NEVER
                        if shown[item] == 0:
                            found[item, 0], found[item, 1] = j, i
                            found[item, 2], found[item, 3] = j + 1, i + 1
                        else:
                            found[item, 0] = min(found[item, 0], j)
                            found[item, 2] = max(found[item, 2], j + 1)
                            found[item, 3] = i + 1
                        shown[item] += 1
                        pixel = i * width + j
                        if wants_masks:
                            masks[mask_at + pixel] = np.uint8(slots[b, item] + 1)
                        if wants_depth:
                            depth_map[depth_at + pixel] = np.float32(z)
                        if wants_forward or wants_backward:
                            across, down = j + 0.5, i + 0.5
                            x, y = (
                                z * ((across - middle_x) / focal),
                                z * ((down - middle_y) / focal),
                            )
                            pose = poses[b, item, k + 1]
                            if wants_forward:
                                dx, dy = _shift(
                                    pose, poses[b, item, k + 2], x, y, z, across, down, lens
                                )
                                _write_flow(forward, forward_at, plane, pixel, dx, dy)
                            if wants_backward:
                                dx, dy = _shift(
                                    pose, poses[b, item, k], x, y, z, across, down, lens
                                )
                                _write_flow(backward, backward_at, plane, pixel, dx, dy)
                for number in range(items):
                    slot = slots[b, number]
                    counts[b, slot, k] = shown[number]
                    share = shown[number] / alone[number] if alone[number] > 0 else 0.0
                    shares[b, slot, k] = np.float32(share)
                    for side in range(4):
                        boxes[b, slot, k, side] = np.float32(found[number, side])
                        amodal[b, slot, k, side] = np.float32(whole[number, side])

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
            np.zeros((height, width), np.uint8),
            np.full((height, width), NEVER),
            np.empty((items, 4), np.int64),
            np.empty((items, 4), np.float64),
            np.empty(items, np.int64),
            np.empty(items, np.int64),
        )
        size = height, width
        see(scenes, poses, present, slots, lens, wall, worlds, size, seen, dense, rooms)

    return render_truth
