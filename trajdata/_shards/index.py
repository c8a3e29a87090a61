"""index.json: what a complete store holds. A ``wids-shard-index-v1`` with one key more."""

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
"""An index is no longer than this."""

_SMALL_BYTES = 2**20
"""Up to so many bytes an index is parsed as JSON, to say what is wrong with it."""

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
        """The file, the same bytes for the same index."""
        return b"".join(self.spelling())

    def spelling(self) -> Iterator[bytes]:
        """The bytes of the file in pieces: the canonical JSON of what it says."""
        recipe, last = self.recipe, self.recipe.shards - 1
        yield b'{\n  "shardlist": [\n'
        for shard in range(recipe.shards):
            yield (
                f'    {{\n      "filesize": {recipe.shard_bytes(shard)},\n'
                f'      "nsamples": {len(recipe.indices(shard))},\n'
                f'      "url": "{recipe.shard_name(shard)}"\n    }}{"," if shard < last else ""}\n'
            ).encode("ascii")
        ours = {**recipe.as_json(), "record": recipe.layout.as_json(), "sha256": list(self.sha256)}
        # All but the outermost braces is two blanks further to the right than canonical has it.
        text = canonical(sealed(ours)).rstrip().replace(b"\n", b"\n  ")
        yield b'  ],\n  "trajdata": ' + text + b',\n  "wids_version": 1\n}\n'


def parse_index(data: bytes, file: str) -> Index:
    """The index that a file holds.

    Names of files are never taken from it: they follow from the recipe, and must agree. Work and
    memory are bounded by the file's length: a long index must be spelled as one is, line by line,
    before anything is made of it.

    Args:
        data: the file's bytes.
        file: its path, for the errors.

    Raises:
        ShardError: it is damaged, or contradicts itself.
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
    # A hostile recipe may claim a million shards: compare lengths before making any list.
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
    """The index of many shards: the hashes are cut out, and what is left is short."""
    start = data.find(_SHARDLIST_END)
    listed = data.find(_SHA256_START, start)
    end = data.find(_SHA256_END, listed)
    if min(start, listed, end) < 0:
        raise ShardError(
            file, expected=f"an index, as one of more than {_SMALL_BYTES} bytes is", found="no such"
        )
    first = listed + len(_SHA256_START)
    # What is spelled otherwise than it must be is found at the end, when all of it is compared.
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
    """Whether it is the spelling of a SHA-256, 64 lower-case hex digits."""
    return isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef")
