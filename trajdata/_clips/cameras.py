"""The cameras of one stream's clips, and what is where in their axes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trajdata._spec.model import ClipSpec
from trajdata._world.rig import place_cameras, see_poses

__all__ = ["Cameras"]


class Cameras:
    """What places the cameras of one stream's clips.

    Args:
        spec: of the clips.
        key: of the stream.
        settings: as ``settings_row`` makes it.
        times: float64 (M,), seconds from the first frame to the moments at which they are asked
            for.
    """

    def __init__(
        self,
        spec: ClipSpec,
        key: NDArray[np.uint64],
        settings: NDArray[np.void],
        times: NDArray[np.float64],
    ) -> None:
        self._views = spec.views
        self._key = key
        self._settings = settings
        self._shares = times / spec.seconds

    def __call__(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """The world as each camera sees it, laid out like a pose: float64 (B, V, M, 12).

        Args:
            indices: int64 (B,).
        """
        found = np.empty((indices.shape[0], self._views, self._shares.shape[0], 12), np.float64)
        place_cameras(self._key, indices, self._settings, self._shares, found)
        return found

    @staticmethod
    def see(camera: NDArray[np.float64], poses: NDArray[np.float64]) -> NDArray[np.float64]:
        """The poses of objects in a camera's axes, float64 (B, O, M, 12).

        Args:
            camera: float64 (B, M, 12).
            poses: float64 (B, O, M, 12), in the world's axes.
        """
        seen = np.empty_like(poses)
        see_poses(np.ascontiguousarray(camera), poses, seen)
        return seen

    @staticmethod
    def see_places(camera: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places (B, O, M, 3) in a camera's axes.

        Args:
            camera: float64 (B, M, 12).
            places: float64 (B, O, M, 3), in the world's axes, metres.
        """
        poses = np.zeros((*places.shape[:-1], 12), np.float64)
        poses[..., :3] = places
        return np.ascontiguousarray(Cameras.see(camera, poses)[..., :3])
