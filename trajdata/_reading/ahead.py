"""Fetch the shards that come next while one is read."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from trajdata._errors import ShardError
from trajdata._store.cached import CachedStore
from trajdata._store.protocol import ViewedStore

__all__ = ["Ahead"]


class Ahead:
    """A thread that fetches shards into a store's cache, for as long as there are some to fetch.

    Where the store keeps nothing there is nothing to do. What goes wrong here is raised where the
    shard is read, which tries again.

    A DataLoader's worker that has read its last shard ends only when the one that is being fetched
    is whole: another worker needs it next, and would fetch it a second time. The main process does
    not wait for it.

    Args:
        store: of the shards.
        count: how many after the one that is read.
    """

    def __init__(self, store: ViewedStore, count: int) -> None:
        self._store = store if isinstance(store, CachedStore) and store.has_cache else None
        self._count = count
        self._process = -1
        self._lock = threading.Lock()
        self._due: deque[int] = deque()
        self._is_at_work = False
        self._told: frozenset[int] = frozenset()

    def follow(self, shard: int) -> None:
        """A shard is being read: fetch those after it, unless ``fetch`` was told of this one."""
        if shard not in self._told:
            self._fetch(range(shard + 1, shard + 1 + self._count), self._count)

    def fetch(self, shards: Sequence[int]) -> None:
        """These shards are read next, in this order: fetch them, and no others that were due."""
        self._told = frozenset(shards)
        if self._store is not None:
            self._store.keep(shards)
        self._fetch(shards, 0)

    def _fetch(self, shards: Sequence[int], kept: int) -> None:
        """Fetch these shards, after the last ``kept`` of those that are due."""
        store = self._store
        if store is None:
            return
        if self._process != os.getpid():  # neither a thread nor its lock comes through a fork
            self._process = os.getpid()
            self._lock = threading.Lock()
            self._due.clear()
            self._is_at_work = False
        with self._lock:
            while len(self._due) > kept:
                self._due.popleft()
            self._due.extend(shards)
            if self._is_at_work:
                return
            self._is_at_work = True
        threading.Thread(
            target=self._work,
            args=(store,),
            name="trajdata-fetch",
            daemon=multiprocessing.parent_process() is None,
        ).start()

    def _work(self, store: CachedStore) -> None:
        while True:
            with self._lock:
                if not self._due or not threading.main_thread().is_alive():
                    self._is_at_work = False
                    return
                shard = self._due.popleft()
            with suppress(ShardError, OSError):
                store.fetch_ahead(shard)
