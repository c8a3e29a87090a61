"""Strict checks of a shard, which anyone may have written: nothing that it says is trusted.

Names, order, sizes, checksums, dtypes and shapes are never taken from a shard. They follow from the
recipe, and the shard's bytes are compared with the bytes that it must have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.texts import check_metadata
from trajdata._errors import ShardError
from trajdata._shards.layout import Member, key_digits, write_key
from trajdata._shards.recipe import Recipe
from trajdata._shards.strict_json import parse

__all__ = [
    "StrictRecords",
    "WalkedShard",
    "block_bytes",
    "walk_shard",
    "walked_blocks",
    "wrong_size",
]

_BLOCK_BYTES = 4 * 2**20


class StrictRecords:
    """The checks of one shard. A row is the number of a record in the shard, from 0 on.

    Args:
        file: path of the shard's file, for errors.
        recipe: the store's recipe.
        shard: the shard's number.
    """

    def __init__(self, file: str, recipe: Recipe, shard: int) -> None:
        self.file = file
        self.layout = recipe.layout
        self._spec = recipe.spec
        self._first = recipe.indices(shard).start
        self._members = {member.field: member for member in self.layout.members}

    def check_headers(self, raw: NDArray[np.uint8], row: int) -> None:
        """Check every byte that belongs to no value: headers and padding.

        Args:
            raw: uint8 (B, record_bytes), some consecutive records.
            row: row of the first of them.

        Raises:
            ShardError: bytes differ; names the first one, in the first member that has any.
        """
        digits = key_digits(self._indices(row, len(raw)))
        ends = [member.start for member in self.layout.members[1:]] + [self.layout.record_bytes]
        for member, end in zip(self.layout.members, ends, strict=True):
            due = np.tile(np.frombuffer(member.head, np.uint8), (len(raw), 1))
            write_key(due, member.head, digits)
            held = raw[:, member.start : member.offset]
            if not np.array_equal(due, held):
                self._differs(row, member.start, due, held, f"the header of {member.name}")
            padding = raw[:, member.offset + member.value_bytes : end]
            if padding.any():
                at = member.offset + member.value_bytes
                zeros = np.zeros_like(padding)
                self._differs(row, at, zeros, padding, f"the padding of {member.name}")

    def check_keys(self, keys: NDArray[np.uint8], rows: NDArray[np.int64]) -> None:
        """Check that the keys, uint8 (B, 12), are those of the rows, int64 (B,).

        Raises:
            ShardError: a key differs.
        """
        wrong = np.flatnonzero((keys != key_digits(self._first + rows)).any(axis=1))
        if len(wrong):
            row = int(rows[wrong[0]])
            raise ShardError(
                self.file,
                offset=row * self.layout.record_bytes,
                expected=f"the record of clip {self._first + row}",
                found=f"the key {keys[wrong[0]].tobytes()!r}",
            )

    def labels(self, digits: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Labels, int64 (B,), from their ASCII digits, uint8 (B, W).

        Raises:
            ShardError: a byte is no digit, or the number is no label of the spec.
        """
        labels = np.zeros(len(digits), np.int64)
        for column in digits.T:
            labels = labels * 10 + (column.astype(np.int64) - ord("0"))
        bad = (digits < ord("0")).any(axis=1) | (digits > ord("9")).any(axis=1)
        wrong = np.flatnonzero(bad | (labels >= len(self._spec.laws)))
        if len(wrong):
            raise ShardError(
                self.file,
                offset=self._offset(int(rows[wrong[0]]), "label"),
                expected=f"a label below {len(self._spec.laws)}",
                found=f"{digits[wrong[0]].tobytes()!r}",
            )
        return labels

    def metadata(self, text: bytes, row: int) -> dict[str, Any]:
        """A record's JSON, as ``check_metadata`` returns it.

        Raises:
            ShardError: the text is no JSON, not the JSON of a clip, or that of another clip.
        """
        offset = self._offset(row, "metadata")
        value = parse(text, self.file, len(text), start=offset)
        try:
            clip = check_metadata(value, self._spec)
        except ValueError as error:
            raise ShardError(
                self.file,
                offset=offset,
                expected=f"the JSON of clip {self._first + row}",
                found=str(error),
            ) from error
        if clip["index"] != self._first + row:
            raise ShardError(
                self.file,
                offset=offset,
                expected=f"index {self._first + row}",
                found=f"{clip['index']}",
            )
        return clip

    def form(self, raw: NDArray[np.uint8], row: int) -> NDArray[np.int64]:
        """Check headers and labels of some records, which is fast; arguments as of ``decode``.

        Returns:
            The labels, int64 (B,).

        Raises:
            ShardError: a header or a label is wrong.
        """
        self.check_headers(raw, row)
        rows = np.arange(row, row + len(raw), dtype=np.int64)
        return self.labels(raw.view(self.layout.dtype)[:, 0]["label"], rows)

    def decode(self, raw: NDArray[np.uint8], row: int) -> NDArray[np.int64]:
        """Check all of some records that can be checked without rendering them again.

        Args:
            raw: uint8 (B, record_bytes), some consecutive records, C-contiguous.
            row: row of the first of them.

        Returns:
            The labels, int64 (B,).

        Raises:
            ShardError: a header, a label, a JSON text or a number is wrong.
        """
        labels = self.form(raw, row)
        records = raw.view(self.layout.dtype)[:, 0]
        for at, text in enumerate(records["metadata"]):
            clip = self.metadata(text.tobytes(), row + at)
            law = self._spec.laws[int(labels[at])]
            if clip["label"] != law:
                raise ShardError(
                    self.file,
                    offset=self._offset(row + at, "metadata"),
                    expected=f"label {law!r}, as the member cls has it",
                    found=f"{clip['label']!r:.80}",
                )
        for member in self.layout.members:
            self._check_numbers(member, records, row)
        return labels

    def check_end(self, end: NDArray[np.uint8], at: int) -> None:
        """Check that only zeros follow the last record, as at the end of a tar.

        Args:
            end: uint8, the bytes after the last record.
            at: their offset in the file, for errors.

        Raises:
            ShardError: there are other bytes.
        """
        if end.any():
            raise ShardError(
                self.file,
                offset=at + int(end.nonzero()[0][0]),
                expected="zeros up to the end",
                found="other bytes",
            )

    def _check_numbers(self, member: Member, records: NDArray[np.void], row: int) -> None:
        kind = np.dtype(member.dtype).kind
        if kind not in "fb":
            return
        held = records[member.field]
        # A bool is one byte, and must be 0 or 1.
        good = np.isfinite(held) if kind == "f" else held.view(np.uint8) <= 1
        sound = good.reshape(len(records), -1).all(axis=1)
        if not sound.all():
            wrong = int(np.flatnonzero(~sound)[0])
            what = "finite numbers" if kind == "f" else "zeros and ones"
            raise ShardError(
                self.file,
                offset=self._offset(row + wrong, member.field),
                expected=f"{what} in {member.name}",
                found="others",
            )

    def _differs(
        self, row: int, start: int, due: NDArray[np.uint8], held: NDArray[np.uint8], what: str
    ) -> None:
        where, at = (int(place[0]) for place in (due != held).nonzero())
        raise ShardError(
            self.file,
            offset=(row + where) * self.layout.record_bytes + start + at,
            expected=f"byte {due[where, at]:#04x} in {what} of clip {self._first + row + where}",
            found=f"{held[where, at]:#04x}",
        )

    def _indices(self, row: int, count: int) -> NDArray[np.int64]:
        return np.arange(self._first + row, self._first + row + count, dtype=np.int64)

    def _offset(self, row: int, field: str) -> int:
        return row * self.layout.record_bytes + self._members[field].offset


@dataclass(frozen=True)
class WalkedShard:
    """What is known of a shard that was read from end to end and passed all checks.

    Attributes:
        sha256: SHA-256 of the file, hex.
        labels: how many clips of each class it holds.
    """

    sha256: str
    labels: tuple[int, ...]


def block_bytes(recipe: Recipe) -> int:
    """The length of the blocks that ``walk_shard`` takes: a whole number of records."""
    record_bytes = recipe.layout.record_bytes
    return max(1, _BLOCK_BYTES // record_bytes) * record_bytes


def walk_shard(blocks: Iterable[bytes], file: str, recipe: Recipe, shard: int) -> WalkedShard:
    """Check all of a shard, a few MiB at a time.

    This finds out whether the file has the form of this shard. Only a comparison of its SHA-256
    tells whether its values are right.

    Args:
        blocks: the file, in blocks of ``block_bytes``; the last one may be shorter.
        file: path of the file, for errors.
        recipe: the store's recipe.
        shard: the shard's number.

    Raises:
        ShardError: the first thing that is wrong.
    """
    digest = hashlib.sha256()
    labels = np.zeros(len(recipe.spec.laws), np.int64)
    for block, counts in walked_blocks(blocks, file, recipe, shard):
        digest.update(block)
        labels += counts
    return WalkedShard(digest.hexdigest(), tuple(labels.tolist()))


def walked_blocks(
    blocks: Iterable[bytes],
    file: str,
    recipe: Recipe,
    shard: int,
    *,
    form_only: bool = False,
) -> Iterator[tuple[bytes, list[int]]]:
    """``walk_shard`` for a caller that wants the blocks: each is checked before it is handed on.

    Args:
        blocks, file, recipe, shard: as of ``walk_shard``.
        form_only: leave out the checks of numbers and JSON texts, which take most of the time. For
            a caller that compares the file with a SHA-256.

    Yields:
        A block, and how many clips of each class it holds.

    Raises:
        ShardError: the first thing that is wrong, also that the file ends too early.
    """
    strict = StrictRecords(file, recipe, shard)
    record_bytes = strict.layout.record_bytes
    count = len(recipe.indices(shard))
    classes = len(recipe.spec.laws)
    check = strict.form if form_only else strict.decode
    row = size = 0
    for block in blocks:
        size += len(block)
        if size > recipe.shard_bytes(shard):
            raise wrong_size(file, recipe, shard, size)
        some = np.frombuffer(block, np.uint8)
        fit = min(len(block) // record_bytes, count - row)
        counts = [0] * classes
        if fit:
            raw = some[: fit * record_bytes].reshape(fit, record_bytes)
            counts = np.bincount(check(raw, row), minlength=classes).tolist()
        rest = some[fit * record_bytes :]
        row += fit
        if row < count and len(rest):
            raise wrong_size(file, recipe, shard, size)
        strict.check_end(rest, row * record_bytes)
        yield block, counts
    if size != recipe.shard_bytes(shard):
        raise wrong_size(file, recipe, shard, size)


def wrong_size(file: str, recipe: Recipe, shard: int, found: int | None) -> ShardError:
    """The error for a shard's file that has another size than it must have, or is missing."""
    return ShardError(
        file,
        expected=f"{recipe.shard_bytes(shard)} bytes",
        found="no file" if found is None else f"{found} bytes",
    )
