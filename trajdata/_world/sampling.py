"""Sample a scene: where the object is, how big, how fast, and what it and the picture look like.

Nothing here depends on the class: every number is sampled in the same way for all of them, and for
the target in the same way however many other objects there are. The exceptions are experiments that
keep colours or shapes and laws apart on purpose, ``separate_colours`` and ``separate_shapes``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trajdata._arithmetic.grid import on_grid
from trajdata._arithmetic.philox import (
    ANCHOR,
    BACKGROUND,
    BODY,
    COLOUR,
    CROWD,
    LIGHT,
    SLOT,
    WINDOW,
    unit,
    words,
)
from trajdata._arithmetic.trig import TURN, cos_sin
from trajdata._jit import kernel
from trajdata._spec.groups import OBJECT_LUMA

__all__ = ["LUMA", "present_at", "sample_scenes"]

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
    return _luma_apart(u, settings.plain_luma, settings.plain_luma, settings.contrast)


@kernel
def _luma_apart(u, least, most, contrast):  # type: ignore[no-untyped-def]
    """A luma of objects, even over their range less the band around a background's."""
    low = max(most + contrast, _DARK)
    below = max(min(least - contrast, _BRIGHT) - _DARK, 0.0)
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
    if settings.has_ground == 0.0:
        return
    # Its other colour is on the same side of the object's luma: so all that is between is, too.
    v = words(key, index, item, BACKGROUND, 1)
    is_dark = back < luma
    low = _DARKEST if is_dark else luma + settings.contrast
    high = luma - settings.contrast if is_dark else _BRIGHTEST
    far = low + unit(v[0]) * (high - low)
    scene.far_red, scene.far_green, scene.far_blue = _with_luma(unit(v[1]), unit(v[2]), far)
    scene.along_x, scene.along_y = cos_sin(unit(v[3]) * TURN)


@kernel
def _among(word, count):  # type: ignore[no-untyped-def]
    """A word to a whole number from 0 to count - 1 (Lemire's multiply-shift)."""
    return np.int64((word * np.uint64(count)) >> np.uint64(32))


@kernel
def _shape(word, law, rule, shapes):  # type: ignore[no-untyped-def]
    """A shape's number. Law k's held-out shape is the k-th, counted round."""
    if rule == 0.0:
        return _among(word, shapes)
    own = law % shapes
    if rule == 2.0:
        return own
    other = _among(word, shapes - 1)
    return other if other < own else other + 1


@kernel
def _body(key, index, item, settings, shapes, scene):  # type: ignore[no-untyped-def]
    """Where an object passes its anchor and when, how fast and how big it is, and its shape."""
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
    scene.shape = _shape(w[2], scene.law, settings.shape_rule, shapes)


@kernel
def _scene(key, index, item, settings, shapes, scene):  # type: ignore[no-untyped-def]
    _body(key, index, item, settings, shapes, scene)
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
def _from(word, low, high):  # type: ignore[no-untyped-def]
    """A word to a whole number from low to high."""
    return np.int64(low) + _among(word, np.int64(high) - np.int64(low) + 1)


@kernel
def _stand_in_slots(key, index, scene):  # type: ignore[no-untyped-def]
    """Give every object a slot at random: the cards are shuffled (Fisher and Yates)."""
    items = scene.shape[0]
    for item in range(items):
        scene[item].slot = item
    w = words(key, index, 0, SLOT, 0)
    for j in range(items - 1, 0, -1):
        used = items - 1 - j
        if used > 0 and used % 4 == 0:
            w = words(key, index, 0, SLOT, used // 4)
        k = _among(w[used % 4], j + 1)
        scene[j].slot, scene[k].slot = scene[k].slot, scene[j].slot


@kernel
def _gather(key, index, settings, frames, scene):  # type: ignore[no-untyped-def]
    """Which objects there are beside the target, and when: none of them is in every frame."""
    w = words(key, index, 0, CROWD, 0)
    count = _from(w[0], settings.count_low, settings.count_high)
    transients = _from(w[1], settings.transients_low, settings.transients_high)
    most = np.int64(settings.count_high)
    least = min(max(np.int64(np.floor(settings.least_window * frames)), 1), frames - 1)
    for item in range(1, scene.shape[0]):
        v = words(key, index, item, WINDOW, 0)
        shown = np.int64(0)
        if item < count:
            shown = _from(v[0], least, frames - 1)
        elif most <= item < most + transients:
            shown = _from(v[0], 1, min(3, frames - 1))
        scene[item].shown = shown
        scene[item].first = _among(v[1], frames - shown + 1)
        scene[item].law = _among(v[2], settings.classes)
    _stand_in_slots(key, index, scene)


@kernel
def _other_colour(key, index, item, settings, scene, target):  # type: ignore[no-untyped-def]
    """The colour of an object that is no target: apart from the background, unless it is a
    transient."""
    w = words(key, index, item, COLOUR, 0)
    scene.hue = _hue(unit(w[0]), scene.law, settings.hues, settings.classes)
    if item >= np.int64(settings.count_high):
        scene.luma = _DARKEST + (_BRIGHTEST - _DARKEST) * unit(w[2])
    else:
        back = LUMA[0] * target.back_red + LUMA[1] * target.back_green + LUMA[2] * target.back_blue
        far = back
        if settings.has_ground == 1.0:
            far = LUMA[0] * target.far_red + LUMA[1] * target.far_green + LUMA[2] * target.far_blue
        scene.luma = _luma_apart(unit(w[2]), min(back, far), max(back, far), settings.contrast)
    scene.red, scene.green, scene.blue = _with_luma(scene.hue, 0.35 + 0.65 * unit(w[1]), scene.luma)


@kernel
def sample_scenes(key, indices, settings, shapes, frames, labels, scenes):  # type: ignore[no-untyped-def]
    """Fill ``scenes`` (SCENE (B, O)) for ``indices`` (int64 (B,)).

    settings: as ``settings_row`` makes it, (1,). shapes: how many to choose from. frames: T.
    labels: int64 (B,), the law of each clip's target, which is object 0; the other objects know
    nothing of it.
    """
    for b in range(indices.shape[0]):
        target = scenes[b, 0]
        target.law = labels[b]
        target.slot, target.first, target.shown = 0, 0, frames
        if scenes.shape[1] > 1:
            _gather(key, indices[b], settings[0], frames, scenes[b])
        _scene(key, indices[b], 0, settings[0], shapes, target)
        for item in range(1, scenes.shape[1]):
            if scenes[b, item].shown > 0:
                _body(key, indices[b], item, settings[0], shapes, scenes[b, item])
                _other_colour(key, indices[b], item, settings[0], scenes[b, item], target)
            else:
                scenes[b, item].shape, scenes[b, item].radius = 0, 0.0


def present_at(scenes: NDArray[np.void], frames: int) -> NDArray[np.bool_]:
    """Which objects are in the scene at which of T frames, bool (B, O, T)."""
    first, k = scenes["first"][..., None], np.arange(frames)
    found: NDArray[np.bool_] = (first <= k) & (k < first + scenes["shown"][..., None])
    return found
