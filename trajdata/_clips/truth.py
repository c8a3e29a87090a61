"""What is known of a clip's objects and pixels beside its video, made when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.cameras import Cameras
from trajdata._clips.memory import flat
from trajdata._clips.poses import Poses
from trajdata._render.tracks import point_tracker
from trajdata._render.truth import truth_renderer
from trajdata._shapes.registry import find_shape
from trajdata._spec.model import ClipSpec
from trajdata._world.motion import motion_kernels
from trajdata._world.times import velocities

__all__ = ["TRUTH_FIELDS", "Truths"]

_STILL = ("exists", "laws", "shapes", "target", "half_extents", "colours")
_MOVING = ("present", "positions", "velocities", "quaternions", "angular_velocities")
_SEEN = ("boxes", "amodal_boxes", "visible_pixels", "visibility")
_DENSE = ("segmentations", "depth_map", "forward_flow", "backward_flow")
_POINTS = ("points", "occluded")
_VIEWS = ("intrinsics", "extrinsics")

_AT_REST = np.zeros((1, 1, 12))
"""In the place of a camera that never turns; nothing reads it."""

TRUTH_FIELDS = (*_STILL, *_MOVING, *_SEEN, *_DENSE, *_POINTS, *_VIEWS)
"""The fields that are made here."""


class Truths:
    """What makes the truth of one stream's clips.

    Args:
        spec: of the clips.
        key: of the stream.
    """

    def __init__(self, spec: ClipSpec, key: NDArray[np.uint64]) -> None:
        self._spec = spec
        self._key = key
        self._place_objects = motion_kernels(spec.known_laws).place_objects
        shapes = [find_shape(name) for name in spec.shapes]
        self._half_extents = np.array([shape.half_extents for shape in shapes], np.float64)
        self._lens = (float(min(spec.height, spec.width)), 0.5 * spec.width, 0.5 * spec.height)

    def fill(
        self,
        indices: NDArray[np.int64],
        scenes: NDArray[np.void],
        numbers: NDArray[np.float64],
        present: NDArray[np.bool_],
        poses: Poses,
        cameras: NDArray[np.float64] | None,
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        """Fill the arrays, by field, B in front of each.

        Args:
            indices: int64 (B,).
            scenes: SCENE (B, O).
            numbers: float64 (B, O, columns), of their laws.
            present: bool (B, O, T).
            poses: of the objects.
            cameras: float64 (B, V, T + 2, 12); None: one, at rest.
            arrays: for some of ``TRUTH_FIELDS``.

        Raises:
            ArgumentError: a dense field that is strided within a clip.
        """
        self._fill_still(scenes, arrays)
        self._fill_moving(scenes, numbers, present, poses, arrays)
        self._fill_views(cameras, arrays)
        points = (scenes.shape[0], self._spec.truth.points)
        chosen = np.full(points, -1, np.int64), np.empty((*points, 3), np.float64)
        for view in range(self._spec.views):
            seen, world = poses.matrices, _AT_REST
            if cameras is not None:
                world = np.ascontiguousarray(cameras[:, view])
                seen = Cameras.see(world, poses.matrices)
            if any(name in arrays for name in (*_SEEN, *_DENSE)):
                self._fill_seen(scenes, seen, present, world, view, arrays)
            if any(name in arrays for name in _POINTS):
                self._fill_points(indices, scenes, seen, present, chosen, view, arrays)

    def _fill_still(self, scenes: NDArray[np.void], arrays: Mapping[str, NDArray[Any]]) -> None:
        exists = scenes["shown"] > 0
        for name, array in arrays.items():
            if name == "exists":
                _into_slots(array, scenes, exists)
            elif name == "laws":
                _into_slots(array, scenes, np.where(exists, scenes["law"], -1))
            elif name == "shapes":
                _into_slots(array, scenes, np.where(exists, scenes["shape"], -1))
            elif name == "target":
                array[...] = scenes["slot"][:, 0]
            elif name == "half_extents":
                sizes = self._half_extents[scenes["shape"]] * scenes["radius"][..., None]
                _into_slots(array, scenes, sizes)
            elif name == "colours":
                rgb = [scenes[part] for part in ("red", "green", "blue")]
                if self._spec.channels == 1:
                    rgb = [scenes["luma"]] * 3
                _into_slots(array, scenes, np.stack(rgb, axis=-1))

    def _fill_moving(
        self,
        scenes: NDArray[np.void],
        numbers: NDArray[np.float64],
        present: NDArray[np.bool_],
        poses: Poses,
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        spec = self._spec
        exists = (scenes["shown"] > 0)[..., None, None]
        for name, array in arrays.items():
            if name == "present":
                _into_slots(array, scenes, present)
            elif name == "positions":
                _into_slots(array, scenes, poses.matrices[:, :, 1:-1, :3] * exists)
            elif name == "velocities":
                place = self._place_objects
                moved = velocities(place, scenes, numbers, spec.frames, spec.seconds)
                _into_slots(array, scenes, moved)
            elif name == "quaternions":
                _into_slots(array, scenes, poses.quaternions[:, :, 1:-1] * exists)
            elif name == "angular_velocities":
                every = np.broadcast_to(poses.spins[:, :, None], (*scenes.shape, spec.frames, 3))
                _into_slots(array, scenes, every * exists)

    def _fill_views(
        self, cameras: NDArray[np.float64] | None, arrays: Mapping[str, NDArray[Any]]
    ) -> None:
        if "intrinsics" in arrays:
            focal, x, y = self._lens
            arrays["intrinsics"][...] = [[focal, 0.0, x], [0.0, focal, y], [0.0, 0.0, 1.0]]
        if "extrinsics" in arrays:
            arrays["extrinsics"][...] = np.eye(4)
            if cameras is not None:
                worlds = cameras[:, :, 1:-1]
                turns = worlds[..., 3:].reshape(*worlds.shape[:-1], 3, 3)
                arrays["extrinsics"][..., :3, :3] = turns
                arrays["extrinsics"][..., :3, 3] = worlds[..., :3]

    def _fill_seen(
        self,
        scenes: NDArray[np.void],
        poses: NDArray[np.float64],
        present: NDArray[np.bool_],
        world: NDArray[np.float64],
        view: int,
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        spec = self._spec
        shape = (scenes.shape[0], spec.slots, spec.frames)
        seen: dict[str, NDArray[Any]] = {
            "boxes": np.zeros((*shape, 4), np.float32),
            "amodal_boxes": np.zeros((*shape, 4), np.float32),
            "visible_pixels": np.zeros(shape, np.int32),
            "visibility": np.zeros(shape, np.float32),
        }
        dense: list[Any] = []
        for name in _DENSE:
            if name in arrays:
                memory, stride = flat(name, arrays[name])
                size = int(np.prod(arrays[name].shape[1:])) // spec.views
                dense += [memory[view * size :], stride]
            else:
                dense += [np.empty(0, np.uint8 if name == "segmentations" else np.float32), 0]
        truth_renderer(spec.shapes, spec.camera.turns)(
            scenes,
            poses,
            present,
            np.ascontiguousarray(scenes["slot"]),
            self._lens,
            spec.camera.wall_depth,
            world,
            spec.height,
            spec.width,
            tuple(seen.values()),
            tuple(dense),
        )
        for name, values in seen.items():
            if name in arrays:
                _of_view(arrays[name], spec, view)[...] = values

    def _fill_points(
        self,
        indices: NDArray[np.int64],
        scenes: NDArray[np.void],
        poses: NDArray[np.float64],
        present: NDArray[np.bool_],
        chosen: tuple[NDArray[np.int64], NDArray[np.float64]],
        view: int,
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        spec = self._spec
        shape = (scenes.shape[0], spec.truth.points, spec.frames)
        points, occluded = np.empty((*shape, 2), np.float32), np.empty(shape, bool)
        track_points = point_tracker(spec.shapes, spec.camera.turns)
        track_points(
            self._key,
            indices,
            scenes,
            poses,
            present,
            self._lens,
            *chosen,
            points,
            occluded,
        )
        for name, values in (("points", points), ("occluded", occluded)):
            if name in arrays:
                _of_view(arrays[name], spec, view)[...] = values


def _of_view(array: NDArray[Any], spec: ClipSpec, view: int) -> NDArray[Any]:
    """What one camera sees, of (B, N, V, T, ...): (B, N, T, ...)."""
    return array if spec.views == 1 else array[:, :, view]


def _into_slots(array: NDArray[Any], scenes: NDArray[np.void], values: NDArray[Any]) -> None:
    """Copy (B, O, ...) by objects' numbers into (B, N, ...) by slots."""
    array[np.arange(scenes.shape[0])[:, None], scenes["slot"]] = values
