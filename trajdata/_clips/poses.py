"""Where a batch's objects are and how they are turned, as rendered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trajdata._shapes.registry import find_shape
from trajdata._spec.model import ClipSpec
from trajdata._world.jitter import shake_positions
from trajdata._world.motion import motion_kernels
from trajdata._world.pose import set_poses, turn_objects
from trajdata._world.times import frame_times

__all__ = ["Poser", "Poses"]


@dataclass(frozen=True)
class Poses:
    """The poses of B clips' objects, with one moment more before the first frame and after the
    last: those lead to where objects come from and go to.

    Attributes:
        matrices: float64 (B, O, T + 2, 12), see ``set_poses``.
        quaternions: float64 (B, O, T + 2, 4), wxyz.
        spins: float64 (B, O, 3), rad/s.
    """

    matrices: NDArray[np.float64]
    quaternions: NDArray[np.float64]
    spins: NDArray[np.float64]


class Poser:
    """What poses the objects of one stream's clips.

    Args:
        spec: of the clips.
        key: of the stream.
        settings: as ``settings_row`` makes it.
    """

    def __init__(self, spec: ClipSpec, key: NDArray[np.uint64], settings: NDArray[np.void]) -> None:
        self._key = key
        self._settings = settings
        self._jitter = spec.noise.jitter
        self._place_objects = motion_kernels(spec.known_laws).place_objects
        self._times = frame_times(spec.frames, spec.seconds, beyond=1)
        self._upright = np.array([find_shape(name).is_upright for name in spec.shapes])

    def __call__(
        self,
        indices: NDArray[np.int64],
        scenes: NDArray[np.void],
        numbers: NDArray[np.float64],
    ) -> Poses:
        """The poses.

        Args:
            indices: int64 (B,).
            scenes: SCENE (B, O).
            numbers: float64 (B, O, columns), of their laws.
        """
        times = self._times
        shape = (*scenes.shape, times.shape[0])
        positions = np.empty((*shape, 3), np.float64)
        self._place_objects(scenes, numbers, times, positions)
        if self._jitter > 0:
            path, positions = positions, np.empty_like(positions)
            shake_positions(self._key, indices, self._jitter, 1, path, positions)
        quaternions = np.empty((*shape, 4), np.float64)
        spins = np.empty((*scenes.shape, 3), np.float64)
        turn_objects(
            self._key, indices, scenes, self._settings, self._upright, times, quaternions, spins
        )
        matrices = np.empty((*shape, 12), np.float64)
        set_poses(positions, quaternions, matrices)
        return Poses(matrices, quaternions, spins)
