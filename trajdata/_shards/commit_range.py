"""The commit records of a thousand consecutive shards, in one file that takes their place.

A shard is committed by a record of its own. When those of a whole range are there, a bake folds
them: it writes one file for the range, and then removes the single ones. So a store of a million
shards keeps a thousand such files, and whoever reads it makes a thousand requests.

A range is folded only when all its shards have ``shard_clips`` clips. So a short last shard always
has a record of its own, and the file of a range stays what it is however the store grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._errors import ShardError
from trajdata._shards.commit_record import Commit
from trajdata._shards.commits import Commits
from trajdata._shards.hashes import Hashes
from trajdata._shards.recipe import Recipe
from trajdata._shards.strict_json import canonical, check_spelling, expect, parse, sealed

__all__ = [
    "RANGE_BYTES",
    "RANGE_SHARDS",
    "CommitRange",
    "parse_range",
    "range_file",
    "range_of",
    "range_with",
    "ranges_of",
    "shards_of",
]

RANGE_SHARDS = 1000
"""Shards of a range. The number is part of the format and never changes."""

RANGE_BYTES = 4 * 2**20
"""The file of a range is no longer than this; a range that would be longer is not folded."""

_SHA256_DIGITS = 64


@dataclass(frozen=True, eq=False)
class CommitRange:
    """What the file of one range says.

    Attributes:
        recipe: the recipe of the store.
        number: range r has the shards from r * 1000 on.
        hashes: of the shards' files.
        labels: int32 (1000, classes), how many clips of each class each shard holds.
    """

    recipe: Recipe
    number: int
    hashes: Hashes
    labels: NDArray[np.int32]

    @staticmethod
    def of(commits: Commits, number: int) -> CommitRange:
        """The range of which all commit records are held."""
        shards = shards_of(number)
        return CommitRange(commits.recipe, number, commits.hashes(shards), commits.labels(shards))

    def __getitem__(self, shard: int) -> Commit:
        """The commit record of one of the shards."""
        row = shard - self.shards.start
        labels = tuple(self.labels[row].tolist())
        return Commit.of(self.recipe, shard, self.hashes[row], labels)

    @property
    def shards(self) -> range:
        """The shards of the range."""
        return shards_of(self.number)

    def to_bytes(self) -> bytes:
        """The bytes of the file, the same whoever folds the range."""
        return canonical(self.as_json())

    def as_json(self) -> dict[str, Any]:
        """The JSON value of the file."""
        rows = zip(self.hashes, self.labels.tolist(), strict=True)
        lines = [" ".join([sha256, *map(str, counts)]) for sha256, counts in rows]
        return sealed({**_stream(self.recipe, self.number), "commits": lines})


def ranges_of(recipe: Recipe) -> int:
    """How many ranges a store has of which every shard has ``shard_clips`` clips."""
    return recipe.clips // recipe.shard_clips // RANGE_SHARDS


def shards_of(number: int) -> range:
    """The shards of a range."""
    return range(number * RANGE_SHARDS, (number + 1) * RANGE_SHARDS)


def range_with(shard: int) -> int:
    """The number of the range that a shard is in."""
    return shard // RANGE_SHARDS


def range_file(number: int) -> str:
    """File name of a range: its first and its last shard."""
    shards = shards_of(number)
    return f"{shards.start:06d}-{shards.stop - 1:06d}.json"


def range_of(name: str, recipe: Recipe) -> int | None:
    """The number of the range whose file has this name; None if no range of the recipe has it."""
    digits = name.partition("-")[0]
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10):
        return None
    number = int(digits) // RANGE_SHARDS
    return number if number < ranges_of(recipe) and name == range_file(number) else None


def parse_range(data: bytes, file: str, recipe: Recipe, number: int) -> CommitRange:
    """Read the file of a range.

    Args:
        data: the file's bytes.
        file: the file's path, for errors.
        recipe: the store's recipe.
        number: the range that the file is named after.

    Raises:
        ShardError: the file is damaged, or belongs to another stream or another range.
    """
    value = parse(data, file, RANGE_BYTES)
    for name, expected in _stream(recipe, number).items():
        found = expect(value, name, type(expected), file)
        if found != expected:
            raise ShardError(file, expected=f"{name} {expected!r}", found=f"{found!r:.80}")
    lines = expect(value, "commits", list, file)
    if len(lines) != RANGE_SHARDS:
        raise ShardError(file, expected=f"{RANGE_SHARDS} commits", found=f"{len(lines)}")
    digests, labels = bytearray(), np.zeros((RANGE_SHARDS, len(recipe.spec.laws)), np.int32)
    for row, line in enumerate(lines):
        counts = _counts(line, recipe)
        if counts is None:
            shard = shards_of(number)[row]
            raise ShardError(
                file,
                expected=f"SHA-256 and labels that count {recipe.shard_clips} clips of shard "
                f"{shard}",
                found=f"{line!r:.200}",
            )
        digests += bytes.fromhex(line[:_SHA256_DIGITS])
        labels[row] = counts
    found_range = CommitRange(recipe, number, Hashes(bytes(digests)), labels)
    check_spelling(data, found_range.as_json(), file)
    return found_range


def _stream(recipe: Recipe, number: int) -> dict[str, Any]:
    """Which shards of which stream a range holds the commit records of."""
    return {
        "filesize": recipe.shard_bytes(0),
        "fingerprint": recipe.fingerprint,
        "first": shards_of(number).start,
        "seed": recipe.seed,
        "shard_clips": recipe.shard_clips,
        "split": recipe.split,
    }


def _counts(line: object, recipe: Recipe) -> list[int] | None:
    """The clips of each class that a line names after a hash; None if it is no such line."""
    if not isinstance(line, str):
        return None
    sha256, *words = line.split(" ")
    # Spelling and hex are compared at the end, with those that the values have.
    if len(sha256) != _SHA256_DIGITS or len(words) != len(recipe.spec.laws):
        return None
    try:
        is_whole = len(bytes.fromhex(sha256)) == _SHA256_DIGITS // 2
        counts = [int(word) for word in words if len(word) <= 10]
    except ValueError:
        return None
    adds_up = min(counts, default=-1) >= 0 and sum(counts) == recipe.shard_clips
    return counts if is_whole and adds_up and len(counts) == len(words) else None
