"""What clips may look like: the distribution that scenes are drawn from.

A ``ClipSpec`` is data only. Lengths are in metres, times in seconds; what is measured on the
picture is given as a fraction of its shorter side, so that one seed shows the same motions at
every resolution.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "FORMAT",
    "JITTER_REACH",
    "LAWS",
    "OUT_OF_DISTRIBUTION",
    "SHAPES",
    "SPLITS",
    "ClipSpec",
    "preset",
    "presets",
]

FORMAT = 1
"""Goes into every fingerprint; raised when the bytes of a clip are changed on purpose."""

JITTER_REACH = 3.4641016151377544
"""No displacement exceeds this many times ``jitter``: 2 sqrt(3), as of a sum of four uniforms."""

SPLITS = ("train", "val", "test", "ood-speed", "ood-radius", "ood-depth", "ood-colour-law")
"""The streams of one seed, disjoint by construction.

The first three are draws from the spec's own ranges; in an ``ood-`` split one factor lies in a
range that is held out of those three (or, for colour and law, a pair that never meets there).
"""

OUT_OF_DISTRIBUTION = {"ood-speed": "speed", "ood-radius": "radius", "ood-depth": "depth"}
"""Split -> the factor whose held-out range it shows."""

Law = Literal["linear", "circular", "helical", "parabolic"]
Shape = Literal["disc", "sphere"]

LAWS: tuple[Law, ...] = get_args(Law)
SHAPES: tuple[Shape, ...] = get_args(Shape)

# The bounds keep every number of a clip short enough for its fixed-length text.
Positive = Annotated[float, Field(ge=1e-3, le=1e3, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Range = tuple[Positive, Positive]

_RANGES = ("depth", "radius", "speed", "reach", "turns")


def _check_order(name: str, given: Range) -> None:
    if given[0] > given[1]:
        raise ValueError(f"{name}: given {given}; the first must not exceed the other")


class ClipSpec(BaseModel):
    """The distribution that clips are drawn from: frozen, validated, and 1 KB as JSON.

    Raises:
        ValueError: (pydantic's) names the field, the value given and what is allowed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames: int = Field(8, ge=2, le=1024, description="T, frames in a clip")
    channels: Literal[1, 3] = Field(3, description="C, 3 for RGB or 1 for luma")
    height: int = Field(32, ge=16, le=1024, description="H, pixels")
    width: int = Field(32, ge=16, le=1024, description="W, pixels")
    seconds: Annotated[float, Field(ge=0.01, le=1e3)] = Field(
        2.0, description="from the first frame to the last, s"
    )
    laws: tuple[Law, ...] = Field(
        LAWS, min_length=1, description="the classes; a label is an index into this"
    )
    shapes: tuple[Shape, ...] = Field(SHAPES, min_length=1, description="the objects drawn")
    depth: Range = Field((4.0, 5.2), description="depth of the anchor, m")
    reach: Range = Field((2.8, 8.0), description="depths that no object ever leaves, m")
    radius: Range = Field((0.26, 0.4), description="radius of the object, m")
    speed: Range = Field((0.9, 1.25), description="speed at the anchor, m/s")
    place: Fraction = Field(
        0.55, description="how far from the centre the anchor may lie, in half-sides"
    )
    margin: Fraction = Field(0.0625, description="border that the object keeps free, in half-sides")
    contrast: Annotated[float, Field(gt=0, le=0.45)] = Field(
        0.3, description="least difference of luma between object and background, of 1"
    )
    turns: Range = Field((0.75, 1.1), description="turns of a circle or helix in a clip")
    tilt_degrees: Annotated[float, Field(ge=0, le=80)] = Field(
        45.0, description="most angle between the axis of a circle or helix and the view axis"
    )
    least_path: Fraction = Field(
        0.2, description="least length of the path on the picture, in shorter sides"
    )
    least_sagitta: Fraction = Field(
        0.06, description="least bow of a parabola on the picture, in shorter sides"
    )
    least_growth: Annotated[float, Field(ge=1, le=4)] = Field(
        1.2, description="least ratio of the depths between which a helix travels"
    )
    least_loop: Fraction = Field(
        0.1, description="least diameter of a circle or helix on the picture, in shorter sides"
    )
    jitter: Annotated[float, Field(ge=0, le=100)] = Field(
        0.0, description="std of each frame's displacement off the law's path, m"
    )
    pixel_noise: Annotated[float, Field(ge=0, le=255)] = Field(
        0.0, description="std of the noise added to each pixel, gray levels of 255"
    )
    held_out_depth: Range | None = Field(None, description="depth of the anchor in ood-depth, m")
    held_out_radius: Range | None = Field(None, description="radius in ood-radius, m")
    held_out_speed: Range | None = Field(None, description="speed in ood-speed, m/s")
    separate_colours: bool = Field(
        False,
        description="whether each law lacks one of eight colour sectors in train, val and test, "
        "which ood-colour-law shows it in; colour then says something about the class",
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> ClipSpec:
        for name in ("laws", "shapes"):
            given = getattr(self, name)
            if len(set(given)) != len(given):
                raise ValueError(f"{name}: given {given}; each name may occur once")
        for name in _RANGES:
            _check_order(name, getattr(self, name))
        for name in OUT_OF_DISTRIBUTION.values():
            held_out = getattr(self, "held_out_" + name)
            if held_out is not None:
                _check_order("held_out_" + name, held_out)
                low, high = getattr(self, name)
                if held_out[0] <= high and low <= held_out[1]:
                    raise ValueError(
                        f"held_out_{name}: given {held_out}; it must not meet {name}, "
                        f"({low}, {high})"
                    )
        if self.turns[0] < 0.75:
            raise ValueError(f"turns: given {self.turns}; a circle takes at least 0.75 turns")
        self._check_room()
        return self

    def _check_room(self) -> None:
        """An object that stands still at any anchor must be inside the frame and within reach."""
        shake = JITTER_REACH * self.jitter
        half = 0.5 * max(self.height, self.width) / min(self.height, self.width)
        for split in self.splits:
            nearest, farthest = self.factor("depth", split)
            radius = self.factor("radius", split)[1]
            if nearest - shake <= self.reach[0] or farthest + shake >= self.reach[1]:
                raise ValueError(
                    f"reach: given {self.reach}; it must enclose the depths of {split}, "
                    f"({nearest}, {farthest}), and the {shake:.3f} m that jitter "
                    f"{self.jitter} displaces by"
                )
            # In half-sides of the frame at that depth: what is free beside the outermost anchor.
            need = radius + shake * (1 + half)
            free = (1 - self.margin) - self.place - 2 * need / nearest
            if free < 0.001:
                raise ValueError(
                    f"place: given {self.place}; in {split}, with radius up to {radius} m at depth "
                    f"{nearest} m, margin {self.margin} and jitter {self.jitter} m, an object "
                    f"leaves the frame where it stands: place must be below "
                    f"{self.place + free:.4f}"
                )

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that this spec has: an ``ood-`` split only where something is held out."""
        return tuple(
            split
            for split in SPLITS
            if not split.startswith("ood-")
            or (split == "ood-colour-law" and self.separate_colours)
            or (
                split in OUT_OF_DISTRIBUTION
                and getattr(self, "held_out_" + OUT_OF_DISTRIBUTION[split]) is not None
            )
        )

    def factor(self, name: str, split: str) -> Range:
        """The range of ``depth``, ``radius`` or ``speed`` in a split: held out, or its own."""
        held_out = OUT_OF_DISTRIBUTION.get(split) == name
        value: Range = getattr(self, "held_out_" + name if held_out else name)
        return value

    @property
    def video_shape(self) -> tuple[int, int, int, int]:
        """(T, C, H, W)."""
        return self.frames, self.channels, self.height, self.width

    @property
    def clip_bytes(self) -> int:
        """Bytes of one clip's video as uint8."""
        return self.frames * self.channels * self.height * self.width

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the canonical JSON of this spec and of ``FORMAT``."""
        recipe = {"format": FORMAT, "spec": self.model_dump(mode="json")}
        text = json.dumps(recipe, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()


def _preset(frames: int, channels: Literal[1, 3], side: int) -> ClipSpec:
    return ClipSpec(
        frames=frames,
        channels=channels,
        height=side,
        width=side,
        held_out_depth=(3.65, 3.95),
        held_out_radius=(0.42, 0.5),
        held_out_speed=(1.3, 1.45),
    )


_PRESETS = {
    "magvit-32": _preset(8, 3, 32),
    "magvit-64": _preset(16, 3, 64),
    "gray-32": _preset(8, 1, 32),
    "magvit2-128": _preset(17, 3, 128),
}

_HARDEST = {
    "jitter": 0.05,
    "pixel_noise": 48.0,
    "contrast": 0.08,
    "least_path": 0.12,
    "least_sagitta": 0.035,
    "least_growth": 1.12,
    "least_loop": 0.08,
}
"""What difficulty 1 sets; between, each goes in a straight line from the preset's own value."""


def presets() -> tuple[str, ...]:
    """The names that ``preset`` knows; the first is the default of the command line."""
    return tuple(_PRESETS)


def preset(name: str, *, difficulty: float = 0.0) -> ClipSpec:
    """The spec of that name.

    Args:
        name: one of ``presets()``.
        difficulty: from 0 (clean) to 1; turns up jitter and pixel noise and turns down contrast
            and the least motion, all of them in step.

    Raises:
        ValueError: no preset has that name, or a difficulty outside [0, 1].
    """
    if name not in _PRESETS:
        raise ValueError(f"preset: given {name!r}; allowed are {', '.join(_PRESETS)}")
    if not 0 <= difficulty <= 1:
        raise ValueError(f"difficulty: given {difficulty!r}; allowed are numbers from 0 to 1")
    spec = _PRESETS[name]
    if difficulty == 0:
        return spec
    changes = {
        field: getattr(spec, field) + difficulty * (hardest - getattr(spec, field))
        for field, hardest in _HARDEST.items()
    }
    return ClipSpec(**{**spec.model_dump(), **changes})
