"""Build records: clips are rendered directly into the bytes that a shard will hold."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.source import ClipSource
from trajdata._errors import ArgumentError
from trajdata._shards.layout import RecordLayout
from trajdata._shards.recipe import Recipe

__all__ = ["RecordBuilder", "record_source"]


@lru_cache(maxsize=4)
def record_source(recipe: Recipe) -> ClipSource:
    """The source that renders the fields of this recipe's records. Threads may share it."""
    fields = ("video", "label", *recipe.fields)
    return ClipSource(recipe.spec, recipe.seed, recipe.split, fields=fields)


def _label_digits(labels: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """Labels as ASCII decimals with leading zeros, uint8 (B, width)."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (labels[:, None] // powers % 10 + ord("0")).astype(np.uint8)


class RecordBuilder:
    """Memory for some records, which one thread fills again and again.

    Args:
        recipe: the recipe of the records.
        memory_bytes: about how much memory to use; one record always fits.

    Attributes:
        recipe: as it was given.
        layout: the layout of the records.
        capacity: how many records fit.
    """

    def __init__(self, recipe: Recipe, memory_bytes: int) -> None:
        self.recipe = recipe
        self.layout: RecordLayout = recipe.layout
        self._source = record_source(recipe)
        self.capacity = max(1, memory_bytes // self.layout.record_bytes)
        # Headers and padding are written only here. ``build`` changes nothing but keys and values.
        self._bytes = np.tile(self.layout.template, (self.capacity, 1))
        self._records = self._bytes.view(self.layout.dtype)[:, 0]

    def build(self, indices: range) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The records of some consecutive clips.

        Args:
            indices: at most ``capacity`` indices.

        Returns:
            uint8 (B, record_bytes), valid until the next call, and the labels, int64 (B,).
        """
        count = len(indices)
        if count > self.capacity:
            raise ArgumentError(
                f"indices: given {count} of them; allowed are up to {self.capacity}"
            )
        where = np.arange(indices.start, indices.stop, dtype=np.int64)
        records = self._records[:count]
        self.layout.write_keys(self._bytes[:count], where)
        places = {name: records[name] for name in ("video", *self.recipe.fields)}
        batch = self._source.batch(where, out=places, metadata=records["metadata"])
        labels: NDArray[np.int64] = batch["label"]
        records["label"] = _label_digits(labels, records["label"].shape[1])
        return self._bytes[:count], labels
