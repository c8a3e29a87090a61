"""The stages from an index to pixels and truth, called in order, each over a whole batch.

index -> label (deal) -> scene (sample) -> motion (fit) -> positions (place, shake) -> places in the
picture (project) -> pixels (render, add_grain) and what is known of them (``_clips.truth``). Each
stage is a compiled function over the arrays of a batch; nothing here is done per clip.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.cameras import Cameras
from trajdata._clips.filming import Filming, lights_of
from trajdata._clips.memory import flat
from trajdata._clips.poses import Poser, Poses
from trajdata._clips.sampled import Sampled
from trajdata._clips.truth import TRUTH_FIELDS, Truths
from trajdata._render.compositing import clip_renderer
from trajdata._render.film import NO_FILM
from trajdata._render.grain import add_grain
from trajdata._render.supersampling import supersampler
from trajdata._shapes.registry import find_shape
from trajdata._spec.model import ClipSpec
from trajdata._world.camera import project
from trajdata._world.deal import deal
from trajdata._world.jitter import shake_positions
from trajdata._world.motion import motion_kernels, numbers_of
from trajdata._world.sampling import present_at, sample_scenes
from trajdata._world.tables import SCENE, law_rows, settings_row
from trajdata._world.times import frame_times

__all__ = ["Stages"]

_PATHS = ("trajectory", "jittered", "pixels", "depth", "radius")
"""The fields that are made of the targets' positions."""


class Stages:
    """The stages of one stream.

    Args:
        spec: of the clips.
        key: of the stream, as ``stream_key`` makes it.
        split: of the stream.

    Attributes:
        settings: the spec's numbers, as ``settings_row`` makes them.
        own: the laws' numbers, as ``law_rows`` makes them.
    """

    def __init__(self, spec: ClipSpec, key: NDArray[np.uint64], split: str) -> None:
        self._spec = spec
        self._key = key
        self.settings = settings_row(spec, split)
        self.own = law_rows(spec)
        self._numbers = numbers_of(spec.known_laws)
        self._motion = motion_kernels(spec.known_laws, spec.camera.is_lone)
        is_filmed = spec.looks.is_filmed or not spec.camera.is_lone
        self._filming = Filming(spec, key, self.settings) if is_filmed else None
        self._render_clips = clip_renderer(spec.shapes, several=spec.slots > 1)
        self._times = frame_times(spec.frames, spec.seconds)
        self._pose = Poser(spec, key, self.settings)
        self._cameras = Cameras(spec, key, self.settings, self._pose.times)
        self._truths = Truths(spec, key)
        # A lone disc or sphere looks the same however it is turned.
        self._needs_poses = spec.slots > 1 or any(
            not find_shape(name).is_round for name in spec.shapes
        )

    def sample(self, indices: NDArray[np.int64], label: int | None = None) -> Sampled:
        """The scenes of these clips.

        Args:
            indices: int64 (B,).
            label: the law to give them in place of their own.
        """
        count = indices.shape[0]
        labels = np.empty(count, np.int64)
        scenes = np.zeros((count, self._spec.slots), SCENE)
        numbers = np.empty((count, self._spec.slots, self._numbers), np.float64)
        deal(self._key, indices, len(self._spec.laws), labels)
        if label is not None:
            labels[:] = label
        shapes = len(self._spec.shapes)
        frames = self._spec.frames
        sample_scenes(self._key, indices, self.settings, shapes, frames, labels, scenes)
        self._motion.fit_motions(self._key, indices, self.settings, self.own, scenes, numbers)
        return Sampled(indices, labels, scenes, numbers)

    def fill(self, sampled: Sampled, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Fill the arrays of the fields that are named, B in front of each.

        Raises:
            ArgumentError: a video or a dense field that is strided within a clip.
        """
        spec, scenes = self._spec, sampled.scenes
        values: dict[str, NDArray[Any]] = {"label": sampled.labels, "index": sampled.indices}
        truths = {name: array for name, array in arrays.items() if name in TRUTH_FIELDS}
        cameras = None if spec.camera.is_lone else self._cameras(sampled.indices)
        present = present_at(scenes, spec.frames)
        shown, poses = None, None
        if truths or ("video" in arrays and self._needs_poses and not self._filming):
            poses = self._pose(sampled.indices, scenes, sampled.numbers)
        is_plain = "video" in arrays and not (poses or self._filming)
        if is_plain or any(name in arrays for name in _PATHS):
            positions, shown = self._paths(sampled)
            values |= {"trajectory": positions[:, 0], "jittered": shown[:, 0]}
            values |= self._projected(scenes, shown, cameras)
        if truths and poses:
            self._truths.fill(
                sampled.indices, scenes, sampled.numbers, present, poses, cameras, truths
            )
        for name, array in arrays.items():
            if name == "video":
                self._fill_video(array, sampled, present, poses, shown)
            elif name in values:
                array[...] = values[name]

    def _paths(self, sampled: Sampled) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where the objects are, as their laws say and as they are shown, float64 (B, O, T, 3)."""
        jitter = self._spec.noise.jitter
        positions = np.empty((*sampled.scenes.shape, self._spec.frames, 3), np.float64)
        self._motion.place_objects(sampled.scenes, sampled.numbers, self._times, positions)
        if jitter == 0:
            return positions, positions
        shown = np.empty_like(positions)
        shake_positions(self._key, sampled.indices, jitter, 0, positions, shown)
        return positions, shown

    def _projected(
        self,
        scenes: NDArray[np.void],
        places: NDArray[np.float64],
        cameras: NDArray[np.float64] | None,
    ) -> dict[str, NDArray[np.float64]]:
        """Where the targets are seen: pixels (B, T, 2), depth and radius (B, T); of several cameras
        with V in front of T."""
        spec = self._spec
        views = []
        for view in range(spec.views):
            seen = places
            if cameras is not None:
                seen = Cameras.see_places(cameras[:, view, 1:-1], places[:, :1])
            pixels = np.empty((*seen.shape[:-1], 2), np.float64)
            radii = np.empty(seen.shape[:-1], np.float64)
            project(seen, scenes, spec.height, spec.width, pixels, radii)
            views.append((pixels[:, 0], seen[:, 0, :, 2], radii[:, 0]))
        names = ("pixels", "depth", "radius")
        if spec.views == 1:
            return dict(zip(names, views[0], strict=True))
        return {
            name: np.stack(own, axis=1)
            for name, own in zip(names, zip(*views, strict=True), strict=True)
        }

    def supersampled(self, index: int, frame: int, rays: int) -> NDArray[np.float64]:
        """One frame of a clip by brute force, float64 (C, H, W) on 0..255: of its own time and the
        first camera, without blur and trails.

        Args:
            index: of the clip.
            frame: its number.
            rays: along each side of a pixel.
        """
        spec = self._spec
        _, channels, height, width = spec.picture_shape
        sampled = self.sample(np.array([index], np.int64))
        scene = sampled.scenes[0]
        parts = ("red", "green", "blue") if channels == 3 else ("luma",)
        colours = np.stack([255.0 * scene[part] for part in parts], axis=-1)
        camera = self._cameras(sampled.indices)[:, 0, frame + 1 : frame + 2]
        poses = self._pose(sampled.indices, sampled.scenes, sampled.numbers).matrices
        poses = Cameras.see(camera, np.ascontiguousarray(poses[:, :, frame + 1 : frame + 2]))
        picture = np.empty((channels, height, width))
        filming = self._filming or Filming(spec, self._key, self.settings)
        ground = filming.grounds(sampled, camera, rays)[0, 0]
        supersampler(spec.shapes, spec.looks.pattern > 0)(
            scene,
            np.ascontiguousarray(poses[0, :, 0]),
            present_at(sampled.scenes, spec.frames)[0, :, frame].copy(),
            (float(min(height, width)), 0.5 * width, 0.5 * height),
            rays,
            tuple(lights_of(sampled.scenes, camera)[0, 0]),
            filming.patterns(sampled)[0],
            colours,
            ground.reshape(channels, rays * height, rays * width),
            picture,
        )
        return picture

    def _fill_video(
        self,
        video: NDArray[np.uint8],
        sampled: Sampled,
        present: NDArray[np.bool_],
        poses: Poses | None,
        shown: NDArray[np.float64] | None,
    ) -> None:
        """By poses, if there are some, or by the places that are shown; a film has its own."""
        spec = self._spec
        target, stride = flat("video", video)
        if self._filming:
            self._filming.fill(sampled, present, target, stride)
        else:
            size = spec.picture_shape[1:]
            places, before = (poses.matrices, 1) if poses else (shown, 0)
            self._render_clips(
                sampled.scenes, places, before, present, size, target, 0, stride, NO_FILM
            )
        if spec.noise.pixel_noise > 0:
            std = spec.noise.pixel_noise
            add_grain(self._key, sampled.indices, std, spec.clip_bytes, target, 0, stride)
