"""One shard file, memory-mapped: its records as an array, its headers checked on request."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trajdata.errors import ShardError
from trajdata.shards.layout import RecordLayout
from trajdata.shards.recipe import Recipe
from trajdata.storage import Disk

__all__ = ["OpenShard", "wrong_size"]


class OpenShard:
    """One shard file, memory-mapped.

    Attributes:
        records: structured array (clips,), see ``RecordLayout.dtype``; read-only, no copy.
        raw: uint8 (clips, record_bytes), the same memory.

    Raises:
        ShardError: a file of another size, or whose first record has other headers.
    """

    def __init__(self, folder: Path, recipe: Recipe, shard: int) -> None:
        disk = Disk(folder)
        layout = recipe.layout
        indices = recipe.indices(shard)
        self.path = disk.path(recipe.shard_name(shard))
        self.first = indices.start
        if disk.size(recipe.shard_name(shard)) != layout.shard_bytes(len(indices)):
            raise wrong_size(disk, recipe, shard)
        with open(self.path, "rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.records: NDArray[np.void] = np.frombuffer(mapped, layout.dtype, len(indices))
        self.raw: NDArray[np.uint8] = np.frombuffer(
            mapped, np.uint8, len(indices) * layout.record_bytes
        ).reshape(len(indices), layout.record_bytes)
        self._end: NDArray[np.uint8] = np.frombuffer(mapped, np.uint8, offset=self.raw.nbytes)
        self.check_headers(layout, 0)

    def check_headers(self, layout: RecordLayout, row: int) -> None:
        """Compare every byte of a record that is not a value with what it must be.

        Raises:
            ShardError: names the first byte that differs.
        """
        due = layout.template[None].copy()
        layout.write_keys(due, np.array([self.first + row], np.int64))
        wrong = np.flatnonzero((due[0] != self.raw[row]) & layout.fixed)
        if len(wrong):
            at = int(wrong[0])
            raise ShardError(
                self.path,
                offset=row * layout.record_bytes + at,
                expected=f"byte {due[0, at]:#04x} of the header of clip {self.first + row}",
                found=f"{self.raw[row, at]:#04x}",
            )

    def check_end(self) -> None:
        """Check that the shard ends as a tar does.

        Raises:
            ShardError: there is something else than zeros.
        """
        if self._end.any():
            raise ShardError(
                self.path,
                offset=self.raw.nbytes + int(self._end.nonzero()[0][0]),
                expected="zeros up to the end",
                found="other bytes",
            )


def wrong_size(disk: Disk, recipe: Recipe, shard: int) -> ShardError:
    """The error that a shard file has another size than it must have, or is missing."""
    name = recipe.shard_name(shard)
    found = disk.size(name)
    return ShardError(
        disk.path(name),
        expected=f"{recipe.layout.shard_bytes(len(recipe.indices(shard)))} bytes",
        found="no file" if found is None else f"{found} bytes",
    )
