"""The groups of a spec: every setting, written once.

Lengths are in metres, times in seconds; what is measured on the picture is given as a fraction
of its shorter side, so that one seed shows the same motions at every resolution.

A default here is FORMAT's: it is frozen. A fingerprint holds only what differs from the defaults,
so a setting that is added later changes no fingerprint of a spec that does not use it, and a
default that changed would make old fingerprints mean something else.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from trajdata._errors import ArgumentError
from trajdata._laws.registry import (
    Law,
    LawSettings,
    LawText,
    find_law,
    law_names,
    with_text,
)
from trajdata._settings import (
    Counts,
    Fraction,
    Positive,
    Range,
    RangeFromZero,
    Settings,
    check_order,
)
from trajdata._shapes.registry import find_shape

__all__ = [
    "JITTER_REACH",
    "OBJECT_LUMA",
    "Camera",
    "Looks",
    "Motion",
    "Noise",
    "Objects",
    "Picture",
    "Truth",
    "UsedLaw",
]

JITTER_REACH = 3.4641016151377544
"""No displacement exceeds this many times ``jitter``: 2 sqrt(3), as of a sum of four uniforms."""

OBJECT_LUMA = (0.2, 0.8)
"""Darkest and brightest object, of 1."""

_LEAST_ROOM = 0.1
_MOST_OBJECTS = 10
_LAW_KEYS = ("law", "version")


class UsedLaw(Settings):
    """A law as a spec uses it: its name and the numbers that it owns."""

    law: str = Field(description="name of the law")
    settings: SerializeAsAny[LawSettings] = Field(
        default_factory=LawSettings, description="the numbers that the law owns"
    )
    text: LawText | None = Field(None, description="of a user's law: its digest and templates")

    @property
    def known(self) -> Law:
        """The law itself; without kernels where it is a user's that this process does not have."""
        return with_text(self.law, self.text)

    def as_json(self) -> dict[str, Any]:
        """The law as a spec's JSON has it: what ``laws`` takes."""
        own = self.settings.model_dump(mode="json", exclude_defaults=True)
        if self.text is None:
            return {"law": self.law, "version": self.known.version, **own}
        return {"law": self.law, **self.text.model_dump(mode="json"), **own}

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker that is spawned has not imported the module that registers a user's law.
        home = self.known.home if self.text is not None else ""
        return _unpickled, (home, self.as_json())

    @model_validator(mode="before")
    @classmethod
    def _from_name_or_numbers(cls, given: Any) -> Any:
        """``"linear"``, or ``{"law": "circular", "turns": (1, 1.1)}``."""
        if isinstance(given, UsedLaw):
            return {"law": given.law, "settings": given.settings, "text": given.text}
        if isinstance(given, Law):
            given = given.name
        if isinstance(given, str):
            given = {"law": given}
        if not isinstance(given, Mapping) or not isinstance(given.get("law"), str):
            raise ArgumentError(
                f"laws: given {given!r:.80}; allowed is a law's name, or its name as 'law' with "
                "the numbers that it owns"
            )
        if isinstance(given.get("settings"), LawSettings):
            return given
        if "digest" in given:
            text = LawText(**{name: value for name, value in given.items() if name != "law"})
            if given["law"] in law_names():
                raise ArgumentError(
                    f"laws: given the digest of a user's law {given['law']!r}; that name is ours"
                )
            return {"law": given["law"], "text": text}
        law = find_law(given["law"])
        version = given.get("version", law.version)
        if version != law.version:
            raise ArgumentError(
                f"laws: given version {version!r:.80} of {law.name}; this release has version "
                f"{law.version}"
            )
        own = {name: value for name, value in given.items() if name not in _LAW_KEYS}
        try:
            return {"law": law.name, "settings": law.settings(**own), "text": law.text()}
        except ArgumentError as error:
            raise ArgumentError(f"{law.name}.{error}") from None


def _unpickled(home: str, given: dict[str, Any]) -> UsedLaw:
    """A law that another process of the same program has sent; ``home`` registers it, if a module
    can be imported for that."""
    if home and home not in ("__main__", "__mp_main__"):
        with contextlib.suppress(ImportError):
            importlib.import_module(home)
    return UsedLaw(**given)


def _each_once(name: str, given: tuple[str, ...]) -> None:
    if len(set(given)) != len(given):
        raise ArgumentError(f"{name}: given {given}; each name may occur once")


def _a_range_apart(name: str, own: Range, held_out: Range | None) -> None:
    """A held-out range must not meet the one that training shows."""
    check_order(name, own)
    if held_out is None:
        return
    check_order(f"held_out_{name}", held_out)
    if held_out[0] <= own[1] and own[0] <= held_out[1]:
        raise ArgumentError(f"held_out_{name}: given {held_out}; it must not meet {name}, {own}")


def _known_shape(name: Any) -> Any:
    return find_shape(name).name if isinstance(name, str) else name


class Picture(Settings):
    """The size of a clip in space and time."""

    frames: int = Field(8, ge=2, le=1024, description="T, frames in a clip")
    channels: Literal[1, 3] = Field(3, description="C, 3 for RGB or 1 for luma")
    height: int = Field(32, ge=16, le=1024, description="H, pixels")
    width: int = Field(32, ge=16, le=1024, description="W, pixels")
    seconds: Annotated[float, Field(ge=0.01, le=1e3)] = Field(
        2.0, description="from the first frame to the last, s"
    )


class Camera(Settings):
    """What the cameras show. The first stands at the origin and looks along +z, or moves about
    that pose."""

    reach: Range = Field((2.8, 8.0), description="depths that no object ever leaves, m")
    margin: Fraction = Field(0.0625, description="border that the object keeps free, in half-sides")
    wall: Positive | None = Field(
        None, description="depth of the background, a wall, m; left out: 1.5 times the far reach"
    )
    views: int = Field(1, ge=1, le=4, description="V, cameras")
    baseline: Annotated[float, Field(ge=0, le=10)] = Field(
        0.0, description="from each camera to the next, to the right, m"
    )
    ring: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="from each camera to the next, about the middle of the anchors, rad"
    )
    framed: Literal["all", "first"] = Field(
        "all", description="in the pictures of which cameras objects stay inside the frame"
    )
    pan: RangeFromZero = Field(
        (0.0, 0.0), description="how far the cameras turn about themselves in a clip, rad"
    )
    orbit: RangeFromZero = Field(
        (0.0, 0.0), description="how far they go about the middle of the anchors in a clip, rad"
    )
    shaking: Annotated[float, Field(ge=0, le=0.5)] = Field(
        0.0, description="how far they are turned up and down, and to and fro, by a hand, rad"
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Camera:
        check_order("reach", self.reach)
        check_order("pan", self.pan)
        check_order("orbit", self.orbit)
        return self

    @property
    def moves(self) -> bool:
        """Whether cameras move during a clip."""
        return max(self.pan[1], self.orbit[1], self.shaking) > 0

    @property
    def turns(self) -> bool:
        """Whether any camera ever looks along another direction than +z."""
        return self.moves or (self.views > 1 and self.ring > 0)

    @property
    def is_lone(self) -> bool:
        """Whether there is one camera, at rest."""
        return self.views == 1 and not self.moves

    @property
    def wall_depth(self) -> float:
        """Depth of the wall behind all objects, metres."""
        return 1.5 * self.reach[1] if self.wall is None else self.wall


class Objects(Settings):
    """What is seen, how large it is and where."""

    shapes: tuple[Annotated[str, BeforeValidator(_known_shape)], ...] = Field(
        ("disc", "sphere"), min_length=1, description="the shapes, each as likely"
    )
    count: Counts = Field(
        (1, 1), description="objects in a clip: the target, which is in every frame, and others"
    )
    transients: Counts = Field(
        (0, 0), description="objects more that are there for 1 to 3 frames, in any colour"
    )
    least_window: Fraction = Field(
        0.5, description="least share of the frames in which an object beside the target is there"
    )
    radius: Range = Field((0.26, 0.4), description="radius of the object, m")
    depth: Range = Field((4.0, 5.2), description="depth of the anchor, m")
    place: Fraction = Field(
        0.55, description="how far from the centre the anchor may lie, in half-sides"
    )
    spin: RangeFromZero = Field(
        (0.0, 0.0), description="how fast an object turns about an axis of its own, rad/s"
    )
    held_out_radius: Range | None = Field(None, description="radius in ood-radius, m")
    held_out_depth: Range | None = Field(None, description="depth of the anchor in ood-depth, m")
    held_out_count: Counts | None = Field(
        None, description="objects in a clip in ood-count, transients not counted"
    )
    separate_shapes: bool = Field(
        False,
        description="whether each law lacks one of the shapes in train, val and test, in which "
        "ood-shape-law shows it; shape then says something about the class",
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Objects:
        _each_once("shapes", self.shapes)
        check_order("spin", self.spin)
        check_order("count", self.count)
        check_order("transients", self.transients)
        for name, count in (("count", self.count), ("held_out_count", self.held_out_count)):
            most = count[1] + self.transients[1] if count is not None else 0
            if count is not None and (count[0] < 1 or most > _MOST_OBJECTS):
                raise ArgumentError(
                    f"{name}: given {count} with transients {self.transients}; allowed is 1 object "
                    f"or more, and up to {_MOST_OBJECTS} with the transients"
                )
        if self.separate_shapes and len(self.shapes) < 2:
            raise ArgumentError(
                f"separate_shapes: given True with shapes {self.shapes}; it takes two or more, of "
                "which a law can lack one"
            )
        _a_range_apart("count", self.count, self.held_out_count)
        _a_range_apart("radius", self.radius, self.held_out_radius)
        _a_range_apart("depth", self.depth, self.held_out_depth)
        return self

    @property
    def slots(self) -> int:
        """N, the most objects that a clip of any split may have."""
        held_out = self.held_out_count or (0, 0)
        return max(self.count[1], held_out[1]) + self.transients[1]


class Motion(Settings):
    """How objects move."""

    laws: tuple[UsedLaw, ...] = Field(
        tuple(UsedLaw(law=name) for name in ("linear", "circular", "helical", "parabolic")),
        min_length=1,
        max_length=100,
        description="the classes; a label is an index into this",
    )
    speed: Range = Field((0.9, 1.25), description="speed at the anchor, m/s")
    least_path: Fraction = Field(
        0.2, description="least length of the path on the picture, in shorter sides"
    )
    held_out_speed: Range | None = Field(None, description="speed in ood-speed, m/s")

    @model_validator(mode="after")
    def _is_consistent(self) -> Motion:
        _each_once("laws", tuple(used.law for used in self.laws))
        _a_range_apart("speed", self.speed, self.held_out_speed)
        return self


class Looks(Settings):
    """Colours, and what a frame keeps of movement. Truth knows nothing of them."""

    background: Literal["plain", "random", "gradient", "texture"] = Field(
        "plain",
        description="one gray for all clips; or for each a flat random colour, a gradient between "
        "two, or a texture of two",
    )
    plain_luma: Fraction = Field(0.0, description="of the plain background: 0 is black, 1 is white")
    contrast: Annotated[float, Field(gt=0, le=0.45)] = Field(
        0.3, description="least difference of luma between object and background, of 1"
    )
    separate_colours: bool = Field(
        False,
        description="whether each law lacks a sector of the hues in train, val and test, in which "
        "ood-colour-law shows it; colour then says something about the class",
    )
    pattern: Fraction = Field(
        0.0, description="share of its colour that the dark parts of an object's pattern lack"
    )
    shutter: Fraction = Field(
        0.0, description="share of the time between frames in which a frame is exposed: motion blur"
    )
    exposures: int = Field(
        8, ge=2, le=64, description="moments of which a frame is the mean, where shutter is above 0"
    )
    trail: Annotated[float, Field(ge=0, le=0.95)] = Field(
        0.0, description="share of what a frame shows that is left in the next one"
    )

    @model_validator(mode="after")
    def _leaves_room(self) -> Looks:
        darkest, brightest = OBJECT_LUMA
        below = self.plain_luma - self.contrast - darkest
        above = brightest - self.plain_luma - self.contrast
        if self.background == "plain" and max(below, above) < _LEAST_ROOM:
            raise ArgumentError(
                f"plain_luma: given {self.plain_luma} with contrast {self.contrast}; objects have "
                f"a luma from {darkest} to {brightest}, of which they leave too little"
            )
        return self

    @property
    def has_ground(self) -> bool:
        """Whether the background differs from place to place."""
        return self.background in ("gradient", "texture")

    @property
    def is_filmed(self) -> bool:
        """Whether any of this needs more than flat colours at the frame's own time."""
        return self.has_ground or max(self.pattern, self.shutter, self.trail) > 0


class Noise(Settings):
    """What is added to positions and pixels."""

    jitter: Annotated[float, Field(ge=0, le=100)] = Field(
        0.0, description="std of each frame's displacement off the law's path, m"
    )
    pixel_noise: Annotated[float, Field(ge=0, le=255)] = Field(
        0.0, description="std of the noise added to each pixel, gray levels of 255"
    )


class Truth(Settings):
    """What is known of a clip beside its pixels, where that takes a number."""

    points: int = Field(
        16, ge=1, le=1024, description="K, points on surfaces that points and occluded follow"
    )
