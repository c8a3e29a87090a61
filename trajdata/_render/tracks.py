"""Points on the surfaces of objects, followed through a clip, as TAP-Vid has them.

Source: Doersch et al., "TAP-Vid: a benchmark for tracking any point in a video", 2022.

A point is chosen by a frame, an object that is in it, and a place within that object's box, all at
random, and is what the ray through that place meets: so each is seen in one frame at least, and
large objects have no more points than small ones. Then it moves with its object.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from trajdata._arithmetic.philox import POINT, unit, words
from trajdata._jit import kernel
from trajdata._render.rays import caster, into_object, out_of_object, outliner
from trajdata._render.truth import NEAREST
from trajdata._shapes.registry import NEVER

__all__ = ["point_tracker"]

_TRIES = 64
"""Places that are tried for a point; then it is where the target's centre is seen at first."""
_CLOSE = 1e-6
"""Share of its depth by which something must be nearer than a point to hide it."""


@cache
def point_tracker(shapes: tuple[str, ...], turned: bool = False) -> Any:
    """The kernel ``track_points`` for objects of these shapes, which SCENE's ``shape`` counts.
    turned: whether cameras turn."""
    cast, outline = caster(shapes), outliner(shapes, turned)

    @kernel
    def nearest(scene, poses, present, k, x, y):  # type: ignore[no-untyped-def]
        """The depth and the number of what the ray through (x, y, 1) meets first at frame k."""
        depth, found = NEVER, np.int64(-1)
        for item in range(poses.shape[0]):
            if present[item, k]:
                own = cast(scene[item].shape, poses[item, k + 1], scene[item].radius, x, y)
                if own < depth:
                    depth, found = own, np.int64(item)
        return depth, found

    @kernel
    def choose(key, index, point, scene, poses, present, free):  # type: ignore[no-untyped-def]
        """A point: its object's number, and its place in that object's axes."""
        items, frames = present.shape
        for attempt in range(_TRIES):
            w = words(key, index, 0, POINT, _TRIES * point + attempt)
            k = np.int64((w[0] * np.uint64(frames)) >> np.uint64(32))
            item = np.int64((w[1] * np.uint64(items)) >> np.uint64(32))
            if not present[item, k]:
                continue
            left, top, right, bottom = outline(
                scene[item].shape, poses[item, k + 1], scene[item].radius
            )
            left, right = max(left, -free[0]), min(right, free[0])
            top, bottom = max(top, -free[1]), min(bottom, free[1])
            x, y = left + unit(w[2]) * (right - left), top + unit(w[3]) * (bottom - top)
            depth, found = nearest(scene, poses, present, k, x, y)
            if found >= 0:
                break
        else:
            k = np.int64(0)
            x, y = poses[0, 1, 0] / poses[0, 1, 2], poses[0, 1, 1] / poses[0, 1, 2]
            depth, found = nearest(scene, poses, present, k, x, y)
        pose = poses[found, k + 1]
        a, b, c = into_object(pose, depth * x - pose[0], depth * y - pose[1], depth - pose[2])
        return found, a, b, c

    @kernel
    def track_points(  # type: ignore[no-untyped-def]
        key, indices, scenes, poses, present, lens, owners, homes, points, occluded
    ):
        """Fill ``points`` (float32 (B, K, T, 2), pixels) and ``occluded`` (bool (B, K, T)).

        scenes, poses, present, lens: as of ``render_truth``. owners: int64 (B, K), the points'
        objects, and homes: float64 (B, K, 3), their places in those objects' axes; where an owner
        is below 0, the point is chosen in this view first. A point is occluded where something is
        in front of it, its own object too, where its object is not present, and outside the frame.
        """
        frames = present.shape[2]
        focal, middle_x, middle_y = lens
        free = (middle_x / focal, middle_y / focal)
        for b in range(points.shape[0]):
            for point in range(points.shape[1]):
                home = homes[b, point]
                if owners[b, point] < 0:
                    owners[b, point], home[0], home[1], home[2] = choose(
                        key, indices[b], point, scenes[b], poses[b], present[b], free
                    )
                item, u, v, w = owners[b, point], home[0], home[1], home[2]
                for k in range(frames):
                    x, y, z = out_of_object(poses[b, item, k + 1], u, v, w)
                    is_behind = z < NEAREST
                    z = max(z, NEAREST)
                    x, y = x / z, y / z
                    points[b, point, k, 0] = np.float32(middle_x + focal * x)
                    points[b, point, k, 1] = np.float32(middle_y + focal * y)
                    is_out = abs(x) > free[0] or abs(y) > free[1] or is_behind
                    depth, _ = nearest(scenes[b], poses[b], present[b], k, x, y)
                    occluded[b, point, k] = (
                        is_out or not present[b, item, k] or depth < z - _CLOSE * z
                    )

    return track_points
