"""Sample a scene: where the object is, how big, how fast, and what it and the picture look like.

Nothing here depends on the class: every number is sampled in the same way for all of them. The
one exception is an experiment that keeps colours and laws apart on purpose, ``separate_colours``.
"""

from __future__ import annotations

import numpy as np

from trajdata._arithmetic.grid import on_grid
from trajdata._arithmetic.philox import ANCHOR, BACKGROUND, BODY, COLOUR, LIGHT, unit, words
from trajdata._arithmetic.trig import TURN, cos_sin
from trajdata._jit import kernel
from trajdata._spec.groups import OBJECT_LUMA

__all__ = ["LUMA", "sample_scenes"]

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luma (ITU-R BT.601)."""

_DARK, _BRIGHT = OBJECT_LUMA
_DARKEST, _BRIGHTEST = 0.04, 0.96
"""Of a random background."""


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
def _hue(u, law, hues, classes):  # type: ignore[no-untyped-def]
    """A hue in turns. Law k's held-out sector is the 2k-th of twice as many as there are laws."""
    if hues == 0.0:
        return u
    sectors = 2.0 * classes
    if hues == 2.0:
        return (2.0 * law + u) / sectors
    hue = (2.0 * law + 1.0 + (sectors - 1.0) * u) / sectors
    return hue - np.floor(hue)


@kernel
def _object_luma(u, settings):  # type: ignore[no-untyped-def]
    """The object's luma: even over its range, less the band around a plain background's."""
    if settings.is_plain == 0.0:
        return _DARK + (_BRIGHT - _DARK) * u
    low = max(settings.plain_luma + settings.contrast, _DARK)
    below = max(min(settings.plain_luma - settings.contrast, _BRIGHT) - _DARK, 0.0)
    part = u * (below + max(_BRIGHT - low, 0.0))
    return _DARK + part if part < below else low + (part - below)


@kernel
def _random_background(key, index, item, luma, settings, scene):  # type: ignore[no-untyped-def]
    """A flat colour, whose luma is even over what is left of [darkest, brightest] when the band
    within ``contrast`` of the object's luma is taken out."""
    w = words(key, index, item, BACKGROUND, 0)
    below = max(luma - settings.contrast - _DARKEST, 0.0)
    above = max(_BRIGHTEST - luma - settings.contrast, 0.0)
    part = unit(w[0]) * (below + above)
    back = _DARKEST + part if part < below else luma + settings.contrast + (part - below)
    scene.back_red, scene.back_green, scene.back_blue = _with_luma(unit(w[1]), unit(w[2]), back)


@kernel
def _scene(key, index, item, settings, shapes, scene):  # type: ignore[no-untyped-def]
    w = words(key, index, item, ANCHOR, 0)
    depth = settings.depth_low + unit(w[2]) * (settings.depth_high - settings.depth_low)
    scene.x = (2.0 * unit(w[0]) - 1.0) * settings.place * settings.half_x * depth
    scene.y = (2.0 * unit(w[1]) - 1.0) * settings.place * settings.half_y * depth
    scene.z = depth
    scene.start = on_grid(-unit(w[3]) * settings.seconds)

    w = words(key, index, item, BODY, 0)
    scene.speed = on_grid(
        settings.speed_low + unit(w[0]) * (settings.speed_high - settings.speed_low)
    )
    scene.radius = on_grid(
        settings.radius_low + unit(w[1]) * (settings.radius_high - settings.radius_low)
    )
    scene.shape = np.int64((w[2] * np.uint64(shapes)) >> np.uint64(32))

    w = words(key, index, item, COLOUR, 0)
    scene.hue = _hue(unit(w[0]), scene.law, settings.hues, settings.classes)
    luma = _object_luma(unit(w[2]), settings)
    scene.luma = luma
    scene.red, scene.green, scene.blue = _with_luma(scene.hue, 0.35 + 0.65 * unit(w[1]), luma)

    if settings.is_plain == 1.0:
        plain = settings.plain_luma
        scene.back_red, scene.back_green, scene.back_blue = plain, plain, plain
    else:
        _random_background(key, index, item, luma, settings, scene)

    # The light comes from the camera's side: a direction uniform on the cap within 60 degrees.
    w = words(key, index, item, LIGHT, 0)
    scene.light_z = -(1.0 - 0.5 * unit(w[0]))
    across = np.sqrt(1.0 - scene.light_z * scene.light_z)
    cosine, sine = cos_sin(unit(w[1]) * TURN)
    scene.light_x = across * cosine
    scene.light_y = across * sine


@kernel
def sample_scenes(key, indices, settings, shapes, labels, scenes):  # type: ignore[no-untyped-def]
    """Fill ``scenes`` (SCENE (B, O)) for ``indices`` (int64 (B,)).

    settings: as ``settings_row`` makes it, (1,). shapes: how many to choose from. labels: int64
    (B,), the law of each clip.
    """
    for b in range(indices.shape[0]):
        for item in range(scenes.shape[1]):
            scenes[b, item].law = labels[b]
            _scene(key, indices[b], item, settings[0], shapes, scenes[b, item])
