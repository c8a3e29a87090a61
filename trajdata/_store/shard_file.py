"""One shard file, memory-mapped: its records as an array, its headers checked on request."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trajdata._shards.recipe import Recipe
from trajdata._shards.strict import StrictRecords, wrong_size
from trajdata._store.disk import Disk

__all__ = ["OpenShard"]


class OpenShard:
    """One shard file, memory-mapped.

    Attributes:
        records: structured array (clips,), see ``RecordLayout.dtype``; read-only, no copy.
        raw: uint8 (clips, record_bytes), the same memory.
        path: of the file.
        first: index of its first clip.
        strict: the checks of its records.

    Raises:
        ShardError: a file of another size, or whose first record has other headers.
    """

    def __init__(self, folder: Path, recipe: Recipe, shard: int) -> None:
        disk = Disk(folder)
        layout = recipe.layout
        indices = recipe.indices(shard)
        self.path = disk.path(recipe.shard_name(shard))
        self.first = indices.start
        self.strict = StrictRecords(self.path, recipe, shard)
        if disk.size(recipe.shard_name(shard)) != layout.shard_bytes(len(indices)):
            raise wrong_size(disk, recipe, shard)
        with disk.open_read(recipe.shard_name(shard)) as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.records: NDArray[np.void] = np.frombuffer(mapped, layout.dtype, len(indices))
        self.raw: NDArray[np.uint8] = np.frombuffer(
            mapped, np.uint8, len(indices) * layout.record_bytes
        ).reshape(len(indices), layout.record_bytes)
        self._end: NDArray[np.uint8] = np.frombuffer(mapped, np.uint8, offset=self.raw.nbytes)
        self.check_headers(0)

    def check_headers(self, row: int) -> None:
        """Compare every byte of a record that is not a value with what it must be.

        Raises:
            ShardError: names the first byte that differs.
        """
        self.strict.check_headers(self.raw[row : row + 1], row)

    def check_end(self) -> None:
        """Check that the shard ends as a tar does.

        Raises:
            ShardError: there is something else than zeros.
        """
        self.strict.check_end(self._end, self.raw.nbytes)
