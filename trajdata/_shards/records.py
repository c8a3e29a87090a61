"""Clips into records, built in place: pixels, numbers and texts are written where they will lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.fields import STORED_ARRAYS
from trajdata._clips.source import ClipSource
from trajdata._shards.layout import RecordLayout, record_layout
from trajdata._spec.model import ClipSpec

__all__ = ["RecordBuilder", "label_digits", "record_source"]

_DRAWN = ("video", *STORED_ARRAYS)


def record_source(spec: ClipSpec, seed: int, split: str) -> ClipSource:
    """The source of what a record holds. Threads may share it.

    Raises:
        ValueError: as ``ClipSource``.
    """
    return ClipSource(spec, seed, split, fields=("video", "label", *STORED_ARRAYS))


def label_digits(labels: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """Labels as ASCII decimals with leading zeros, uint8 (B, width)."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (labels[:, None] // powers % 10 + ord("0")).astype(np.uint8)


class RecordBuilder:
    """Room for some records, filled again and again by one thread.

    Args:
        source: as ``record_source`` makes it.
        room_bytes: about how much memory to use; there is room for one record at least.
    """

    def __init__(self, source: ClipSource, room_bytes: int) -> None:
        self.layout: RecordLayout = record_layout(source.spec)
        self._source = source
        self.room = max(1, room_bytes // self.layout.record_bytes)
        # Headers and padding are written here once; each filling changes keys and values only.
        self._bytes = np.tile(self.layout.template, (self.room, 1))
        self._records = self._bytes.view(self.layout.dtype)[:, 0]

    def build(self, indices: range) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The records of some consecutive clips.

        Args:
            indices: at most ``room`` of them.

        Returns:
            uint8 (B, record_bytes), valid until the next call, and the labels, int64 (B,).
        """
        count = len(indices)
        if count > self.room:
            raise ValueError(f"indices: given {count} of them; allowed are up to {self.room}")
        where = np.arange(indices.start, indices.stop, dtype=np.int64)
        records = self._records[:count]
        self.layout.write_keys(self._bytes[:count], where)
        places = {name: records[name] for name in _DRAWN}
        drawn = self._source.batch(where, out=places, metadata=records["metadata"])
        labels: NDArray[np.int64] = drawn["label"]
        records["label"] = label_digits(labels, records["label"].shape[1])
        return self._bytes[:count], labels
