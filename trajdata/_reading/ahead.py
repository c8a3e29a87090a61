"""Fetch the shards that come next while one is read."""

from __future__ import annotations

import os
import queue
import threading
from contextlib import suppress

from trajdata._errors import ShardError
from trajdata._store.cached import CachedStore
from trajdata._store.protocol import ViewedStore

__all__ = ["Ahead"]


class Ahead:
    """One thread that fetches shards into a store's cache; it begins with the first one.

    Where the store keeps nothing there is nothing to do. What goes wrong here is raised where the
    shard is read, which tries again.

    Args:
        store: of the shards.
        count: how many after the one that is read.
    """

    def __init__(self, store: ViewedStore, count: int) -> None:
        self._store = store if isinstance(store, CachedStore) and store.has_cache else None
        self._count = count
        self._process = -1
        self._due: queue.Queue[int] = queue.Queue(maxsize=2 * count)

    def follow(self, shard: int) -> None:
        """A shard is being read: fetch those after it."""
        if self._store is None:
            return
        if self._process != os.getpid():  # a thread does not come along through a fork
            self._process = os.getpid()
            self._due = queue.Queue(maxsize=2 * self._count)
            threading.Thread(
                target=_work, args=(self._store, self._due), name="trajdata-fetch", daemon=True
            ).start()
        for coming in range(shard + 1, shard + 1 + self._count):
            with suppress(queue.Full):
                self._due.put_nowait(coming)


def _work(store: CachedStore, due: queue.Queue[int]) -> None:
    while True:
        shard = due.get()
        with suppress(ShardError, OSError):
            store.fetch_ahead(shard)
