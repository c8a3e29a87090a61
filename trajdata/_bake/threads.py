"""The threads of a bake: they take shards off a list, draw them and commit them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from trajdata._bake.commits import Commit, commit_shard
from trajdata._clips.source import ClipSource
from trajdata._shards.layout import END_BYTES
from trajdata._shards.recipe import Recipe
from trajdata._shards.records import RecordBuilder
from trajdata._store.disk import Disk, SyncError

__all__ = ["CHUNK_BYTES", "Events", "bake_shards"]

CHUNK_BYTES = 8 * 2**20
"""Records are drawn, hashed and written in portions of about this size: a thread's memory."""

_ATTEMPTS = 3
"""How often a shard is drawn whose fsync fails."""


class _StopBakingError(Exception):
    """Another thread failed, or the user wants to stop: drop the temp."""


@dataclass(frozen=True)
class Events:
    """What the threads call while they work; all of them must be thread-safe.

    Attributes:
        drawn: so many clips more were drawn and written to a temp.
        dropped: so many of those were lost.
        committed: a shard was committed.
    """

    drawn: Callable[[int], None]
    dropped: Callable[[int], None]
    committed: Callable[[Commit], None]


def bake_shards(
    disk: Disk,
    recipe: Recipe,
    source: ClipSource,
    pending: list[int],
    promised: dict[int, str],
    threads: int,
    events: Events,
    tick: Callable[[], None],
    tick_seconds: float,
) -> list[Commit]:
    """Draw and commit shards. Returns when all are committed; on an error, when all threads ended.

    Args:
        disk: where.
        recipe: of the folder.
        source: as ``record_source`` makes it, warm.
        pending: the shards to make, in the order in which to begin them.
        promised: by shard, the SHA-256 that it must have.
        threads: how many.
        events: told by the threads.
        tick: called in the caller's thread at each commit and every ``tick_seconds``.
        tick_seconds: see there.

    Raises:
        ShardError: a shard has not the bytes that were promised.
        OSError: the first that a thread met.
        KeyboardInterrupt: no temp is left.
    """
    stop = threading.Event()
    news: queue.SimpleQueue[Commit | None] = queue.SimpleQueue()
    shards = iter(pending)
    taking = threading.Lock()
    commits: list[Commit] = []

    def work() -> None:
        try:
            builder = RecordBuilder(source, CHUNK_BYTES)
            while not stop.is_set():
                with taking:
                    shard = next(shards, None)
                if shard is None:
                    return
                commit = _bake_one(disk, recipe, builder, shard, promised.get(shard), events, stop)
                events.committed(commit)
                news.put(commit)
        except _StopBakingError:
            return
        except BaseException:
            stop.set()
            raise
        finally:
            news.put(None)

    with ThreadPoolExecutor(threads, thread_name_prefix="trajdata-bake") as pool:
        try:
            futures = [pool.submit(work) for _ in range(threads)]
            running = threads
            while running:
                try:
                    event = news.get(timeout=tick_seconds)
                except queue.Empty:
                    tick()
                    continue
                if event is None:
                    running -= 1
                else:
                    commits.append(event)
                    if news.empty():
                        tick()
        finally:
            stop.set()
    for future in futures:
        future.result()
    return commits


def _bake_one(
    disk: Disk,
    recipe: Recipe,
    builder: RecordBuilder,
    shard: int,
    promised: str | None,
    events: Events,
    stop: threading.Event,
) -> Commit:
    attempt = 1
    while True:
        drawn = 0

        def chunks() -> Iterator[tuple[memoryview, list[int]]]:
            nonlocal drawn
            indices = recipe.indices(shard)
            classes = len(recipe.spec.laws)
            for first in range(indices.start, indices.stop, builder.room):
                if stop.is_set():
                    raise _StopBakingError
                part = range(first, min(first + builder.room, indices.stop))
                records, labels = builder.build(part)
                yield records.reshape(-1).data, np.bincount(labels, minlength=classes).tolist()
                drawn += len(part)
                events.drawn(len(part))
            yield memoryview(bytes(END_BYTES)), [0] * classes

        try:
            return commit_shard(disk, recipe, shard, chunks(), promised)
        except SyncError:
            events.dropped(drawn)
            attempt += 1
            if attempt > _ATTEMPTS:
                raise
        except BaseException:
            events.dropped(drawn)
            raise
