"""The tables that the stages hand on: what a spec allows, and a scene for each clip and object.

All are NumPy structured arrays, so that a kernel reads a named number at a fixed place.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from trajdata._errors import ArgumentError
from trajdata._settings import columns, row
from trajdata._spec.cameras import camera_rate, pivot_of
from trajdata._spec.groups import JITTER_REACH
from trajdata._spec.model import ClipSpec
from trajdata._spec.splits import find_split

__all__ = ["SCENE", "law_rows", "settings_row"]

SCENE = np.dtype(
    [
        ("law", np.int64),  # index into spec.laws
        ("shape", np.int64),  # index into spec.shapes
        ("slot", np.int64),  # where its truth stands
        ("first", np.int64),  # the first frame that it is in
        ("shown", np.int64),  # how many frames it is in from there; 0: there is no such object
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
        ("far_red", np.float64),  # the background's other colour, where it has two
        ("far_green", np.float64),
        ("far_blue", np.float64),
        ("along_x", np.float64),  # unit vector in the picture, along which a gradient goes
        ("along_y", np.float64),
        ("light_x", np.float64),  # unit vector from the object towards the light
        ("light_y", np.float64),
        ("light_z", np.float64),
        ("attempt", np.int64),  # of the motion that was accepted
    ]
)
"""One object of a scene: what is known of it before its law's own numbers. The target is number 0;
the background and the light of a scene are the target's."""

_ANY, _NOT_THE_LAWS_OWN, _THE_LAWS_OWN = 0.0, 1.0, 2.0
"""Which hues and shapes an object may have, where each law has some of its own."""


def settings_row(spec: ClipSpec, split: str) -> NDArray[np.void]:
    """Every number of a spec's groups as the kernels read it, and what follows from them.

    A range that the split holds out stands in the place of the spec's own.

    Returns:
        A row of float64 columns, shape (1,), the same columns for every spec.

    Raises:
        ArgumentError: a split that the spec does not have.
    """
    if split not in spec.splits:
        raise ArgumentError(
            f"split: given {split!r:.80}; this spec has {', '.join(spec.splits)} "
            "(held_out_count, held_out_depth, held_out_radius, held_out_speed, separate_colours "
            "and separate_shapes make others)"
        )
    numbers: dict[str, float] = {}
    for group in type(spec).model_fields:
        numbers.update(columns(getattr(spec, group)))
    for factor in ("count", "depth", "radius", "speed"):
        numbers[f"{factor}_low"], numbers[f"{factor}_high"] = spec.factor(factor, split)
    shorter = min(spec.height, spec.width)
    for axis, side in (("x", spec.width), ("y", spec.height)):
        # Half the frame in shorter sides, and the same less the margin.
        half = 0.5 * side / shorter
        numbers[f"half_{axis}"] = half
        free = half - 0.5 * spec.camera.margin
        numbers[f"free_{axis}"] = free
        # By how much a side of the frustum leans: what a radius takes along the axis.
        numbers[f"slant_{axis}"] = math.sqrt(1.0 + free * free)
    # No coordinate is displaced by more than this, metres.
    numbers["shake"] = JITTER_REACH * spec.noise.jitter
    numbers["is_plain"] = float(spec.looks.background == "plain")
    numbers["has_ground"] = float(spec.looks.has_ground)
    known = find_split(split)
    numbers["hues"] = _rule(spec.looks.separate_colours, known.separate_colours)
    numbers["shape_rule"] = _rule(spec.objects.separate_shapes, known.separate_shapes)
    numbers["classes"] = float(len(spec.laws))
    numbers["pivot"] = pivot_of(spec)
    numbers["frames_all"] = float(spec.camera.framed == "all")
    numbers["camera_rate"] = camera_rate(spec) if spec.camera.moves else 0.0
    return row(numbers)


def _rule(is_separate: bool, is_shown: bool) -> float:
    if not is_separate:
        return _ANY
    return _THE_LAWS_OWN if is_shown else _NOT_THE_LAWS_OWN


def law_rows(spec: ClipSpec) -> NDArray[np.void]:
    """The numbers that each of a spec's laws owns: (1,), a nested row under each law's name."""
    # A nested row must have a column, also where a law owns no number.
    rows = {used.law: row(used.settings.columns() or {"none": 0.0}) for used in spec.motion.laws}
    table = np.zeros(1, np.dtype([(name, part.dtype) for name, part in rows.items()]))
    for name, part in rows.items():
        table[name] = part
    return table
