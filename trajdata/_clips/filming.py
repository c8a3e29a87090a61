"""The video of clips that ask for more than flat colours at the frames' own time, before one camera
at rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.cameras import Cameras
from trajdata._clips.poses import Poser
from trajdata._clips.sampled import Sampled
from trajdata._render.compositing import clip_renderer
from trajdata._render.exposure import add_trails, expose_frames
from trajdata._render.film import NO_FILM, Looks
from trajdata._render.grounds import FLAT, GRADIENT, TEXTURE, paint_grounds
from trajdata._render.patterns import patterns
from trajdata._spec.model import ClipSpec

__all__ = ["Filming", "lights_of"]

_MOST_BYTES = 2**23
"""Of the pictures and backgrounds that are held at once."""

_KINDS = {"gradient": GRADIENT, "texture": TEXTURE}


def lights_of(scenes: NDArray[np.void], camera: NDArray[np.float64]) -> NDArray[np.float64]:
    """The way to the light of B scenes in a camera's axes at M moments, float64 (B, M, 3).

    Args:
        scenes: SCENE (B, O).
        camera: float64 (B, M, 12).
    """
    x, y, z = (scenes[f"light_{axis}"][:, :1] for axis in "xyz")
    rows = (camera[..., 3 + 3 * row : 6 + 3 * row] for row in range(3))
    return np.stack([a[..., 0] * x + a[..., 1] * y + a[..., 2] * z for a in rows], axis=-1)


def _exposed(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The means of (B, T, E, n), (B, T, n)."""
    count, frames, _, size = pictures.shape
    found = np.empty((count, frames, size), np.uint8)
    expose_frames(pictures, found.reshape(-1), 0, frames * size)
    return found


class Filming:
    """What renders the video of one stream's clips, a few at a time.

    Args:
        spec: of the clips.
        key: of the stream.
        settings: as ``settings_row`` makes it.
    """

    def __init__(self, spec: ClipSpec, key: NDArray[np.uint64], settings: NDArray[np.void]) -> None:
        self._spec = spec
        self._key = key
        looks = spec.looks
        self.looks = Looks(
            has_ground=looks.has_ground,
            has_light=spec.camera.turns,
            has_patterns=looks.pattern > 0,
        )
        self._render_clips = clip_renderer(spec.shapes, self.looks, spec.slots > 1)
        self._pose = Poser(spec, key, settings, exposed=True)
        self._cameras = Cameras(spec, key, settings, self._pose.times)
        held = 2 * spec.exposures * spec.clip_bytes
        self._clips = max(1, _MOST_BYTES // held)

    def fill(
        self,
        sampled: Sampled,
        present: NDArray[np.bool_],
        target: NDArray[np.uint8],
        stride: int,
    ) -> None:
        """Write the clips' video, before any pixel noise.

        Args:
            sampled: the B clips.
            present: bool (B, O, T).
            target: uint8 (N,), any memory.
            stride: bytes from one clip's video to the next one's.
        """
        for first in range(0, sampled.indices.shape[0], self._clips):
            part = slice(first, first + self._clips)
            self._fill(sampled[part], present[part], target[first * stride :], stride)

    def _fill(
        self,
        sampled: Sampled,
        present: NDArray[np.bool_],
        target: NDArray[np.uint8],
        stride: int,
    ) -> None:
        spec, scenes = self._spec, sampled.scenes
        frames, channels, height, width = spec.picture_shape
        exposures, count = spec.exposures, scenes.shape[0]
        poses = self._pose(sampled.indices, scenes, sampled.numbers).matrices
        present = np.repeat(present, exposures, axis=2)
        patterns = self.patterns(sampled)
        cameras = self._cameras(sampled.indices)
        size = frames * channels * height * width
        pictures, step = target, stride
        if exposures > 1:
            step = exposures * size
            pictures = np.empty(count * step, np.uint8)
        shape = (count, frames, exposures, channels * height * width)
        for view in range(spec.views):
            camera = cameras[:, view]
            first = view * size
            seen = poses if spec.camera.is_lone else Cameras.see(camera, poses)
            grounds = self.grounds(sampled, camera)
            self._render_clips(
                scenes,
                seen,
                0,
                present,
                (channels, height, width),
                pictures,
                0 if exposures > 1 else first,
                step,
                (grounds, self._lights(scenes, camera), patterns),
            )
            if exposures > 1:
                expose_frames(pictures.reshape(shape), target, first, stride)
            if spec.looks.trail > 0:
                if exposures > 1 and grounds.shape[1] > 1:
                    grounds = _exposed(grounds.reshape(shape)).reshape(
                        count, frames, channels, height * width
                    )
                add_trails(spec.looks.trail, grounds, target, first, stride, frames)

    def _lights(self, scenes: NDArray[np.void], camera: NDArray[np.float64]) -> NDArray[np.float64]:
        """The way to the light in a camera's axes, see ``_render.film``."""
        if not self.looks.has_light:
            return NO_FILM[1]
        return lights_of(scenes, camera)

    def patterns(self, sampled: Sampled) -> NDArray[np.float64]:
        """The objects' patterns, see ``_render.film``."""
        if not self.looks.has_patterns:
            return NO_FILM[2]
        return patterns(self._key, sampled.indices, self._spec.slots, self._spec.looks.pattern)

    def grounds(
        self, sampled: Sampled, camera: NDArray[np.float64], finer: int = 1
    ) -> NDArray[np.uint8]:
        """The clips' backgrounds as they are seen, uint8 (B, M, C, H * W): where the camera stands
        still, (B, 1, C, H * W).

        Args:
            sampled: the B clips.
            camera: float64 (B, M, 12).
            finer: by how much along each side a picture is finer than the spec's.
        """
        spec = self._spec
        _, channels, height, width = spec.picture_shape
        height, width = finer * height, finer * width
        count = sampled.indices.shape[0]
        kind = _KINDS.get(spec.looks.background, FLAT)
        if not spec.camera.moves or kind == FLAT:
            camera = camera[:, :1]
        grounds = np.empty((count, camera.shape[1], channels, height * width), np.uint8)
        paint_grounds(
            self._key,
            sampled.indices,
            sampled.scenes,
            kind,
            np.ascontiguousarray(camera),
            spec.camera.wall_depth,
            height,
            width,
            grounds,
        )
        return grounds
