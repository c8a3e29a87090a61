"""The fields of a clip: one table that the source, the shards, the datasets and the docs share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trajdata._errors import ArgumentError
from trajdata._spec.model import ClipSpec

__all__ = ["DEFAULT_FIELDS", "FIELDS", "TEXT_FIELDS", "Field", "check_fields"]


_SEEN = frozenset(
    (
        *("video", "pixels", "depth", "radius", "boxes", "amodal_boxes", "visible_pixels"),
        *("visibility", "segmentations", "depth_map", "forward_flow", "backward_flow"),
        *("points", "occluded"),
    )
)


@dataclass(frozen=True)
class Field:
    """One key of a clip. ``axes`` name the dimensions of one clip's value."""

    name: str
    dtype: str
    axes: tuple[str, ...]
    unit: str
    meaning: str

    @property
    def is_seen(self) -> bool:
        """Whether it is what a camera sees: of several cameras, V stands in front of T."""
        return self.name in _SEEN

    def axes_of(self, spec: ClipSpec) -> tuple[str, ...]:
        """The axes under this spec."""
        if not self.is_seen or spec.views == 1:
            return self.axes
        at = self.axes.index("T")
        return (*self.axes[:at], "V", *self.axes[at:])

    def shape(self, spec: ClipSpec) -> tuple[int, ...]:
        """Shape of one clip's value under this spec."""
        sizes = {
            **{"T": spec.frames, "C": spec.channels, "H": spec.height, "W": spec.width},
            **{"N": spec.slots, "K": spec.truth.points, "V": spec.views},
        }
        return tuple(sizes[axis] if axis in sizes else int(axis) for axis in self.axes_of(spec))


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
        Field("exists", "bool", ("N",), "-", "whether the slot holds an object"),
        Field(
            "present", "bool", ("N", "T"), "-", "whether the object is in the scene at that frame"
        ),
        Field(
            "laws", "int64", ("N",), "index into spec.laws", "which law moves it; -1: an empty slot"
        ),
        Field("shapes", "int64", ("N",), "index into spec.shapes", "its shape; -1: an empty slot"),
        Field("target", "int64", (), "-", "the slot of the object whose law is the label"),
        Field(
            "positions",
            "float32",
            ("N", "T", "3"),
            "metres",
            "its centre as rendered: x right, y down, z away",
        ),
        Field(
            "velocities",
            "float32",
            ("N", "T", "3"),
            "m/s",
            "how fast its centre moves along its law's path",
        ),
        Field("half_extents", "float32", ("N", "3"), "metres", "half its size along its own axes"),
        Field("colours", "float32", ("N", "3"), "0..1", "its red, green and blue before light"),
        Field(
            "quaternions",
            "float32",
            ("N", "T", "4"),
            "-",
            "its pose, wxyz, from its own axes to the world's",
        ),
        Field(
            "angular_velocities",
            "float32",
            ("N", "T", "3"),
            "rad/s",
            "how it turns, in the world's axes",
        ),
        Field(
            "boxes",
            "float32",
            ("N", "T", "4"),
            "pixels",
            "box of the pixels that show it: left, top, right, bottom; zeros where none does",
        ),
        Field(
            "amodal_boxes",
            "float32",
            ("N", "T", "4"),
            "pixels",
            "box of its whole outline, seen or not",
        ),
        Field("visible_pixels", "int32", ("N", "T"), "pixels", "how many show it at their centre"),
        Field(
            "visibility",
            "float32",
            ("N", "T"),
            "0..1",
            "share of those that would show it if it were alone",
        ),
        Field(
            "segmentations",
            "uint8",
            ("T", "H", "W"),
            "-",
            "what the ray through the pixel's centre meets: slot + 1, or 0, the wall",
        ),
        Field("depth_map", "float32", ("T", "H", "W"), "metres", "z of that point"),
        Field(
            "forward_flow",
            "float32",
            ("T", "2", "H", "W"),
            "pixels",
            "how that point moves to the next frame: right, down",
        ),
        Field(
            "backward_flow",
            "float32",
            ("T", "2", "H", "W"),
            "pixels",
            "how that point moves to the frame before: right, down",
        ),
        Field(
            "points",
            "float32",
            ("K", "T", "2"),
            "pixels",
            "points on surfaces, which move with them: x right, y down",
        ),
        Field(
            "occluded",
            "bool",
            ("K", "T"),
            "-",
            "whether such a point is hidden, or outside the frame",
        ),
        Field(
            "intrinsics",
            "float32",
            ("V", "3", "3"),
            "pixels",
            "the camera's matrix, as OpenCV has it",
        ),
        Field(
            "extrinsics",
            "float32",
            ("V", "T", "4", "4"),
            "-",
            "from the world to the camera, as OpenCV has it",
        ),
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
