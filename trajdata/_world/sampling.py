"""Draw a scene: where and how big the object is, how fast, and what it and the picture look like.

Nothing here depends on the class: every number is drawn in the same way for all of them. (But
for one experiment, where colours and laws are kept apart on purpose: ``separate_colours``.)
"""

from __future__ import annotations

import numpy as np

from trajdata._arithmetic.grid import on_grid
from trajdata._arithmetic.philox import ANCHOR, BACKGROUND, BODY, COLOUR, LIGHT, unit, words
from trajdata._arithmetic.trig import TURN, cos_sin
from trajdata._jit import kernel

__all__ = ["LUMA", "draw_scenes"]

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luma (ITU-R BT.601)."""

_DARKEST, _BRIGHTEST = 0.04, 0.96


@kernel
def _hue_to_rgb(hue):  # type: ignore[no-untyped-def]
    """Fully saturated RGB of a hue in turns, piecewise linear (the HSV hexcone, Smith 1978)."""
    h = hue * 6.0
    red = min(max(abs(h - 3.0) - 1.0, 0.0), 1.0)
    green = min(max(2.0 - abs(h - 2.0), 0.0), 1.0)
    blue = min(max(2.0 - abs(h - 4.0), 0.0), 1.0)
    return red, green, blue


@kernel
def _with_luma(hue, strength, luma):  # type: ignore[no-untyped-def]
    """RGB of this luma whose chroma is ``strength`` (0..1) of the most that the gamut allows."""
    r, g, b = _hue_to_rgb(hue)
    own = LUMA[0] * r + LUMA[1] * g + LUMA[2] * b
    r, g, b = r - own, g - own, b - own
    room = min((1.0 - luma) / max(r, g, b), luma / -min(r, g, b))
    scale = strength * min(room, 1.0)
    return luma + scale * r, luma + scale * g, luma + scale * b


@kernel
def _hue(u, law, hues):  # type: ignore[no-untyped-def]
    """A hue in turns. Law k's held-out sector is the 2k-th of eight."""
    if hues == 0.0:
        return u
    if hues == 2.0:
        return (2.0 * law + u) * 0.125
    hue = (2.0 * law + 1.0 + 7.0 * u) * 0.125
    return hue - np.floor(hue)


@kernel
def _scene(key, index, item, limits, shapes, scene):  # type: ignore[no-untyped-def]
    w = words(key, index, item, ANCHOR, 0)
    depth = limits.depth_low + unit(w[2]) * (limits.depth_high - limits.depth_low)
    scene.x = (2.0 * unit(w[0]) - 1.0) * limits.place * limits.half_x * depth
    scene.y = (2.0 * unit(w[1]) - 1.0) * limits.place * limits.half_y * depth
    scene.z = depth
    scene.start = on_grid(-unit(w[3]) * limits.seconds)

    w = words(key, index, item, BODY, 0)
    scene.speed = on_grid(limits.speed_low + unit(w[0]) * (limits.speed_high - limits.speed_low))
    scene.radius = on_grid(
        limits.radius_low + unit(w[1]) * (limits.radius_high - limits.radius_low)
    )
    scene.shape = shapes[np.int64((w[2] * np.uint64(shapes.shape[0])) >> np.uint64(32))]

    w = words(key, index, item, COLOUR, 0)
    scene.hue = _hue(unit(w[0]), scene.law, limits.hues)
    luma = 0.2 + 0.6 * unit(w[2])
    scene.luma = luma
    scene.red, scene.green, scene.blue = _with_luma(scene.hue, 0.35 + 0.65 * unit(w[1]), luma)

    # The background's luma is drawn from what is left of [darkest, brightest] when the band
    # within `contrast` of the object's luma is taken out.
    w = words(key, index, item, BACKGROUND, 0)
    below = max(luma - limits.contrast - _DARKEST, 0.0)
    above = max(_BRIGHTEST - luma - limits.contrast, 0.0)
    part = unit(w[0]) * (below + above)
    back = _DARKEST + part if part < below else luma + limits.contrast + (part - below)
    scene.back_red, scene.back_green, scene.back_blue = _with_luma(unit(w[1]), unit(w[2]), back)

    # The light comes from the camera's side: a direction uniform on the cap within 60 degrees.
    w = words(key, index, item, LIGHT, 0)
    scene.light_z = -(1.0 - 0.5 * unit(w[0]))
    across = np.sqrt(1.0 - scene.light_z * scene.light_z)
    cosine, sine = cos_sin(unit(w[1]) * TURN)
    scene.light_x = across * cosine
    scene.light_y = across * sine


@kernel
def draw_scenes(key, indices, limits, shapes, laws, labels, scenes):  # type: ignore[no-untyped-def]
    """Fill ``scenes`` (SCENE (B, O)) for ``indices`` (int64 (B,)).

    limits: LIMITS (1,). shapes: int64, the shapes to choose from. laws: int64, label -> law.
    labels: int64 (B,).
    """
    for b in range(indices.shape[0]):
        for item in range(scenes.shape[1]):
            scenes[b, item].law = laws[labels[b]]
            _scene(key, indices[b], item, limits[0], shapes, scenes[b, item])
