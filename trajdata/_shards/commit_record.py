"""The commit record of a shard: a small file which says that the shard is committed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from trajdata._errors import ShardError
from trajdata._shards.hashes import is_sha256
from trajdata._shards.recipe import Recipe
from trajdata._shards.strict_json import canonical, check_spelling, expect, parse, sealed

__all__ = ["COMMIT_BYTES", "Commit", "commit_file", "parse_commit", "shard_of"]

COMMIT_BYTES = 2**20
"""A commit record's file is no longer than this."""


@dataclass(frozen=True)
class Commit:
    """What the commit record of one shard says.

    Attributes:
        shard: the shard's number.
        url: the shard's file name.
        clips: how many clips the shard holds.
        filesize: size of the shard's file in bytes.
        sha256: SHA-256 of the shard's file, hex.
        labels: how many clips of each class the shard holds.
        fingerprint, seed, split, shard_clips: the stream, and how many clips a shard of it holds.
    """

    shard: int
    url: str
    clips: int
    filesize: int
    sha256: str
    labels: tuple[int, ...]
    fingerprint: str
    seed: int
    split: str
    shard_clips: int

    @staticmethod
    def of(recipe: Recipe, shard: int, sha256: str, labels: tuple[int, ...]) -> Commit:
        """The commit record of a shard of this recipe."""
        return Commit(
            shard=shard,
            url=recipe.shard_name(shard),
            clips=len(recipe.indices(shard)),
            filesize=recipe.shard_bytes(shard),
            sha256=sha256,
            labels=labels,
            fingerprint=recipe.fingerprint,
            seed=recipe.seed,
            split=recipe.split,
            shard_clips=recipe.shard_clips,
        )

    def to_bytes(self) -> bytes:
        """The bytes of the commit record's file."""
        return canonical(self.as_json())

    def as_json(self) -> dict[str, Any]:
        """The JSON value of the commit record's file."""
        return sealed({**vars(self), "labels": list(self.labels)})


def commit_file(shard: int) -> str:
    """File name of a shard's commit record."""
    return f"{shard:06d}.json"


def shard_of(name: str, recipe: Recipe, file: str) -> int:
    """The number of the shard whose commit record has this file name.

    Raises:
        ShardError: no commit record of the recipe has this name.
    """
    digits = name.removesuffix(".json")
    shard = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else -1
    if not 0 <= shard < recipe.shards or name != commit_file(shard):
        raise ShardError(
            file,
            expected=f"the name of a commit record of {recipe.shards} shards",
            found=f"{name!r:.200}",
        )
    return shard


def parse_commit(data: bytes, file: str, recipe: Recipe, shard: int) -> Commit:
    """Read a commit record.

    It may be for fewer clips than the shard must have now: then it belongs to the short last shard
    of a store that has grown since.

    Args:
        data: the file's bytes.
        file: the file's path, for errors.
        recipe: the store's recipe.
        shard: the shard that the file is named after.

    Raises:
        ShardError: the file is damaged, or belongs to another stream or another shard.
    """
    value = parse(data, file, COMMIT_BYTES)
    sha256 = expect(value, "sha256", str, file)
    if not is_sha256(sha256):
        raise ShardError(file, expected="sha256 in hex", found=f"{sha256!r:.80}")
    labels = expect(value, "labels", list, file)
    clips = expect(value, "clips", int, file)
    first = recipe.indices(shard).start
    if 0 < clips < len(recipe.indices(shard)):
        recipe = replace(recipe, clips=first + clips)
    due = Commit.of(recipe, shard, sha256, ())
    for name, expected in vars(due).items():
        if name == "labels":
            continue
        found = expect(value, name, type(expected), file)
        if found != expected:
            raise ShardError(file, expected=f"{name} {expected!r}", found=f"{found!r:.80}")
    if (
        len(labels) != len(recipe.spec.laws)
        or any(type(number) is not int or number < 0 for number in labels)
        or sum(labels) != due.clips
    ):
        raise ShardError(
            file, expected=f"labels that count {due.clips} clips", found=f"{labels!r:.80}"
        )
    commit = Commit.of(recipe, shard, sha256, tuple(labels))
    check_spelling(data, commit.as_json(), file)
    return commit
