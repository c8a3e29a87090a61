"""Bake one shard: a pure function whose arguments can be pickled, so that any engine can map it.

Threads of this process, other processes and machines of a cluster may all call it at the same time,
and more than once for the same shard: the bytes are the same.
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
"""Records are rendered, hashed and written in portions of about this size, so that a task needs no
more memory than that."""

_ATTEMPTS = 3
"""How many times a shard is rendered and written before a failed fsync ends the bake."""


@dataclass(frozen=True)
class ShardTask:
    """One shard to bake.

    Attributes:
        recipe: the store's recipe.
        shard: the shard's number.
        promised: the SHA-256 that the shard must have, if a commit record or the index names one.
        outgrown: the SHA-256 of the shorter file that the shard replaces, if the store has grown.
    """

    recipe: Recipe
    shard: int
    promised: str | None = None
    outgrown: str | None = None


def shard_builder(recipe: Recipe) -> RecordBuilder:
    """The memory that one thread renders records in, used again from shard to shard."""
    return RecordBuilder(recipe, min(_CHUNK_BYTES, recipe.shard_bytes(0)))


def shard_chunks(
    task: ShardTask, builder: RecordBuilder
) -> Iterator[tuple[memoryview, list[int], int]]:
    """Render a shard's file, portion by portion.

    Yields:
        The next bytes, valid until the next portion is asked for; the number of their clips of each
        class; the number of their clips.
    """
    indices = task.recipe.indices(task.shard)
    classes = len(task.recipe.spec.laws)
    for first in range(indices.start, indices.stop, builder.capacity):
        part = range(first, min(first + builder.capacity, indices.stop))
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
        task: which shard to bake.
        store: the store to write to; it must have its recipe file.
        builder: memory to render in, as ``shard_builder`` returns it; if not given, it is made for
            this call.
        on_clips: called with the number of clips that were rendered and handed to the store, and
            with a negative number when these clips are lost because an error ended the attempt. An
            exception that it raises ends the task; no temp is left.

    Raises:
        ShardError: the shard does not have the promised bytes; nothing was changed.
        OSError: the medium failed; no temp is left.
    """
    used = shard_builder(task.recipe) if builder is None else builder
    tell = on_clips or _tell_nobody
    attempt = 1
    while True:
        rendered = 0

        def chunks() -> Iterator[tuple[memoryview, list[int]]]:
            nonlocal rendered
            for chunk, counts, clips in shard_chunks(task, used):
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
