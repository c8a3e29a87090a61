"""What a renderer takes from beside the scene, where a spec asks for it: backgrounds that differ
from place to place, light that differs from frame to frame, patterns.

Each is a kernel that is chosen when the renderer is made, so that what is not asked for costs
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trajdata._jit import bare_kernel

__all__ = ["NO_FILM", "PLAIN", "Ground", "Looks", "ground_of", "light_of", "pattern_of"]

NO_FILM = (np.empty((1, 1, 1, 1), np.uint8), np.empty((1, 1, 3)), np.empty((1, 1, 1, 1, 1)))
"""The film of a renderer with ``PLAIN`` looks, which reads nothing of it.

A film is: the background as it is seen, uint8 (B, T or 1, C, H * W); the way to the light in the
camera's axes, float64 (B, T, 3); the objects' patterns, float64 (B, O, 4, 4, 4)."""


@dataclass(frozen=True)
class Looks:
    """What a renderer is made for.

    Attributes:
        has_ground: whether the background is the film's; else a flat colour, the scene's.
        has_light: whether the light is the film's; else the scene's, for cameras that never turn.
        has_patterns: whether objects have patterns. All are rendered by rays then.
    """

    has_ground: bool = False
    has_light: bool = False
    has_patterns: bool = False


PLAIN = Looks()


@dataclass(frozen=True)
class Ground:
    """How a renderer comes by the background.

    Attributes:
        fill: kernel (film, b, k, backs, target, at, plane): write a frame of background.
        gather: kernel (film, b, k, c, box, width, behind, taken): list that of a box's pixels.
        blend: kernel (cover, shade, colour, back, behind, values): one channel of listed pixels,
            round(back + cover (colour shade - back)).
        at: kernel (film, b, k, c, pixel, back) -> that of one pixel, float32.
    """

    fill: Any
    gather: Any
    blend: Any
    at: Any


_HALF = np.float32(0.5)


@bare_kernel
def _fill_flat(film, b, k, backs, target, at, plane):  # type: ignore[no-untyped-def]
    for c in range(backs.shape[0]):
        begin = at + c * plane
        target[begin : begin + plane] = np.uint8(backs[c])


@bare_kernel
def _gather_flat(film, b, k, c, box, width, behind, taken):  # type: ignore[no-untyped-def]
    pass


@bare_kernel
def _blend_flat(cover, shade, colour, back, behind, values):  # type: ignore[no-untyped-def]
    for i in range(values.shape[0]):
        value = back + cover[i] * (colour * shade[i] - back)
        values[i] = np.uint8(np.int32(value + _HALF))


@bare_kernel
def _flat_at(film, b, k, c, pixel, back):  # type: ignore[no-untyped-def]
    return back


@bare_kernel
def _fill_painted(film, b, k, backs, target, at, plane):  # type: ignore[no-untyped-def]
    ground = film[0][b, min(k, film[0].shape[1] - 1)]
    for c in range(backs.shape[0]):
        begin = at + c * plane
        own, place = ground[c], target[begin : begin + plane]
        for i in range(plane):
            place[i] = own[i]


@bare_kernel
def _gather_painted(film, b, k, c, box, width, behind, taken):  # type: ignore[no-untyped-def]
    ground = film[0][b, min(k, film[0].shape[1] - 1), c]
    for i in range(box[2]):
        begin = (box[0] + i) * width + box[1]
        for j in range(box[3]):
            behind[taken + j] = np.float32(ground[begin + j])
        taken += box[3]


@bare_kernel
def _blend_painted(cover, shade, colour, back, behind, values):  # type: ignore[no-untyped-def]
    for i in range(values.shape[0]):
        value = behind[i] + cover[i] * (colour * shade[i] - behind[i])
        values[i] = np.uint8(np.int32(value + _HALF))


@bare_kernel
def _painted_at(film, b, k, c, pixel, back):  # type: ignore[no-untyped-def]
    return np.float32(film[0][b, min(k, film[0].shape[1] - 1), c, pixel])


_FLAT = Ground(_fill_flat, _gather_flat, _blend_flat, _flat_at)
_PAINTED = Ground(_fill_painted, _gather_painted, _blend_painted, _painted_at)


def ground_of(looks: Looks) -> Ground:
    """The kernels for these looks."""
    return _PAINTED if looks.has_ground else _FLAT


@bare_kernel
def _scenes_light(film, b, k, scene):  # type: ignore[no-untyped-def]
    return scene.light_x, scene.light_y, scene.light_z


@bare_kernel
def _films_light(film, b, k, scene):  # type: ignore[no-untyped-def]
    return film[1][b, k, 0], film[1][b, k, 1], film[1][b, k, 2]


def light_of(looks: Looks) -> Any:
    """The kernel (film, b, k, scene) -> the way to the light at frame k, in the camera's axes."""
    return _films_light if looks.has_light else _scenes_light


@bare_kernel
def _first_pattern(b, item):  # type: ignore[no-untyped-def]
    return 0, 0


@bare_kernel
def _own_pattern(b, item):  # type: ignore[no-untyped-def]
    return b, item


def pattern_of(looks: Looks) -> Any:
    """The kernel (b, item) -> where among the film's patterns that of an object is."""
    return _own_pattern if looks.has_patterns else _first_pattern
