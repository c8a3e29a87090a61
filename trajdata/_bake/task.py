"""Baking one shard: a pure function of arguments that can be pickled, for any engine to map.

Threads of this process, other processes and machines of a cluster may all call it, at once and more
than once for the same shard: the bytes are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from trajdata._bake.commit import commit_shard
from trajdata._shards.commit_record import Commit
from trajdata._shards.layout import END_BYTES
from trajdata._shards.recipe import Recipe
from trajdata._shards.records import RecordBuilder
from trajdata._store.protocol import Store
from trajdata._store.writing import SyncError

__all__ = ["ShardTask", "bake_shard", "shard_builder", "shard_chunks"]

_CHUNK_BYTES = 8 * 2**20
"""Records are rendered, hashed and written in portions of about this size: the memory of a task."""

_ATTEMPTS = 3
"""How often a shard is rendered whose fsync fails."""


@dataclass(frozen=True)
class ShardTask:
    """One shard to bake.

    Attributes:
        recipe: of the store.
        shard: which one.
        promised: the SHA-256 that it must have, where the store promises one.
        outgrown: the SHA-256 of the shorter file that it replaces, where the store has grown.
    """

    recipe: Recipe
    shard: int
    promised: str | None = None
    outgrown: str | None = None


def shard_builder(recipe: Recipe) -> RecordBuilder:
    """The room in which one thread bakes shards of a recipe, one after the other."""
    return RecordBuilder(recipe, min(_CHUNK_BYTES, recipe.shard_bytes(0)))


def shard_chunks(
    task: ShardTask, builder: RecordBuilder
) -> Iterator[tuple[memoryview, list[int], int]]:
    """Render a shard's file: its bytes in order, in portions.

    Yields:
        Some bytes, valid until the next portion; how many clips of each class are in them; how many
        clips.
    """
    indices = task.recipe.indices(task.shard)
    classes = len(task.recipe.spec.laws)
    for first in range(indices.start, indices.stop, builder.room):
        part = range(first, min(first + builder.room, indices.stop))
        records, labels = builder.build(part)
        counts: list[int] = np.bincount(labels, minlength=classes).tolist()
        yield records.reshape(-1).data, counts, len(part)
    yield memoryview(bytes(END_BYTES)), [0] * classes, 0


def bake_shard(
    task: ShardTask,
    store: Store,
    *,
    builder: RecordBuilder | None = None,
    on_clips: Callable[[int], None] | None = None,
) -> Commit:
    """Render a shard and commit it.

    Args:
        task: which shard of what.
        store: where. Its recipe must be there.
        builder: room to render in, as ``shard_builder`` makes it, used again from shard to shard;
            made for this call if not given.
        on_clips: called with a number of clips when these were rendered and handed to the store,
            and with a negative number when so many of those are lost. What it raises ends the task,
            and no temp is left.

    Raises:
        ShardError: the shard has not the bytes that were promised; nothing was changed.
        OSError: the medium failed; no temp is left.
    """
    room = shard_builder(task.recipe) if builder is None else builder
    tell = on_clips or _tell_nobody
    attempt = 1
    while True:
        rendered = 0

        def chunks() -> Iterator[tuple[memoryview, list[int]]]:
            nonlocal rendered
            for chunk, counts, clips in shard_chunks(task, room):
                yield chunk, counts
                if clips:
                    rendered += clips
                    tell(clips)

        try:
            return commit_shard(
                store,
                task.recipe,
                task.shard,
                chunks(),
                promised=task.promised,
                outgrown=task.outgrown,
            )
        except SyncError:
            tell(-rendered)
            attempt += 1
            if attempt > _ATTEMPTS:
                raise
        except BaseException:
            tell(-rendered)
            raise


def _tell_nobody(clips: int) -> None:
    return
