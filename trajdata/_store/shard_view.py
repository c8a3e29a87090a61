"""One shard of a store as an array of records."""

from __future__ import annotations

import mmap
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trajdata._errors import ShardError
from trajdata._shards.recipe import Recipe
from trajdata._shards.strict import (
    StrictRecords,
    WalkedShard,
    block_bytes,
    walk_shard,
    walked_blocks,
    wrong_size,
)
from trajdata._store.protocol import ReadableStore, ViewedStore
from trajdata._store.ranges import read_blocks

__all__ = ["ShardView", "check_size", "checked_blocks", "walk"]


class ShardView:
    """One shard, mapped into memory if the store can do that.

    Attributes:
        records: structured array (clips,), see ``RecordLayout.dtype``; read-only, no copy.
        raw: uint8 (clips, record_bytes), the same memory.
        path: of the file.
        first: index of its first clip.
        strict: the checks of its records.
        memory_bytes: of this process's memory that it takes; a mapped file takes none.

    Raises:
        ShardError: the file has another size than it must have, or its first record has other
            headers.
    """

    def __init__(self, store: ViewedStore, recipe: Recipe, shard: int) -> None:
        name = recipe.shard_name(shard)
        layout = recipe.layout
        indices = recipe.indices(shard)
        self.path = store.path(name)
        self.first = indices.start
        self.strict = StrictRecords(self.path, recipe, shard)
        check_size(store, recipe, shard)
        view = self._view = store.view(name)
        self._bytes = recipe.shard_bytes(shard)
        self.memory_bytes = 0 if isinstance(view.obj, mmap.mmap) else len(view)
        if len(view) != self._bytes:  # it was cut between the two looks
            raise wrong_size(self.path, recipe, shard, len(view))
        self.records: NDArray[np.void] = np.frombuffer(view, layout.dtype, len(indices))
        self.raw: NDArray[np.uint8] = np.frombuffer(
            view, np.uint8, len(indices) * layout.record_bytes
        ).reshape(len(indices), layout.record_bytes)
        self._end: NDArray[np.uint8] = np.frombuffer(view, np.uint8, offset=self.raw.nbytes)
        self.check_headers(0)

    def check_uncut(self) -> None:
        """Check that the file still has its full size. Call this just before reading its bytes.

        The system ends a process (SIGBUS) that reads a page of a mapped file which the file does
        not have any more. A file that is cut in the microseconds between this check and the read
        still has that effect.

        Raises:
            ShardError: the file was cut while it was mapped.
        """
        mapped = self._view.obj
        if isinstance(mapped, mmap.mmap) and (found := mapped.size()) != self._bytes:
            raise ShardError(
                self.path, expected=f"{self._bytes} bytes", found=f"{found}: it was cut meanwhile"
            )

    def check_headers(self, row: int) -> None:
        """Check every byte of a record that belongs to no value: headers and padding.

        Raises:
            ShardError: names the first byte that differs.
        """
        self.check_uncut()
        self.strict.check_headers(self.raw[row : row + 1], row)

    def check_end(self) -> None:
        """Check that the shard ends in blocks of zeros, as a tar does.

        Raises:
            ShardError: there are other bytes.
        """
        self.check_uncut()
        self.strict.check_end(self._end, self.raw.nbytes)


def check_size(store: ViewedStore, recipe: Recipe, shard: int) -> None:
    """Check that a shard's file has the size that it must have.

    Raises:
        ShardError: the file is missing or has another size.
    """
    name = recipe.shard_name(shard)
    found = store.size(name)
    if found != recipe.shard_bytes(shard):
        raise wrong_size(store.path(name), recipe, shard, found)


def walk(store: ReadableStore, recipe: Recipe, shard: int) -> WalkedShard:
    """Read a shard of a store from end to end and check all of it; see ``walk_shard``.

    Raises:
        ShardError: the first thing that is wrong.
        OSError: the file cannot be read.
    """
    path = store.path(recipe.shard_name(shard))
    return walk_shard(_blocks(store, recipe, shard), path, recipe, shard)


def checked_blocks(
    store: ReadableStore, recipe: Recipe, shard: int
) -> Iterator[tuple[bytes, list[int]]]:
    """Read a shard block by block and check the form of each; see ``walked_blocks``.

    Raises:
        ShardError: the first thing that is wrong.
        OSError: the file cannot be read.
    """
    path = store.path(recipe.shard_name(shard))
    return walked_blocks(_blocks(store, recipe, shard), path, recipe, shard, form_only=True)


def _blocks(store: ReadableStore, recipe: Recipe, shard: int) -> Iterator[bytes]:
    check_size(store, recipe, shard)
    yield from read_blocks(store, recipe.shard_name(shard), block_bytes(recipe))
