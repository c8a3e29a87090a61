"""Bake with threads: each takes the next task of a list until none is left."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from trajdata._bake.engines.protocol import Events
from trajdata._bake.task import ShardTask, bake_shard, shard_builder
from trajdata._shards.commit_record import Commit
from trajdata._store.protocol import Store

__all__ = ["ThreadsEngine", "bake_in_threads"]


class _StopBakingError(Exception):
    """Ends a task because another thread failed or the user stops the bake; its temp is removed."""


def bake_in_threads(
    tasks: Sequence[ShardTask],
    store: Store,
    threads: int,
    *,
    events: Events,
    tick: Callable[[], None],
    tick_seconds: float,
    copy: Callable[[ShardTask, Callable[[int], None]], Commit | None] | None = None,
) -> list[Commit]:
    """Bake shards. Returns when all are committed; raises when all threads have ended.

    Args:
        tasks: the tasks, in the order in which to begin them; all have the same recipe.
        store: the store to write to.
        threads: how many threads to use.
        events: functions that the threads call.
        tick: called in the caller's thread after commits and every ``tick_seconds``.
        tick_seconds: longest time between two calls of ``tick``.
        copy: commits the shard of a task without rendering it, and calls its second argument as
            ``bake_shard`` calls ``on_clips``; returns None where it could not. None: the shards are
            rendered.

    Raises:
        ShardError: a shard does not have the promised bytes.
        OSError: the medium failed; the error of the first thread that failed.
        KeyboardInterrupt: the user stopped the bake; no temp is left.
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
                if copy is None:
                    builder = builder or shard_builder(task.recipe)
                    commit = bake_shard(task, store, builder=builder, on_clips=on_clips)
                elif (copied := copy(task, on_clips)) is not None:
                    commit = copied
                else:
                    continue
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


@dataclass(frozen=True)
class ThreadsEngine:
    """The threads of this process.

    Attributes:
        threads: how many to use at most.
    """

    threads: int

    @property
    def words(self) -> tuple[str, ...]:
        """None: this engine is used where none is named."""
        return ()

    def bake(
        self,
        tasks: Sequence[ShardTask],
        store: Store,
        *,
        events: Events,
        tick: Callable[[], None],
        tick_seconds: float,
    ) -> list[Commit]:
        """Bake shards; see ``Engine`` and ``bake_in_threads``."""
        threads = min(self.threads, max(len(tasks), 1))
        return bake_in_threads(
            tasks, store, threads, events=events, tick=tick, tick_seconds=tick_seconds
        )
