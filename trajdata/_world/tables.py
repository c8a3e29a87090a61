"""The two tables that the stages hand on: what a spec allows, and one scene per clip and object.

Both are NumPy structured arrays, so that a kernel reads a named number at a fixed place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trajdata._spec.model import JITTER_REACH, LAWS, SHAPES, ClipSpec

__all__ = ["LIMITS", "SCENE", "law_codes", "limits_of", "shape_codes"]

LIMITS = np.dtype(
    [
        (name, np.float64)
        for name in (
            "seconds",
            "depth_low",
            "depth_high",
            "reach_low",
            "reach_high",
            "radius_low",
            "radius_high",
            "speed_low",
            "speed_high",
            "turns_low",
            "turns_high",
            "place",
            "half_x",  # half the frame's width, in shorter sides
            "half_y",
            "free_x",  # the same, less the margin
            "free_y",
            "contrast",
            "shake",  # no coordinate is displaced by more than this, metres
            "hues",  # 0: any; 1: all but the law's held-out sector; 2: that sector alone
            "tilt_cosine",
            "least_path",
            "least_sagitta",
            "least_growth",
            "least_loop",
        )
    ]
)
"""What a spec allows, as the kernels read it."""

SCENE = np.dtype(
    [
        ("law", np.int64),  # index into LAWS
        ("shape", np.int64),  # index into SHAPES
        ("x", np.float64),  # the anchor: where the object is at time 0, metres
        ("y", np.float64),
        ("z", np.float64),
        ("start", np.float64),  # time of the first frame, seconds; never above 0
        ("speed", np.float64),  # at the anchor, metres a second
        ("radius", np.float64),  # of the object, metres
        ("hue", np.float64),  # of the object, turns
        ("luma", np.float64),  # of the object, 0 to 1
        ("red", np.float64),
        ("green", np.float64),
        ("blue", np.float64),
        ("back_red", np.float64),
        ("back_green", np.float64),
        ("back_blue", np.float64),
        ("light_x", np.float64),  # unit vector from the object towards the light
        ("light_y", np.float64),
        ("light_z", np.float64),
        ("attempt", np.int64),  # of the motion that was accepted
    ]
)
"""One draw: what is known of an object before its law's own numbers."""


def limits_of(spec: ClipSpec, split: str) -> NDArray[np.void]:
    """The LIMITS record (shape (1,)) of a spec in a split.

    Raises:
        ValueError: a split that the spec does not have.
    """
    if split not in spec.splits:
        raise ValueError(
            f"split: given {split!r}; this spec has {', '.join(spec.splits)} (held_out_depth, "
            "held_out_radius, held_out_speed and separate_colours make others)"
        )
    from trajdata._arithmetic.trig import TURN, cos_sin

    limits = np.zeros(1, LIMITS)
    shorter = min(spec.height, spec.width)
    for name in ("depth", "radius", "speed"):
        limits[name + "_low"], limits[name + "_high"] = spec.factor(name, split)
    for name in ("reach", "turns"):
        limits[name + "_low"], limits[name + "_high"] = getattr(spec, name)
    if spec.separate_colours:
        limits["hues"] = 2 if split == "ood-colour-law" else 1
    for name in (
        "seconds",
        "place",
        "contrast",
        "least_path",
        "least_sagitta",
        "least_growth",
        "least_loop",
    ):
        limits[name] = getattr(spec, name)
    for axis, side in (("x", spec.width), ("y", spec.height)):
        half = 0.5 * side / shorter
        limits["half_" + axis] = half
        limits["free_" + axis] = half - 0.5 * spec.margin
    limits["shake"] = JITTER_REACH * spec.jitter
    limits["tilt_cosine"] = cos_sin(spec.tilt_degrees * (TURN / 360.0))[0]
    return limits


def law_codes(spec: ClipSpec) -> NDArray[np.int64]:
    """Label -> index into LAWS."""
    return np.array([LAWS.index(name) for name in spec.laws], np.int64)


def shape_codes(spec: ClipSpec) -> NDArray[np.int64]:
    """The shapes of a spec as indices into SHAPES."""
    return np.array([SHAPES.index(name) for name in spec.shapes], np.int64)
