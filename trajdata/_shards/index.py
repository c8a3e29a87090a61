"""index.json: what a complete store holds, as a ``wids-shard-index-v1`` with one more key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trajdata._errors import ShardError
from trajdata._shards.hashes import Hashes, digests_of, is_sha256
from trajdata._shards.recipe import Recipe
from trajdata._shards.strict_json import SEAL, canonical, check_spelling_of, expect, parse

__all__ = ["INDEX", "INDEX_BYTES", "INDEX_END", "Index", "parse_index"]

INDEX = "index.json"
INDEX_BYTES = 256 * 2**20
"""The largest size of an index; a million shards take 160 MiB."""

INDEX_END = b',\n  "wids_version": 1\n}\n'
"""How every index ends."""

_SMALL_BYTES = 2**20
"""Up to this size, an index is parsed as JSON, so that an error can say what is wrong with it."""

_SHARDLIST_END = b'\n  ],\n  "trajdata": {\n'
_SHA256_START = b'\n    "sha256": [\n'
_SHA256_END = b"\n    ],\n"
_SHA256_LINE = len(b'      "') + 64 + len(b'",\n')
_OWN_LIST = b'\n  "sha256": [\n'
_NO_HASH = b'    ""\n'
_LINES = 4096
"""Hashes of a piece of the spelling."""


@dataclass(frozen=True)
class Index:
    """A recipe and the SHA-256 (hex) of each of its shards, in order.

    Any sequence of texts may be given; it is held as ``Hashes``.
    """

    recipe: Recipe
    sha256: Sequence[str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha256", self.hashes)

    @property
    def hashes(self) -> Hashes:
        """``sha256`` as it is held."""
        return self.sha256 if isinstance(self.sha256, Hashes) else Hashes.of(self.sha256)

    def to_bytes(self) -> bytes:
        """The bytes of the file, the same for the same index."""
        return b"".join(self.spelling())

    def spelling(self) -> Iterator[bytes]:
        """The bytes of the file, canonical JSON, in pieces."""
        recipe, last = self.recipe, self.recipe.shards - 1
        yield b'{\n  "shardlist": [\n'
        full, short = _entry(recipe, 0), _entry(recipe, last)
        for first in range(0, last, _LINES):
            shards = range(first, min(first + _LINES, last))
            yield "".join(full % recipe.shard_name(each) + ",\n" for each in shards).encode("ascii")
        yield (short % recipe.shard_name(last) + "\n").encode("ascii")
        yield b'  ],\n  "trajdata": '
        digest = hashlib.sha256()
        for piece in self._ours(None):
            digest.update(piece)
        last_piece = b""
        for piece in self._ours(digest.hexdigest()):
            # This value stands inside another one, so it is indented by two and its last newline
            # is not its own.
            yield last_piece.replace(b"\n", b"\n  ")
            last_piece = piece
        yield last_piece.rstrip().replace(b"\n", b"\n  ") + INDEX_END

    def _ours(self, seal: str | None) -> Iterator[bytes]:
        """The canonical spelling of our own key's value, in pieces; with its seal, if it has one.

        It is ``canonical`` of a value with all hashes, without such a value in memory.
        """
        recipe, last = self.recipe, self.recipe.shards - 1
        value = {**recipe.as_json(), "record": recipe.layout.as_json(), "sha256": [""]}
        if seal is not None:
            value[SEAL] = seal
        before, _, after = canonical(value).partition(_OWN_LIST + _NO_HASH)
        yield before + _OWN_LIST
        for first in range(0, recipe.shards, _LINES):
            lines = self.hashes.lines(first, first + _LINES, b'    "', b'",\n')
            yield lines if first + _LINES <= last else lines[:-2] + b"\n"
        yield after


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
    for shard, digest in enumerate(sha256):
        if not is_sha256(digest):
            raise _no_hash(file, shard, digest)
    for shard, held in enumerate(whole["shardlist"]):
        due = {
            "url": recipe.shard_name(shard),
            "nsamples": len(recipe.indices(shard)),
            "filesize": recipe.shard_bytes(shard),
        }
        if held != due:
            raise ShardError(file, expected=f"shardlist[{shard}] = {due}", found=f"{held!r:.200}")
    return Index(recipe, sha256)


def _parse_long(data: bytes, file: str) -> Index:
    """Parse the index of many shards: cut out the hashes, and parse the rest, which is short."""
    start = data.find(_SHARDLIST_END)
    listed = data.find(_SHA256_START, start)
    end = data.find(_SHA256_END, listed)
    if min(start, listed, end) < 0 or listed - start + len(data) - end > _SMALL_BYTES:
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
    digests = bytearray()
    for row in range(0, count, _LINES):
        at = first + row * _SHA256_LINE
        rows = min(_LINES, count - row)
        size = rows * _SHA256_LINE
        # The last line has no comma.
        part = data[at : min(at + size, end)].ljust(size)
        lines = np.frombuffer(part, np.uint8).reshape(rows, _SHA256_LINE)
        found, wrong = digests_of(lines[:, 7:71])
        if wrong is not None:
            raise _no_hash(file, row + wrong, lines[wrong, 7:71].tobytes())
        digests += found
    return Index(recipe, Hashes(bytes(digests)))


def _entry(recipe: Recipe, shard: int) -> str:
    """The entry of a shard in the list of shards, with a %s for its name."""
    return (
        f'    {{\n      "filesize": {recipe.shard_bytes(shard)},\n'
        f'      "nsamples": {len(recipe.indices(shard))},\n'
        '      "url": "%s"\n    }'
    )


def _no_hash(file: str, shard: int, found: object) -> ShardError:
    return ShardError(file, expected=f"a SHA-256 in hex for shard {shard}", found=f"{found!r:.80}")


def _recipe(ours: dict[str, Any], file: str) -> Recipe:
    recipe = Recipe.from_json(ours, file)
    recipe.check_format(file)
    if ours.get("record") != recipe.layout.as_json():
        raise ShardError(
            file, expected="the record layout of its spec", found=f"{ours.get('record')!r:.200}"
        )
    return recipe
