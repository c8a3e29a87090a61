"""index.json: what a complete store holds. A ``wids-shard-index-v1`` with one key more."""

from __future__ import annotations

from dataclasses import dataclass

from trajdata._errors import ShardError
from trajdata._shards.recipe import Recipe
from trajdata._shards.strict_json import canonical, check_spelling, expect, parse, sealed

__all__ = ["INDEX", "Index", "index_limit", "is_sha256", "parse_index"]

INDEX = "index.json"
_MOST_BYTES = 64 * 2**20
_FREE_BYTES = 2**20
_BYTES_A_SHARD = 256


@dataclass(frozen=True)
class Index:
    """A recipe and the SHA-256 (hex) of each of its shards, in order."""

    recipe: Recipe
    sha256: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """The file, the same bytes for the same index."""
        return canonical(self.as_json())

    def as_json(self) -> dict[str, object]:
        """What the file says."""
        ours = {
            **self.recipe.as_json(),
            "record": self.recipe.layout.as_json(),
            "sha256": list(self.sha256),
        }
        return {
            "wids_version": 1,
            "shardlist": _shardlist(self.recipe),
            "trajdata": sealed(ours),  # the rest follows from it
        }


def index_limit(names: int) -> int:
    """Bytes of the longest index that is read, given how many files lie beside it.

    An index that is longer than those files can justify is not even read.
    """
    return min(_MOST_BYTES, _FREE_BYTES + _BYTES_A_SHARD * names)


def parse_index(data: bytes, file: str, limit: int) -> Index:
    """The index that a file holds.

    Names of files are never taken from it: they follow from the recipe, and must agree.

    Args:
        data: the file's bytes.
        file: its path, for the errors.
        limit: most bytes.

    Raises:
        ShardError: it is damaged, or contradicts itself.
    """
    whole = parse(data, file, limit)
    if expect(whole, "wids_version", int, file) != 1:
        raise ShardError(file, expected="wids_version 1", found=f"{whole['wids_version']}")
    ours = expect(whole, "trajdata", dict, file)
    recipe = Recipe.from_json(ours, file)
    recipe.check_format(file)
    sha256 = expect(ours, "sha256", list, file)
    # A hostile recipe may claim a million shards: compare lengths before making any list.
    for name, held in (("sha256", sha256), ("shardlist", expect(whole, "shardlist", list, file))):
        if len(held) != recipe.shards:
            raise ShardError(file, expected=f"{name} of {recipe.shards}", found=f"{len(held)}")
    for shard, digest in enumerate(sha256):
        if not is_sha256(digest):
            raise ShardError(
                file, expected=f"a SHA-256 in hex for shard {shard}", found=f"{digest!r:.80}"
            )
    if ours.get("record") != recipe.layout.as_json():
        raise ShardError(
            file, expected="the record layout of its spec", found=f"{ours.get('record')!r:.200}"
        )
    for shard, (held, due) in enumerate(zip(whole["shardlist"], _shardlist(recipe), strict=True)):
        if held != due:
            raise ShardError(file, expected=f"shardlist[{shard}] = {due}", found=f"{held!r:.200}")
    index = Index(recipe, tuple(sha256))
    check_spelling(data, index.as_json(), file)
    return index


def _shardlist(recipe: Recipe) -> list[dict[str, object]]:
    return [
        {
            "url": recipe.shard_name(shard),
            "nsamples": len(recipe.indices(shard)),
            "filesize": recipe.shard_bytes(shard),
        }
        for shard in range(recipe.shards)
    ]


def is_sha256(value: object) -> bool:
    """Whether it is the spelling of a SHA-256, 64 lower-case hex digits."""
    return isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef")
