"""A store that is only read, and counts the bytes that are read of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from trajdata._store.protocol import Page, ReadableStore

__all__ = ["CountedStore"]


class CountedStore:
    """Another store, for reading. Threads may share it.

    Args:
        store: the store to read.
    """

    def __init__(self, store: ReadableStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._bytes_read = 0
        self.where = store.where

    @property
    def bytes_read(self) -> int:
        """Bytes of files that were read so far. A file that was read twice counts twice."""
        return self._bytes_read

    def path(self, name: str) -> str:
        """Path or URL of a file, for errors."""
        return self._store.path(name)

    def size(self, name: str) -> int | None:
        """Bytes of a file, or None if there is no such file."""
        return self._store.size(name)

    def list(self, prefix: str) -> Iterator[Page]:
        """What lies directly below a prefix, page by page; see ``Store.list``."""
        return self._store.list(prefix)

    def read(self, name: str, start: int, size: int) -> bytes | None:
        """Up to ``size`` bytes of a file from ``start`` on, or None if there is no such file."""
        data = self._store.read(name, start, size)
        self._count(len(data or b""))
        return data

    def view(self, name: str) -> memoryview:
        """A whole file, read-only."""
        view = self._store.view(name)
        self._count(len(view))
        return view

    def _count(self, size: int) -> None:
        with self._lock:
            self._bytes_read += size
