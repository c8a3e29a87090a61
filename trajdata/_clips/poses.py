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
from trajdata._world.times import exposure_times, frame_times

__all__ = ["Poser", "Poses"]


@dataclass(frozen=True)
class Poses:
    """The poses of B clips' objects at M moments. Those of the frames have one more before the
    first frame and after the last: they lead to where objects come from and go to.

    Attributes:
        matrices: float64 (B, O, M, 12), see ``set_poses``.
        quaternions: float64 (B, O, M, 4), wxyz.
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
        exposed: whether at the moments at which frames are exposed, M = T E; else at the frames'
            own and one more on each side.

    Attributes:
        times: float64 (M,), seconds from the first frame to each moment.
    """

    def __init__(
        self,
        spec: ClipSpec,
        key: NDArray[np.uint64],
        settings: NDArray[np.void],
        exposed: bool = False,
    ) -> None:
        self._key = key
        self._settings = settings
        self._jitter = spec.noise.jitter
        self._place_objects = motion_kernels(spec.known_laws).place_objects
        self._exposures = spec.exposures if exposed else 1
        self._before = 0 if exposed else 1
        self._frames = self.times = frame_times(spec.frames, spec.seconds, beyond=self._before)
        if self._exposures > 1:
            self.times = exposure_times(
                spec.frames, spec.seconds, spec.exposures, spec.looks.shutter
            )
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
        times = self.times
        shape = (*scenes.shape, times.shape[0])
        positions = np.empty((*shape, 3), np.float64)
        self._place_objects(scenes, numbers, times, positions)
        if self._jitter > 0:
            positions = self._shaken(indices, scenes, numbers, positions)
        quaternions = np.empty((*shape, 4), np.float64)
        spins = np.empty((*scenes.shape, 3), np.float64)
        turn_objects(
            self._key, indices, scenes, self._settings, self._upright, times, quaternions, spins
        )
        matrices = np.empty((*shape, 12), np.float64)
        set_poses(positions, quaternions, matrices)
        return Poses(matrices, quaternions, spins)

    def _shaken(
        self,
        indices: NDArray[np.int64],
        scenes: NDArray[np.void],
        numbers: NDArray[np.float64],
        positions: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Positions off the law's path: a frame's displacement is that of all its exposures."""
        path = positions
        if self._exposures > 1:
            path = np.empty((*scenes.shape, self._frames.shape[0], 3), np.float64)
            self._place_objects(scenes, numbers, self._frames, path)
        shaken = np.empty_like(path)
        shake_positions(self._key, indices, self._jitter, self._before, path, shaken)
        if self._exposures == 1:
            return shaken
        return positions + np.repeat(shaken - path, self._exposures, axis=2)
