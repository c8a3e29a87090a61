"""Frames by brute force, n x n rays a pixel in float64: what the fast renderer is measured by."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from trajdata._jit import kernel
from trajdata._render.rays import caster, shiner
from trajdata._shapes.registry import NEVER

__all__ = ["supersampler"]


@cache
def supersampler(shapes: tuple[str, ...], is_patterned: bool = False) -> Any:
    """The kernel ``supersample`` for objects of these shapes, which SCENE's ``shape`` counts."""
    cast, shine = caster(shapes), shiner(shapes, is_patterned)

    @kernel
    def supersample(scene, poses, present, lens, rays, light, patterns, colours, ground, picture):  # type: ignore[no-untyped-def]
        """Fill ``picture`` (float64 (C, H, W), on 0..255) with one frame of one clip.

        scene: SCENE (O,). poses: float64 (O, 12). present: bool (O,). lens: focal length and the
        picture's centre, pixels. rays: n. light: the way to it, in the camera's axes. patterns: of
        the objects, float64 (O, 4, 4, 4), unused without. colours: float64 (O, C). ground: uint8
        (C, n H, n W), what each ray meets behind the objects.
        """
        focal, middle_x, middle_y = lens
        picture[:] = 0.0
        for i in range(picture.shape[1] * rays):
            y = ((i + 0.5) / rays - middle_y) / focal
            for j in range(picture.shape[2] * rays):
                x = ((j + 0.5) / rays - middle_x) / focal
                depth, item = NEVER, np.int64(-1)
                for other in range(poses.shape[0]):
                    if present[other]:
                        own = cast(scene[other].shape, poses[other], scene[other].radius, x, y)
                        if own < depth:
                            depth, item = own, np.int64(other)
                shade = 0.0
                if item >= 0:
                    shade = shine(
                        scene[item].shape,
                        poses[item],
                        scene[item].radius,
                        x,
                        y,
                        depth,
                        light,
                        patterns[min(item, patterns.shape[0] - 1)],
                    )
                for c in range(picture.shape[0]):
                    value = colours[item, c] * shade if item >= 0 else float(ground[c, i, j])
                    picture[c, i // rays, j // rays] += value
        picture /= rays * rays

    return supersample
