"""The video of clips whose looks ask for more than flat colours at the frames' own time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.poses import Poser
from trajdata._clips.sampled import Sampled
from trajdata._render.compositing import clip_renderer
from trajdata._render.exposure import add_trails, expose_frames
from trajdata._render.film import NO_FILM, Looks
from trajdata._render.grounds import FLAT, GRADIENT, TEXTURE, paint_grounds
from trajdata._render.patterns import patterns
from trajdata._spec.model import ClipSpec

__all__ = ["Filming"]

_MOST_BYTES = 2**23
"""Of the pictures and backgrounds that are held at once."""

_KINDS = {"gradient": GRADIENT, "texture": TEXTURE}


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
        self.looks = Looks(has_ground=looks.has_ground, has_patterns=looks.pattern > 0)
        self._render_clips = clip_renderer(spec.shapes, self.looks)
        self._pose = Poser(spec, key, settings, exposed=True)
        held = spec.exposures * spec.clip_bytes
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
        poses = self._pose(sampled.indices, scenes, sampled.numbers)
        grounds = self.grounds(sampled)
        film = (grounds, NO_FILM[1], self.patterns(sampled))
        pictures, step = target, stride
        if exposures > 1:
            step = exposures * spec.clip_bytes
            pictures = np.empty(count * step, np.uint8)
        self._render_clips(
            scenes,
            poses.matrices,
            0,
            np.repeat(present, exposures, axis=2),
            (channels, height, width),
            pictures,
            0,
            step,
            film,
        )
        if exposures > 1:
            shape = (count, frames, exposures, channels * height * width)
            expose_frames(pictures.reshape(shape), target, 0, stride)
        if spec.looks.trail > 0:
            add_trails(spec.looks.trail, grounds, target, 0, stride, frames)

    def patterns(self, sampled: Sampled) -> NDArray[np.float64]:
        """The objects' patterns, see ``_render.film``."""
        if not self.looks.has_patterns:
            return NO_FILM[2]
        return patterns(self._key, sampled.indices, self._spec.slots, self._spec.looks.pattern)

    def grounds(self, sampled: Sampled, finer: int = 1) -> NDArray[np.uint8]:
        """The clips' backgrounds as they are seen, uint8 (B, 1, C, H * W).

        Args:
            sampled: the B clips.
            finer: by how much along each side a picture is finer than the spec's.
        """
        spec = self._spec
        _, channels, height, width = spec.picture_shape
        height, width = finer * height, finer * width
        count = sampled.indices.shape[0]
        cameras: NDArray[Any] = np.zeros((count, 1, 12))
        cameras[..., 3] = cameras[..., 7] = cameras[..., 11] = 1.0
        grounds = np.empty((count, 1, channels, height * width), np.uint8)
        paint_grounds(
            self._key,
            sampled.indices,
            sampled.scenes,
            _KINDS.get(spec.looks.background, FLAT),
            cameras,
            spec.camera.wall_depth,
            height,
            width,
            grounds,
        )
        return grounds
