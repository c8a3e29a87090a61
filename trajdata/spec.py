"""What clips may look like: the distribution that scenes are drawn from.

A ``ClipSpec`` is data only. Lengths are in metres, times in seconds; what is measured on the
picture is given as a fraction of its shorter side, so that one seed shows the same motions at
every resolution.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["FORMAT", "JITTER_REACH", "LAWS", "SHAPES", "SPLITS", "ClipSpec", "preset", "presets"]

FORMAT = 1
"""Goes into every fingerprint; raised when the bytes of a clip are changed on purpose."""

JITTER_REACH = 3.4641016151377544
"""No displacement exceeds this many times ``jitter``: 2 sqrt(3), as of a sum of four uniforms."""

LAWS = ("linear", "circular", "helical", "parabolic")
SHAPES = ("disc", "sphere")
SPLITS = ("train", "val", "test")

Law = Literal["linear", "circular", "helical", "parabolic"]
Shape = Literal["disc", "sphere"]
# The bounds keep every number of a clip short enough for its fixed-length text.
Positive = Annotated[float, Field(ge=1e-3, le=1e3, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Range = tuple[Positive, Positive]


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
    seconds: Annotated[float, Field(ge=0.01, le=1e3)] = Field(2.0, description="from the first frame to the last, s")
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
    margin: Fraction = Field(
        0.0625, description="border that the object keeps free, in half-sides"
    )
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

    @model_validator(mode="after")
    def _ranges_are_consistent(self) -> ClipSpec:
        for name in ("depth", "reach", "radius", "speed", "turns"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: given ({low}, {high}); the first must not exceed the second")
        for name in ("laws", "shapes"):
            given = getattr(self, name)
            if len(set(given)) != len(given):
                raise ValueError(f"{name}: given {given}; each name may occur once")
        if self.turns[0] < 0.75:
            raise ValueError(f"turns: given {self.turns}; a circle takes at least 0.75 turns")
        if not (self.reach[0] < self.depth[0] and self.depth[1] < self.reach[1]):
            raise ValueError(f"reach: given {self.reach}; it must enclose depth {self.depth}")
        shake = JITTER_REACH * self.jitter
        if self.depth[0] - shake < self.reach[0] or self.depth[1] + shake > self.reach[1]:
            raise ValueError(
                f"jitter: given {self.jitter}; it displaces by up to {JITTER_REACH:.2f} times that, "
                f"which must stay within reach {self.reach} at depth {self.depth}"
            )
        # In half-sides of the frame at the least depth: what is free beside an object that stands
        # at the outermost anchor.
        half = 0.5 * max(self.height, self.width) / min(self.height, self.width)
        need = self.radius[1] + shake * (1 + half)
        free = (1 - self.margin) - self.place - 2 * need / self.depth[0]
        if free < 0.001:
            raise ValueError(
                f"place: given {self.place}; with radius up to {self.radius[1]} m at depth "
                f"{self.depth[0]} m, margin {self.margin} and jitter {self.jitter} m an object leaves "
                f"the frame where it stands: place must be below {self.place + free:.4f}"
            )
        return self

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


_PRESETS = {
    "magvit-32": ClipSpec(frames=8, channels=3, height=32, width=32),
    "magvit-64": ClipSpec(frames=16, channels=3, height=64, width=64),
    "gray-32": ClipSpec(frames=8, channels=1, height=32, width=32),
    "magvit2-128": ClipSpec(frames=17, channels=3, height=128, width=128),
}


def presets() -> tuple[str, ...]:
    """The names that ``preset`` knows; the first is the default of the command line."""
    return tuple(_PRESETS)


def preset(name: str) -> ClipSpec:
    """The spec of that name.

    Raises:
        ValueError: no preset has that name.
    """
    if name not in _PRESETS:
        raise ValueError(f"preset: given {name!r}; allowed are {', '.join(_PRESETS)}")
    return _PRESETS[name]
