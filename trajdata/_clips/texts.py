"""How a clip is put into words: templates of captions, equations and JSON, and their numbers.

A clip's numbers are one row: the law's own (per law in its own order), then those that every
clip has, then the columns that choose words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from trajdata._arithmetic.grid import on_grid
from trajdata._clips.templates import Program, compile_templates
from trajdata._errors import ArgumentError
from trajdata._jit import kernel
from trajdata._laws.registry import COMMON_NUMBERS
from trajdata._spec.model import ClipSpec
from trajdata._world.motion import numbers_of

__all__ = [
    "Wording",
    "check_metadata",
    "fill_values",
    "param_names",
    "read_metadata",
    "value_columns",
    "wording",
]

_HUES = ("A red", "An orange", "A lime", "A green", "A cyan", "A blue", "A violet", "A magenta")
_GRAYS = ("A dark gray", "A gray", "A light gray")
_CAPTION = "{colour} {shape} of radius {object_radius_m:.2f} m "


@dataclass(frozen=True)
class Wording:
    """The three programs of a spec, and the fixed length of a clip's JSON in bytes."""

    caption: Program
    equation: Program
    metadata: Program
    metadata_bytes: int


def param_names(spec: ClipSpec) -> tuple[str, ...]:
    """The keys of ``params``: what every clip has, then the numbers of the spec's laws."""
    own = dict.fromkeys(name for law in spec.known_laws for name in law.numbers)
    return (*COMMON_NUMBERS, *own)


def value_columns(spec: ClipSpec) -> tuple[tuple[str, ...], ...]:
    """For each law, the names of the columns of the row that a clip's texts are written from."""
    room = numbers_of(spec.known_laws)
    rows = []
    for law in spec.known_laws:
        own = law.numbers
        unused = tuple(f"unused_{j}" for j in range(room - len(own)))
        rows.append((*own, *unused, *COMMON_NUMBERS, "colour", "shape"))
    return tuple(rows)


def wording(spec: ClipSpec) -> Wording:
    """Compile the templates of a spec's laws; no other law or shape has a part in them."""
    choices = {"colour": _HUES if spec.channels == 3 else _GRAYS, "shape": spec.shapes}
    columns = [(*names, "index") for names in value_columns(spec)]
    caption, equation, metadata = [], [], []
    for law in spec.known_laws:
        caption.append(_CAPTION + law.phrase + ".")
        equation.append(law.equation)
        params = ", ".join(
            f"{json.dumps(name)}: {{{name}:.9f}}" for name in (*COMMON_NUMBERS, *law.numbers)
        )
        metadata.append(
            f'{{"index": {{index:d}}, "label": {json.dumps(law.name)}, "params": {{{params}}}, '
            f'"caption": "{caption[-1]}", "equation": "{equation[-1]}"}}'
        )

    def program(templates: list[str]) -> Program:
        return compile_templates(templates, columns, choices)

    longest = program(metadata)
    width = -(-longest.width // 512) * 512
    return Wording(program(caption), program(equation), longest, width)


@kernel
def fill_values(scenes, numbers, seconds, colour, values):  # type: ignore[no-untyped-def]
    """Fill ``values`` (float64 (B, columns)) from SCENE (B, O) and numbers (B, O, columns)."""
    own = numbers.shape[2]
    for b in range(values.shape[0]):
        scene = scenes[b, 0]
        values[b, :own] = numbers[b, 0]
        values[b, own] = scene.start
        values[b, own + 1] = on_grid(scene.start + seconds)
        values[b, own + 2] = scene.speed
        values[b, own + 3] = scene.radius
        if colour:
            values[b, own + 4] = np.int64(scene.hue * 8.0 + 0.5) % 8
        else:
            values[b, own + 4] = np.int64(scene.luma * 3.0)
        values[b, own + 5] = scene.shape


def read_metadata(text: bytes, spec: ClipSpec) -> dict[str, Any]:
    """Parse a clip's JSON, the inverse of what a record holds.

    Args:
        text: the JSON, padded with blanks, from a source that is trusted.
        spec: whose clip it is.

    Raises:
        ValueError: not the JSON of a clip; says what is wrong with it.
    """
    return check_metadata(json.loads(text), spec)


def check_metadata(clip: object, spec: ClipSpec) -> dict[str, Any]:
    """What a clip's JSON says, if it is one.

    Args:
        clip: the JSON, parsed; changed in place.
        spec: whose clip it is; a number that the clip's law lacks is 0.0 in ``params``.

    Raises:
        ValueError: not the JSON of a clip; says what is wrong with it.
    """
    expected = {"index": int, "label": str, "params": dict, "caption": str, "equation": str}
    if not isinstance(clip, dict) or clip.keys() != expected.keys():
        raise ArgumentError(f"metadata: the keys must be {', '.join(expected)}")
    for key, kind in expected.items():
        if type(clip[key]) is not kind:  # a bool is an int otherwise
            raise ArgumentError(f"metadata: {key} must be {kind.__name__}, given {clip[key]!r:.80}")
    params, names = clip["params"], param_names(spec)
    for name, value in params.items():
        if name not in names or not isinstance(value, float):
            raise ArgumentError(
                f"metadata: params has {name!r:.80}: {value!r:.80}; allowed: {names}"
            )
    clip["params"] = {name: params.get(name, 0.0) for name in names}
    return clip
