"""What a folder of shards holds, in one value: from it every name and every byte follows."""

from __future__ import annotations

import json
import operator
import os
import shlex
from dataclasses import dataclass
from typing import Any, Protocol

from trajdata._errors import ShardError, SpecMismatchError
from trajdata._shards.layout import KEY_DIGITS, RecordLayout, default_shard_clips, record_layout
from trajdata._shards.strict_json import expect
from trajdata._spec.model import ClipSpec
from trajdata._spec.presets import preset, presets

__all__ = ["MOST_SHARDS", "Recipe", "stream_differences"]

MOST_SHARDS = 250_000
"""Keeps index.json below its bound, and a shard's name at six digits."""


@dataclass(frozen=True)
class Recipe:
    """The stream that is baked, and how it is cut.

    Attributes:
        spec: the distribution.
        seed: of the stream.
        split: of the stream.
        clips: how many; the folder holds clips [0, clips).
        shard_clips: shard k holds clips [k * shard_clips, (k + 1) * shard_clips).
        fingerprint: of the spec, by the FORMAT that wrote the folder.

    Raises:
        ValueError: names the field, the value given and what is allowed.
    """

    spec: ClipSpec
    seed: int
    split: str
    clips: int
    shard_clips: int
    fingerprint: str

    def __post_init__(self) -> None:
        for name, least, most in (
            ("seed", 0, 2**63 - 1),
            ("clips", 1, 10**KEY_DIGITS),
            ("shard_clips", 1, 2**31 - 1),
        ):
            given = getattr(self, name)
            allowed = f"allowed is a whole number from {least} to {most}"
            if isinstance(given, bool):
                raise ValueError(f"{name}: given {given!r}; {allowed}")
            try:
                number = operator.index(given)
            except TypeError as error:
                raise ValueError(f"{name}: given {given!r:.80}; {allowed}") from error
            if not least <= number <= most:
                raise ValueError(f"{name}: given {number}; {allowed}")
            object.__setattr__(self, name, number)
        if self.split not in self.spec.splits:
            allowed = ", ".join(self.spec.splits)
            raise ValueError(f"split: given {self.split!r:.80}; allowed are {allowed}")
        if self.shards > MOST_SHARDS:
            least = -(-self.clips // MOST_SHARDS)
            raise ValueError(
                f"shard_clips: given {self.shard_clips}; {self.clips} clips allow {least} or more, "
                f"as there are at most {MOST_SHARDS} shards"
            )

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return -(-self.clips // self.shard_clips)

    @property
    def layout(self) -> RecordLayout:
        """The layout of the records."""
        return record_layout(self.spec)

    def shard_name(self, shard: int) -> str:
        """File name of a shard."""
        return f"{self.split}-{shard:06d}.tar"

    def shard_names(self) -> list[str]:
        """File names of all shards, in order."""
        return [self.shard_name(shard) for shard in range(self.shards)]

    def indices(self, shard: int) -> range:
        """The clips that a shard holds."""
        first = shard * self.shard_clips
        return range(first, min(first + self.shard_clips, self.clips))

    def as_json(self) -> dict[str, Any]:
        """For recipe.json and index.json."""
        return {
            "clips": self.clips,
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
            ShardError: names the file and what is wrong with it.
        """
        spec = expect(value, "spec", dict, file)
        numbers = {
            name: expect(value, name, int, file) for name in ("seed", "clips", "shard_clips")
        }
        split = expect(value, "split", str, file)
        fingerprint = expect(value, "fingerprint", str, file)
        try:
            return Recipe(ClipSpec.from_json(spec), split=split, fingerprint=fingerprint, **numbers)
        except ValueError as error:
            raise ShardError(file, expected="a valid recipe", found=str(error)) from error

    def command(self, folder: str | os.PathLike[str]) -> str:
        """The shell command that bakes this recipe into a folder, or goes on with it."""
        where = os.fspath(folder)
        name = next((name for name in presets() if preset(name) == self.spec), None)
        own_cut = self.shard_clips != default_shard_clips(self.spec)
        if name is None:
            spec = json.dumps(self.spec.as_json())
            cut = f", shard_clips={self.shard_clips}" if own_cut else ""
            return shlex.join(
                [
                    "python",
                    "-c",
                    f"import trajdata; trajdata.materialize("
                    f"trajdata.ClipSpec.from_json({spec!r}), {where!r}, "
                    f"seed={self.seed}, split={self.split!r}, clips={self.clips}{cut})",
                ]
            )
        words = ["trajdata", "materialize", "--preset", name, "--seed", str(self.seed)]
        words += ["--split", self.split, "--clips", str(self.clips), "--out", where]
        if own_cut:
            words += ["--shard-clips", str(self.shard_clips)]
        return shlex.join(words)

    def check_format(self, file: str | os.PathLike[str]) -> None:
        """Refuse a folder that another FORMAT wrote: its clips are not those that we would draw.

        Raises:
            ShardError: it is such a folder.
        """
        if self.fingerprint != self.spec.fingerprint:
            raise ShardError(
                file,
                expected=f"fingerprint {self.spec.fingerprint}, this version's for the spec",
                found=f"{self.fingerprint:.80}",
            )

    def check_same(self, held: Recipe, folder: str | os.PathLike[str]) -> None:
        """Refuse a folder that holds something else than this recipe asks for.

        Raises:
            SpecMismatchError: names the fields that differ.
        """
        differences = stream_differences(self, held)
        for name in ("clips", "shard_clips"):
            asked, there = getattr(self, name), getattr(held, name)
            if asked != there:
                differences[name] = (asked, there)
        if self.fingerprint != held.fingerprint and not differences:
            differences["fingerprint"] = (self.fingerprint, held.fingerprint)
        if differences:
            raise SpecMismatchError(os.fspath(folder), differences)


class _Stream(Protocol):
    """What has a spec, a seed and a split: a recipe, or a source."""

    @property
    def spec(self) -> ClipSpec: ...
    @property
    def seed(self) -> int: ...
    @property
    def split(self) -> str: ...


def stream_differences(asked: _Stream, held: _Stream) -> dict[str, tuple[object, object]]:
    """Where two streams differ: field name -> (what is asked for, what is held)."""
    left, right = asked.spec.settings(), held.spec.settings()
    pairs: dict[str, tuple[object, object]] = {
        f"spec.{name}": (left.get(name), right.get(name)) for name in {**left, **right}
    }
    pairs["seed"] = asked.seed, held.seed
    pairs["split"] = asked.split, held.split
    return {name: (left, right) for name, (left, right) in pairs.items() if left != right}
