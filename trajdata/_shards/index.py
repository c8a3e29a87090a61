"""index.json: what a complete store holds, as a ``wids-shard-index-v1`` with one more key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from trajdata._errors import ShardError
from trajdata._shards.recipe import Recipe
from trajdata._shards.strict_json import (
    canonical,
    check_spelling_of,
    expect,
    parse,
    sealed,
)

__all__ = ["INDEX", "INDEX_BYTES", "Index", "is_sha256", "parse_index"]

INDEX = "index.json"
INDEX_BYTES = 64 * 2**20
"""The largest size of an index."""

_SMALL_BYTES = 2**20
"""Up to this size, an index is parsed as JSON, so that an error can say what is wrong with it."""

_SHARDLIST_END = b'\n  ],\n  "trajdata": {\n'
_SHA256_START = b'\n    "sha256": [\n'
_SHA256_END = b"\n    ],\n"
_SHA256_LINE = len(b'      "') + 64 + len(b'",\n')


@dataclass(frozen=True)
class Index:
    """A recipe and the SHA-256 (hex) of each of its shards, in order."""

    recipe: Recipe
    sha256: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """The bytes of the file, the same for the same index."""
        return b"".join(self.spelling())

    def spelling(self) -> Iterator[bytes]:
        """The bytes of the file, canonical JSON, in pieces."""
        recipe, last = self.recipe, self.recipe.shards - 1
        yield b'{\n  "shardlist": [\n'
        for shard in range(recipe.shards):
            yield (
                f'    {{\n      "filesize": {recipe.shard_bytes(shard)},\n'
                f'      "nsamples": {len(recipe.indices(shard))},\n'
                f'      "url": "{recipe.shard_name(shard)}"\n    }}{"," if shard < last else ""}\n'
            ).encode("ascii")
        ours = {**recipe.as_json(), "record": recipe.layout.as_json(), "sha256": list(self.sha256)}
        # `canonical` does not know that this value stands inside another one: indent it by two.
        text = canonical(sealed(ours)).rstrip().replace(b"\n", b"\n  ")
        yield b'  ],\n  "trajdata": ' + text + b',\n  "wids_version": 1\n}\n'


def parse_index(data: bytes, file: str) -> Index:
    """The index that a file holds.

    Names of shards follow from the recipe; those in the index must agree, and are not used. The
    file must have exactly the bytes that an index of its recipe and hashes has. Work and memory are
    bounded by the length of the file: of a long index, only a short part is parsed as JSON.

    Args:
        data: the file's bytes.
        file: the file's path, for errors.

    Raises:
        ShardError: the index is damaged, or contradicts itself.
    """
    if len(data) > INDEX_BYTES:
        raise ShardError(file, expected=f"at most {INDEX_BYTES} bytes", found="more")
    index = (_parse_long if len(data) > _SMALL_BYTES else _parse_short)(data, file)
    check_spelling_of(data, index.spelling(), file)
    return index


def _parse_short(data: bytes, file: str) -> Index:
    whole = parse(data, file, _SMALL_BYTES)
    if expect(whole, "wids_version", int, file) != 1:
        raise ShardError(file, expected="wids_version 1", found=f"{whole['wids_version']}")
    ours = expect(whole, "trajdata", dict, file)
    recipe = _recipe(ours, file)
    sha256 = expect(ours, "sha256", list, file)
    # A hostile recipe may claim very many shards: compare lengths before making any list of them.
    for name, held in (("sha256", sha256), ("shardlist", expect(whole, "shardlist", list, file))):
        if len(held) != recipe.shards:
            raise ShardError(file, expected=f"{name} of {recipe.shards}", found=f"{len(held)}")
    _check_hashes(sha256, file)
    for shard, held in enumerate(whole["shardlist"]):
        due = {
            "url": recipe.shard_name(shard),
            "nsamples": len(recipe.indices(shard)),
            "filesize": recipe.shard_bytes(shard),
        }
        if held != due:
            raise ShardError(file, expected=f"shardlist[{shard}] = {due}", found=f"{held!r:.200}")
    return Index(recipe, tuple(sha256))


def _parse_long(data: bytes, file: str) -> Index:
    """Parse the index of many shards: cut out the hashes, and parse the rest, which is short."""
    start = data.find(_SHARDLIST_END)
    listed = data.find(_SHA256_START, start)
    end = data.find(_SHA256_END, listed)
    if min(start, listed, end) < 0:
        raise ShardError(
            file, expected="an index with its shardlist and its hashes", found="not all of these"
        )
    first = listed + len(_SHA256_START)
    # The parts that are skipped here are checked at the end, where ``parse_index`` compares the
    # whole file with the bytes that it must have.
    rest = b"{" + data[start + len(_SHARDLIST_END) : first - 1] + data[end + 5 :]
    ours = expect(parse(b'{"trajdata": ' + rest, file, _SMALL_BYTES), "trajdata", dict, file)
    recipe = _recipe(ours, file)
    count = (end - first + 2) // _SHA256_LINE
    if count != recipe.shards:
        raise ShardError(file, expected=f"sha256 of {recipe.shards}", found=f"{count}")
    places = range(first + 7, end, _SHA256_LINE)
    sha256 = tuple(data[at : at + 64].decode("latin-1") for at in places)
    _check_hashes(sha256, file)
    return Index(recipe, sha256)


def _check_hashes(sha256: Iterable[object], file: str) -> None:
    for shard, digest in enumerate(sha256):
        if not is_sha256(digest):
            raise ShardError(
                file, expected=f"a SHA-256 in hex for shard {shard}", found=f"{digest!r:.80}"
            )


def _recipe(ours: dict[str, Any], file: str) -> Recipe:
    recipe = Recipe.from_json(ours, file)
    recipe.check_format(file)
    if ours.get("record") != recipe.layout.as_json():
        raise ShardError(
            file, expected="the record layout of its spec", found=f"{ours.get('record')!r:.200}"
        )
    return recipe


def is_sha256(value: object) -> bool:
    """Whether a value is a SHA-256 in hex: 64 digits, lower-case."""
    return isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef")
