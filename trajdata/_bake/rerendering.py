"""Committed clips drawn again: is what lies in a shard what this machine draws now?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from trajdata._clips.source import ClipSource
from trajdata._errors import ShardError
from trajdata._shards.recipe import Recipe
from trajdata._shards.records import RecordBuilder
from trajdata._store.disk import Disk
from trajdata._store.shard_file import OpenShard

__all__ = ["check_clip", "check_clips", "spread"]


def check_clip(opened: OpenShard, source: ClipSource, index: int) -> None:
    """Draw a clip again and compare the whole record.

    Args:
        opened: the shard that holds it.
        source: as ``record_source`` makes it.
        index: of the clip.

    Raises:
        ShardError: it is not the same, to the byte.
    """
    drawn, _ = RecordBuilder(source, 0).build(range(index, index + 1))
    row = index - opened.first
    wrong = np.flatnonzero(drawn[0] != opened.raw[row])
    if len(wrong):
        at = int(wrong[0])
        raise ShardError(
            opened.path,
            offset=row * opened.raw.shape[1] + at,
            expected=f"byte {drawn[0, at]:#04x}, as clip {index} is drawn now",
            found=f"{opened.raw[row, at]:#04x}",
        )


def check_clips(
    disk: Disk, recipe: Recipe, shards: Iterable[int], source: ClipSource, count: int
) -> Iterator[ShardError | None]:
    """Draw some clips of some shards again, spread evenly, the same ones every time.

    Yields:
        For each clip, None where it is the same, else what is wrong with it.

    Raises:
        ShardError: a shard cannot be opened.
    """
    held = sorted(shards)
    lengths = np.array([len(recipe.indices(shard)) for shard in held], np.int64)
    ends = lengths.cumsum()
    opened: OpenShard | None = None
    for place in spread(int(lengths.sum()), count):
        at = int(np.searchsorted(ends, place, side="right"))
        indices = recipe.indices(held[at])
        if opened is None or opened.first != indices.start:
            opened = OpenShard(disk.root, recipe, held[at])
        try:
            check_clip(opened, source, indices[place - int(ends[at] - lengths[at])])
        except ShardError as error:
            yield error
        else:
            yield None


def spread(total: int, count: int) -> list[int]:
    """Up to ``count`` of the numbers below ``total``, evenly spread, in order."""
    count = min(count, total)
    return [(2 * k + 1) * total // (2 * count) for k in range(count)]
