"""The fields of a clip: one table that the source, the shards, the datasets and the docs share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trajdata._errors import ArgumentError
from trajdata._spec.model import ClipSpec

__all__ = ["DEFAULT_FIELDS", "FIELDS", "TEXT_FIELDS", "Field", "check_fields"]


@dataclass(frozen=True)
class Field:
    """One key of a clip. ``axes`` name the dimensions of one clip's value."""

    name: str
    dtype: str
    axes: tuple[str, ...]
    unit: str
    meaning: str

    def shape(self, spec: ClipSpec) -> tuple[int, ...]:
        """Shape of one clip's value under this spec."""
        sizes = {"T": spec.frames, "C": spec.channels, "H": spec.height, "W": spec.width}
        return tuple(sizes[axis] if axis in sizes else int(axis) for axis in self.axes)


FIELDS = {
    field.name: field
    for field in (
        Field("video", "uint8", ("T", "C", "H", "W"), "0..255", "the pictures"),
        Field(
            "label", "int64", (), "index into spec.laws", "the class: which law moves the object"
        ),
        Field("index", "int64", (), "-", "the clip's index in its stream"),
        Field(
            "trajectory",
            "float32",
            ("T", "3"),
            "metres",
            "the centre on the law's path: x right, y down, z away",
        ),
        Field(
            "jittered", "float32", ("T", "3"), "metres", "the centre as rendered, jitter included"
        ),
        Field(
            "pixels",
            "float32",
            ("T", "2"),
            "pixels",
            "the rendered centre's image: x right, y down",
        ),
        Field("depth", "float32", ("T",), "metres", "z of the centre as rendered"),
        Field("radius", "float32", ("T",), "pixels", "apparent radius"),
        Field("params", "dict of float64", (), "SI", "the law's numbers, named"),
        Field("caption", "str", (), "-", "one sentence on this clip"),
        Field("equation", "str", (), "SI", "the path's closed form with this clip's numbers"),
    )
}

DEFAULT_FIELDS = ("video", "label", "index")
TEXT_FIELDS = ("params", "caption", "equation")
"""Fields that a shard's record holds inside its JSON member."""


def check_fields(fields: Sequence[str]) -> tuple[str, ...]:
    """The fields in the order of every clip's dict: the defaults, then the rest as asked for.

    Raises:
        ArgumentError: an unknown field, one named twice, none at all, or a bare string.
    """
    allowed = f"allowed are {', '.join(FIELDS)}, each once"
    if isinstance(fields, str):
        raise ArgumentError(
            f"fields: given the string {fields!r}; a sequence of names is asked for, {allowed}"
        )
    names = tuple(fields)
    unknown = [name for name in names if name not in FIELDS]
    if unknown or not names or len(set(names)) != len(names):
        raise ArgumentError(f"fields: given {names}; {allowed}")
    first = tuple(name for name in DEFAULT_FIELDS if name in names)
    return first + tuple(name for name in names if name not in first)
