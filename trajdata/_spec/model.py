"""ClipSpec: the distribution that clips are drawn from, as frozen groups of settings."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic import Field, model_validator

from trajdata._errors import ArgumentError
from trajdata._laws.registry import Law
from trajdata._settings import Range, Settings
from trajdata._spec.cameras import check_cameras
from trajdata._spec.groups import (
    JITTER_REACH,
    Camera,
    Looks,
    Motion,
    Noise,
    Objects,
    Picture,
    Truth,
    UsedLaw,
)
from trajdata._spec.identity import fingerprint_of
from trajdata._spec.splits import SPLITS, find_split

__all__ = ["ClipSpec"]

_HELD_OUT = {"speed": "motion", "radius": "objects", "depth": "objects", "count": "objects"}
"""The factors that a split may hold out, and the group that has each."""


_SPARE = 5e-4
"""By how much an anchor must lie further inside than it has to, in half-sides."""


class ClipSpec(Settings):
    """The distribution that clips are drawn from: frozen, validated, and short as JSON.

    Its settings stand in groups: ``spec.picture.frames``, ``spec.motion.speed``. Each has a name
    that no other group uses, by which ``replace`` and ``preset`` change it.

    Raises:
        ArgumentError: names the setting, the value given and what is allowed.
    """

    picture: Picture = Field(default_factory=Picture, description="size in space and time")
    camera: Camera = Field(default_factory=Camera, description="what the camera shows")
    objects: Objects = Field(default_factory=Objects, description="what is seen, and where")
    motion: Motion = Field(default_factory=Motion, description="how objects move")
    looks: Looks = Field(default_factory=Looks, description="colours")
    noise: Noise = Field(default_factory=Noise, description="added to positions and pixels")
    truth: Truth = Field(default_factory=Truth, description="what is known beside the pixels")

    @model_validator(mode="after")
    def _is_consistent(self) -> ClipSpec:
        """An object that stands still at any anchor must be inside the frame and within reach."""
        picture, camera, objects = self.picture, self.camera, self.objects
        shake = JITTER_REACH * self.noise.jitter
        shorter = min(picture.height, picture.width)
        halves = {0.5 * picture.height / shorter, 0.5 * picture.width / shorter}
        for split in self.splits:
            nearest, farthest = self.factor("depth", split)
            radius = self.factor("radius", split)[1]
            if nearest - shake <= camera.reach[0] or farthest + shake >= camera.reach[1]:
                raise ArgumentError(
                    f"reach: given {camera.reach}; it must enclose the depths of {split}, "
                    f"({nearest}, {farthest}), and the {shake:.3f} m that jitter "
                    f"{self.noise.jitter} displaces by"
                )
            if camera.wall_depth <= camera.reach[1] + radius:
                raise ArgumentError(
                    f"wall: given {camera.wall_depth}; it must lie behind all objects: above "
                    f"{camera.reach[1] + radius}, the far reach and a radius of {split}"
                )
            if camera.reach[0] < 2 * radius:
                raise ArgumentError(
                    f"reach: given {camera.reach}; an object of {split} has a radius of up to "
                    f"{radius} m and may come as near to the camera as twice that, no nearer"
                )
            most = min(self._most_place(half, radius, shake, nearest) for half in halves)
            if objects.place > most - _SPARE:
                raise ArgumentError(
                    f"place: given {objects.place}; in {split}, with radius up to {radius} m at "
                    f"depth {nearest} m, margin {camera.margin} and jitter {self.noise.jitter} m, "
                    f"an object leaves the frame where it stands: place must be below {most:.4f}"
                )
        if not camera.is_lone:
            check_cameras(self, shake)
        return self

    def _most_place(self, half: float, radius: float, shake: float, depth: float) -> float:
        """How far from the middle an object may stand still and be inside, in half-sides.

        ``half`` is half of the frame's side, in shorter sides: as ``_world.motion`` has it.
        """
        free = half - 0.5 * self.camera.margin
        need = math.sqrt(1 + free * free) * radius + (1 + free) * shake
        return (free - need / depth) / half

    def replace(self, changes: Mapping[str, Any] | None = None, /, **named: Any) -> ClipSpec:
        """A copy with some settings changed, validated like a new spec.

        Args:
            changes: by name. A setting's own name (``"frames"``), the same with its group
                (``"picture.frames"``), or a law's number (``"circular.turns"``).
            named: the same, where the name is a keyword.

        Raises:
            ArgumentError: no setting has that name, or its value is not allowed.
        """
        merged = {**(changes or {}), **named}
        groups = {name: dict(getattr(self, name)) for name in type(self).model_fields}
        numbers: dict[str, Any] = {}
        for name, value in merged.items():
            group, setting = _place_of(name)
            if group is None:
                numbers[name] = value
            else:
                groups[group][setting] = value
        changed = type(self)(**groups)
        for name, value in numbers.items():
            changed = changed._with_number(name, value)
        return changed

    def _with_number(self, name: str, value: Any) -> ClipSpec:
        """With a law's own number changed."""
        law, _, number = name.partition(".")
        used = {used.law: used for used in self.motion.laws}
        if law not in used:
            raise ArgumentError(
                f"setting: given {name!r:.80}; allowed are {', '.join(_setting_names())}, and the "
                f"numbers of this spec's laws, such as 'circular.turns'; its laws are "
                f"{', '.join(used)}"
            )
        try:
            own = used[law].settings.model_copy(update={number: value})
        except ArgumentError as error:
            raise ArgumentError(f"{law}.{error}") from None
        used[law] = UsedLaw(law=law, settings=own, text=used[law].text)
        motion = self.motion.model_copy(update={"laws": tuple(used.values())})
        changed: ClipSpec = self.model_copy(update={"motion": motion})
        return changed

    @property
    def frames(self) -> int:
        """T, frames in a clip."""
        return self.picture.frames

    @property
    def channels(self) -> int:
        """C, 3 for RGB or 1 for luma."""
        return self.picture.channels

    @property
    def height(self) -> int:
        """H, pixels."""
        return self.picture.height

    @property
    def width(self) -> int:
        """W, pixels."""
        return self.picture.width

    @property
    def seconds(self) -> float:
        """From the first frame to the last, s."""
        return self.picture.seconds

    @cached_property
    def laws(self) -> tuple[str, ...]:
        """Names of the laws: the classes, which a label is an index into."""
        return tuple(used.law for used in self.motion.laws)

    @property
    def known_laws(self) -> tuple[Law, ...]:
        """The laws themselves, in the same order."""
        return tuple(used.known for used in self.motion.laws)

    @property
    def shapes(self) -> tuple[str, ...]:
        """Names of the shapes."""
        return self.objects.shapes

    @property
    def slots(self) -> int:
        """N, the most objects that a clip of any split may have."""
        return self.objects.slots

    @property
    def exposures(self) -> int:
        """Moments of which a frame is the mean: 1 without motion blur."""
        return self.looks.exposures if self.looks.shutter > 0 else 1

    @property
    def picture_shape(self) -> tuple[int, int, int, int]:
        """(T, C, H, W), what one camera takes."""
        return self.frames, self.channels, self.height, self.width

    @property
    def views(self) -> int:
        """V, cameras."""
        return self.camera.views

    @property
    def video_shape(self) -> tuple[int, ...]:
        """(T, C, H, W); of several cameras (V, T, C, H, W)."""
        return self.picture_shape if self.views == 1 else (self.views, *self.picture_shape)

    @property
    def clip_bytes(self) -> int:
        """Bytes of one clip's video as uint8."""
        return self.views * self.frames * self.channels * self.height * self.width

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """The splits that this spec has: an ``ood-`` split only where something is held out."""
        return tuple(
            split.name
            for split in SPLITS
            if not split.is_out_of_distribution
            or (split.separate_colours and self.looks.separate_colours)
            or (split.separate_shapes and self.objects.separate_shapes)
            or (split.held_out is not None and self._held_out(split.held_out) is not None)
        )

    def factor(self, name: str, split: str) -> Range:
        """The range of a factor in a split: held out, or the spec's own.

        Args:
            name: ``"count"``, ``"depth"``, ``"radius"`` or ``"speed"``.
            split: one of ``splits``.
        """
        held_out = self._held_out(name) if find_split(split).held_out == name else None
        own: Range = getattr(getattr(self, _HELD_OUT[name]), name)
        return own if held_out is None else held_out

    def _repr_html_(self) -> str:
        """For a notebook: a table of the settings by group."""
        from trajdata._show.notebook import spec_html

        return spec_html(self)

    def _held_out(self, factor: str) -> Range | None:
        held_out: Range | None = getattr(getattr(self, _HELD_OUT[factor]), f"held_out_{factor}")
        return held_out

    def settings(self) -> dict[str, Any]:
        """Every setting as ``group.name``, and every number of its laws as ``law.name``."""
        found = {
            f"{group}.{name}": value
            for group in type(self).model_fields
            for name, value in getattr(self, group)
        }
        found["motion.laws"] = self.laws
        for used in self.motion.laws:
            found.update({f"{used.law}.{name}": value for name, value in used.settings})
        return found

    def descriptions(self) -> dict[str, str]:
        """What each of ``settings`` means, in words."""
        groups: dict[str, Settings] = {
            name: getattr(self, name) for name in type(self).model_fields
        }
        groups.update({used.law: used.settings for used in self.motion.laws})
        return {
            f"{group}.{name}": field.description or ""
            for group, own in groups.items()
            for name, field in type(own).model_fields.items()
        }

    def as_json(self) -> dict[str, Any]:
        """What differs from the defaults, and the laws with their versions; for ``json.dumps``.

        ``from_json`` is its inverse. A setting or law that this spec does not use leaves no trace.
        """
        groups: dict[str, Any] = {}
        for group in type(self).model_fields:
            own = getattr(self, group)
            changed = own.model_dump(mode="json", exclude_defaults=True, exclude={"laws"})
            if changed:
                groups[group] = changed
        groups.setdefault("motion", {})["laws"] = [used.as_json() for used in self.motion.laws]
        return groups

    def to_json(self) -> str:
        """``as_json`` as text, for a file that ``--spec`` takes."""
        return json.dumps(self.as_json(), indent=2) + "\n"

    @classmethod
    def from_json(cls, value: str | bytes | Mapping[str, Any]) -> ClipSpec:
        """The spec of a JSON text, or of the object that it holds.

        Raises:
            ArgumentError: not JSON, not an object, an unknown setting, or a value not allowed.
        """
        if isinstance(value, (str, bytes)):
            try:
                value = json.loads(value)
            except ValueError as error:
                raise ArgumentError(f"spec: not JSON: {error}") from error
        if not isinstance(value, Mapping):
            raise ArgumentError(f"spec: given {value!r:.80}; allowed is a JSON object")
        return cls(**{str(name): part for name, part in value.items()})

    @cached_property
    def fingerprint(self) -> str:
        """What tells this spec's clips from any other's: SHA-256 (hex), see ``identity``."""
        return fingerprint_of(self.as_json())


def _setting_names() -> tuple[str, ...]:
    """The names of all settings but the laws' own, in order of their groups."""
    return tuple(_GROUP_OF)


def _groups() -> dict[str, type[Settings]]:
    return {
        name: field.annotation  # type: ignore[misc]
        for name, field in ClipSpec.model_fields.items()
    }


_GROUP_OF = {name: group for group, kind in _groups().items() for name in kind.model_fields}


def _place_of(name: str) -> tuple[str | None, str]:
    """The group and the own name of a setting; no group for what may be a law's number.

    Raises:
        ArgumentError: no setting has that name.
    """
    group, dot, setting = name.partition(".")
    if not dot:
        group, setting = _GROUP_OF.get(name, ""), name
    if group in ClipSpec.model_fields and setting in _groups()[group].model_fields:
        return group, setting
    if dot and group not in ClipSpec.model_fields:
        return None, name
    raise ArgumentError(f"setting: given {name!r:.80}; allowed are {', '.join(_GROUP_OF)}")
