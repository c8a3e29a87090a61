"""The recipe of a store, from which every file name and every byte of the shards follows."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from functools import cached_property
from typing import Any

from trajdata._checks import whole_number
from trajdata._clips.fields import DEFAULT_FIELDS, TEXT_FIELDS
from trajdata._clips.source_protocol import Source
from trajdata._errors import ArgumentError, ShardError, SpecMismatchError
from trajdata._shards.layout import (
    KEY_DIGITS,
    STANDARD_ARRAYS,
    RecordLayout,
    check_array_fields,
    default_shard_clips,
    record_layout,
)
from trajdata._shards.strict_json import SEAL, canonical, check_spelling, expect, parse, sealed
from trajdata._spec.model import ClipSpec
from trajdata._spec.presets import nearest_preset

__all__ = [
    "MOST_SHARDS",
    "RECIPE_BYTES",
    "Recipe",
    "parse_recipe",
    "stream_differences",
    "stream_words",
]

MOST_SHARDS = 1_000_000
"""This limit keeps index.json below its largest size, and the number in a shard's name at six
digits."""

RECIPE_BYTES = 2**20
"""The largest size of a recipe file."""


@dataclass(frozen=True)
class Recipe:
    """The stream that is baked, which part of it is stored, and how it is cut into shards.

    Attributes:
        spec: the spec of the stream.
        seed: the seed of the stream.
        split: the split of the stream.
        clips: number of clips; the store holds the clips [0, clips).
        shard_clips: shard k holds the clips [k * shard_clips, (k + 1) * shard_clips).
        fingerprint: fingerprint of the spec, in the FORMAT of the version that wrote the store.
        fields: array fields that a record stores beside the video, in the order of ``FIELDS``.

    Raises:
        ArgumentError: names the field, the value given and what is allowed.
    """

    spec: ClipSpec
    seed: int
    split: str
    clips: int
    shard_clips: int
    fingerprint: str
    fields: tuple[str, ...] = STANDARD_ARRAYS

    def __post_init__(self) -> None:
        for name, least, most in (
            ("seed", 0, 2**63 - 1),
            ("clips", 1, 10**KEY_DIGITS),
            ("shard_clips", 1, 2**31 - 1),
        ):
            object.__setattr__(self, name, whole_number(name, getattr(self, name), least, most))
        object.__setattr__(self, "fields", check_array_fields(self.fields))
        if self.split not in self.spec.splits:
            allowed = ", ".join(self.spec.splits)
            raise ArgumentError(f"split: given {self.split!r:.80}; allowed are {allowed}")
        if self.shards > MOST_SHARDS:
            least = -(-self.clips // MOST_SHARDS)
            raise ArgumentError(
                f"shard_clips: given {self.shard_clips}; {self.clips} clips allow {least} or more, "
                f"as there are at most {MOST_SHARDS} shards"
            )

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return -(-self.clips // self.shard_clips)

    def __getstate__(self) -> dict[str, Any]:
        # Tasks take recipes to other processes. The cached layout follows from the other fields, so
        # it need not be pickled.
        return {item.name: getattr(self, item.name) for item in dataclass_fields(self)}

    @cached_property
    def layout(self) -> RecordLayout:
        """The layout of the records."""
        return record_layout(self.spec, self.fields)

    def shard_name(self, shard: int) -> str:
        """File name of a shard."""
        return f"{self.split}-{shard:06d}.tar"

    def shard_of(self, name: str) -> int | None:
        """The number of the shard that has this file name; None if no shard has it."""
        digits = name.removeprefix(f"{self.split}-").removesuffix(".tar")
        shard = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else -1
        return shard if 0 <= shard < self.shards and name == self.shard_name(shard) else None

    def indices(self, shard: int) -> range:
        """The clips that a shard holds."""
        first = shard * self.shard_clips
        return range(first, min(first + self.shard_clips, self.clips))

    def shard_bytes(self, shard: int) -> int:
        """Length in bytes of a shard's file."""
        return self.layout.shard_bytes(len(self.indices(shard)))

    def to_bytes(self) -> bytes:
        """The bytes of the recipe's own file."""
        return canonical(sealed(self.as_json()))

    def as_json(self) -> dict[str, Any]:
        """The JSON value of the recipe, for recipe.json and index.json."""
        return {
            "clips": self.clips,
            "fields": list(self.fields),
            "fingerprint": self.fingerprint,
            "seed": self.seed,
            "shard_clips": self.shard_clips,
            "spec": self.spec.as_json(),
            "split": self.split,
        }

    @staticmethod
    def from_json(value: dict[str, Any], file: str | os.PathLike[str]) -> Recipe:
        """The inverse of ``as_json``.

        Raises:
            ShardError: ``value`` is no valid recipe; names the file and what is wrong.
        """
        spec = expect(value, "spec", dict, file)
        numbers = {
            name: expect(value, name, int, file) for name in ("seed", "clips", "shard_clips")
        }
        split = expect(value, "split", str, file)
        fingerprint = expect(value, "fingerprint", str, file)
        fields = expect(value, "fields", list, file)
        if not all(isinstance(name, str) for name in fields):
            raise ShardError(file, expected="fields: names", found=f"{fields!r:.80}")
        try:
            recipe = Recipe(
                ClipSpec.from_json(spec),
                split=split,
                fingerprint=fingerprint,
                fields=tuple(fields),
                **numbers,
            )
        except ValueError as error:
            raise ShardError(file, expected="a valid recipe", found=str(error)) from error
        if list(recipe.fields) != fields:
            due = list(recipe.fields)
            raise ShardError(file, expected=f"fields in the order {due}", found=f"{fields!r:.200}")
        return recipe

    def command(self, where: str) -> str:
        """The shell command that begins or continues a bake of this recipe into a store."""
        words = ["trajdata", "materialize", *stream_words(self.spec, self.seed, self.split)]
        words += ["--clips", str(self.clips), "--out", where]
        if self.fields != STANDARD_ARRAYS:
            words += ["--fields", ",".join(self.fields)]
        if self.shard_clips != default_shard_clips(self.spec):
            words += ["--shard-clips", str(self.shard_clips)]
        return shlex.join(words)

    def check_holds(self, fields: Sequence[str]) -> None:
        """Check that the store holds all of these fields.

        Raises:
            ArgumentError: names the missing fields and those that the store holds.
        """
        held = (*DEFAULT_FIELDS, *self.fields, *TEXT_FIELDS)
        if missing := [name for name in fields if name not in held]:
            raise ArgumentError(
                f"fields: given {', '.join(missing)}, which the store does not hold; "
                f"allowed are {', '.join(held)}, or trajdata.read_through, which renders the others"
            )

    def check_format(self, file: str | os.PathLike[str]) -> None:
        """Check that the store was written with this version's FORMAT: with another one, the same
        spec means other clips.

        Raises:
            ShardError: the store has another FORMAT.
        """
        if self.fingerprint != self.spec.fingerprint:
            raise ShardError(
                file,
                expected=f"fingerprint {self.spec.fingerprint}, this version's for the spec",
                found=f"{self.fingerprint:.80}",
            )

    def check_same(self, held: Recipe, where: str) -> None:
        """Check that a store's recipe, ``held``, is this one.

        Raises:
            SpecMismatchError: names the fields that differ.
        """
        differences = stream_differences(self, held)
        for name in ("clips", "shard_clips", "fields"):
            asked, there = getattr(self, name), getattr(held, name)
            if asked != there:
                differences[name] = (asked, there)
        if self.fingerprint != held.fingerprint and not differences:
            differences["fingerprint"] = (self.fingerprint, held.fingerprint)
        if differences:
            raise SpecMismatchError(where, differences)


def parse_recipe(data: bytes, file: str) -> Recipe:
    """Read a recipe file.

    Raises:
        ShardError: the file is damaged.
    """
    value = parse(data, file, RECIPE_BYTES)
    value.pop(SEAL, None)
    # The spelling is checked for the value as it was parsed, and not for the recipe made of it:
    # the recipe of another version may have other keys.
    check_spelling(data, sealed(value), file)
    return Recipe.from_json(value, file)


def stream_words(spec: ClipSpec, seed: int, split: str) -> list[str]:
    """The options of the command line that name a stream: its ``spec``, ``seed`` and ``split``."""
    name, changes = nearest_preset(spec)
    words = ["--preset", name]
    for setting, value in changes.items():
        words += ["--set", f"{setting}={_option(value)}"]
    return [*words, "--seed", str(seed), "--split", split]


def _option(value: object) -> str:
    """A setting's value as ``--set`` takes it."""
    if isinstance(value, tuple):
        return ",".join(_option(part) for part in value)
    return value if isinstance(value, str) else json.dumps(value)


def stream_differences(
    asked: Source | Recipe, held: Source | Recipe
) -> dict[str, tuple[object, object]]:
    """The differences of two streams: field name -> (value asked for, value held)."""
    left, right = asked.spec.settings(), held.spec.settings()
    pairs: dict[str, tuple[object, object]] = {
        f"spec.{name}": (left.get(name), right.get(name)) for name in {**left, **right}
    }
    pairs["seed"] = asked.seed, held.seed
    pairs["split"] = asked.split, held.split
    return {name: (left, right) for name, (left, right) in pairs.items() if left != right}
