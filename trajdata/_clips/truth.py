"""What is known of a clip's objects and pixels beside its video, made when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.memory import flat
from trajdata._render.tracks import point_tracker
from trajdata._render.truth import truth_renderer
from trajdata._shapes.registry import find_shape
from trajdata._spec.model import ClipSpec
from trajdata._world.jitter import shake_positions
from trajdata._world.motion import motion_kernels
from trajdata._world.pose import set_poses, turn_objects
from trajdata._world.times import frame_times, velocities

__all__ = ["TRUTH_FIELDS", "Truths"]

_STILL = ("exists", "laws", "shapes", "target", "half_extents", "colours")
_MOVING = ("present", "positions", "velocities", "quaternions", "angular_velocities")
_SEEN = ("boxes", "amodal_boxes", "visible_pixels", "visibility")
_DENSE = ("segmentations", "depth_map", "forward_flow", "backward_flow")
_POINTS = ("points", "occluded")
_VIEWS = ("intrinsics", "extrinsics")

TRUTH_FIELDS = (*_STILL, *_MOVING, *_SEEN, *_DENSE, *_POINTS, *_VIEWS)
"""The fields that are made here."""


class Truths:
    """What makes the truth of one stream's clips.

    Args:
        spec: of the clips.
        key: of the stream.
        settings: as ``settings_row`` makes it.
    """

    def __init__(self, spec: ClipSpec, key: NDArray[np.uint64], settings: NDArray[np.void]) -> None:
        self._spec = spec
        self._key = key
        self._settings = settings
        self._place_objects = motion_kernels(spec.laws).place_objects
        shapes = [find_shape(name) for name in spec.shapes]
        self._half_extents = np.array([shape.half_extents for shape in shapes], np.float64)
        self._upright = np.array([shape.is_upright for shape in shapes])
        self._lens = (float(min(spec.height, spec.width)), 0.5 * spec.width, 0.5 * spec.height)

    def fill(
        self,
        indices: NDArray[np.int64],
        scenes: NDArray[np.void],
        numbers: NDArray[np.float64],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        """Fill the arrays, by field, B in front of each.

        Args:
            indices: int64 (B,).
            scenes: SCENE (B, O).
            numbers: float64 (B, O, columns), of their laws.
            arrays: for some of ``TRUTH_FIELDS``.

        Raises:
            ArgumentError: a dense field that is strided within a clip.
        """
        slots = np.zeros(scenes.shape, np.int64)
        present = np.ones((*scenes.shape, self._spec.frames), bool)
        if any(name in arrays for name in _STILL):
            self._fill_still(scenes, slots, arrays)
        if any(name in arrays for name in _VIEWS):
            self._fill_views(arrays)
        if "velocities" in arrays:
            spec = self._spec
            moved = velocities(self._place_objects, scenes, numbers, spec.frames, spec.seconds)
            _into_slots(arrays["velocities"], slots, moved)
        if "present" in arrays:
            _into_slots(arrays["present"], slots, present)
        if any(name in arrays for name in (*_MOVING, *_SEEN, *_DENSE, *_POINTS)):
            poses = self._poses(indices, scenes, numbers, slots, arrays)
            if any(name in arrays for name in (*_SEEN, *_DENSE)):
                self._fill_seen(scenes, poses, present, slots, arrays)
            if any(name in arrays for name in _POINTS):
                self._fill_points(indices, scenes, poses, present, arrays)

    def _fill_still(
        self,
        scenes: NDArray[np.void],
        slots: NDArray[np.int64],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        for name, array in arrays.items():
            if name == "exists":
                _into_slots(array, slots, np.ones(scenes.shape, bool))
            elif name == "laws":
                _into_slots(array, slots, scenes["law"], empty=-1)
            elif name == "shapes":
                _into_slots(array, slots, scenes["shape"], empty=-1)
            elif name == "target":
                array[...] = slots[:, 0]
            elif name == "half_extents":
                sizes = self._half_extents[scenes["shape"]] * scenes["radius"][..., None]
                _into_slots(array, slots, sizes)
            elif name == "colours":
                rgb = [scenes[part] for part in ("red", "green", "blue")]
                if self._spec.channels == 1:
                    rgb = [scenes["luma"]] * 3
                _into_slots(array, slots, np.stack(rgb, axis=-1))

    def _fill_views(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        if "intrinsics" in arrays:
            focal, x, y = self._lens
            arrays["intrinsics"][...] = [[focal, 0.0, x], [0.0, focal, y], [0.0, 0.0, 1.0]]
        if "extrinsics" in arrays:
            arrays["extrinsics"][...] = np.eye(4)

    def _poses(
        self,
        indices: NDArray[np.int64],
        scenes: NDArray[np.void],
        numbers: NDArray[np.float64],
        slots: NDArray[np.int64],
        arrays: Mapping[str, NDArray[Any]],
    ) -> NDArray[np.float64]:
        """Every object's pose as rendered, with one frame more on each side: see ``set_poses``."""
        spec = self._spec
        times = frame_times(spec.frames, spec.seconds, beyond=1)
        shape = (*scenes.shape, times.shape[0])
        positions = np.empty((*shape, 3), np.float64)
        self._place_objects(scenes, numbers, times, positions)
        if spec.noise.jitter > 0:
            path, positions = positions, np.empty_like(positions)
            shake_positions(self._key, indices, spec.noise.jitter, 1, path, positions)
        quaternions = np.empty((*shape, 4), np.float64)
        spins = np.empty((*scenes.shape, 3), np.float64)
        turn_objects(
            self._key, indices, scenes, self._settings, self._upright, times, quaternions, spins
        )
        poses = np.empty((*shape, 12), np.float64)
        set_poses(positions, quaternions, poses)
        if "positions" in arrays:
            _into_slots(arrays["positions"], slots, positions[:, :, 1:-1])
        if "quaternions" in arrays:
            _into_slots(arrays["quaternions"], slots, quaternions[:, :, 1:-1])
        if "angular_velocities" in arrays:
            every = np.broadcast_to(spins[:, :, None], (*scenes.shape, spec.frames, 3))
            _into_slots(arrays["angular_velocities"], slots, every)
        return poses

    def _fill_seen(
        self,
        scenes: NDArray[np.void],
        poses: NDArray[np.float64],
        present: NDArray[np.bool_],
        slots: NDArray[np.int64],
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
                dense += flat(name, arrays[name])
            else:
                dense += [np.empty(0, np.uint8 if name == "segmentations" else np.float32), 0]
        truth_renderer(spec.shapes)(
            scenes,
            poses,
            present,
            slots,
            self._lens,
            spec.camera.wall_depth,
            spec.height,
            spec.width,
            tuple(seen.values()),
            tuple(dense),
        )
        for name, values in seen.items():
            if name in arrays:
                arrays[name][...] = values

    def _fill_points(
        self,
        indices: NDArray[np.int64],
        scenes: NDArray[np.void],
        poses: NDArray[np.float64],
        present: NDArray[np.bool_],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        spec = self._spec
        shape = (scenes.shape[0], spec.truth.points, spec.frames)
        points, occluded = np.empty((*shape, 2), np.float32), np.empty(shape, bool)
        track_points = point_tracker(spec.shapes)
        track_points(
            self._key,
            indices,
            scenes,
            poses,
            present,
            self._lens,
            points,
            occluded,
        )
        for name, values in (("points", points), ("occluded", occluded)):
            if name in arrays:
                arrays[name][...] = values


def _into_slots(
    array: NDArray[Any], slots: NDArray[np.int64], values: NDArray[Any], empty: int = 0
) -> None:
    """Copy (B, O, ...) by objects' numbers into (B, N, ...) by slots."""
    array[...] = empty
    array[np.arange(slots.shape[0])[:, None], slots] = values
