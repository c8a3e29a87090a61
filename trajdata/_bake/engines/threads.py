"""Threads that bake: they take tasks off a list and commit shard after shard."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from trajdata._bake.task import ShardTask, bake_shard, shard_builder
from trajdata._shards.commit_record import Commit
from trajdata._store.protocol import Store

__all__ = ["Events", "bake_in_threads"]


class _StopBakingError(Exception):
    """Another thread failed, or the user wants to stop: end the task, its temp goes."""


@dataclass(frozen=True)
class Events:
    """What the threads call while they work; all of them must be thread-safe.

    Attributes:
        clips: so many clips more were rendered; a negative number: so many of those were lost.
        committed: a shard was committed.
    """

    clips: Callable[[int], None]
    committed: Callable[[Commit], None]


def bake_in_threads(
    tasks: Sequence[ShardTask],
    store: Store,
    threads: int,
    *,
    events: Events,
    tick: Callable[[], None],
    tick_seconds: float,
) -> list[Commit]:
    """Bake shards. Returns when all are committed; on an error, when all threads have ended.

    Args:
        tasks: in the order in which to begin them; all of one recipe.
        store: where.
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
    waiting = iter(tasks)
    taking = threading.Lock()
    commits: list[Commit] = []

    def on_clips(clips: int) -> None:
        events.clips(clips)
        if clips > 0 and stop.is_set():
            raise _StopBakingError

    def work() -> None:
        builder = None
        try:
            while not stop.is_set():
                with taking:
                    task = next(waiting, None)
                if task is None:
                    return
                builder = builder or shard_builder(task.recipe)
                commit = bake_shard(task, store, builder=builder, on_clips=on_clips)
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
