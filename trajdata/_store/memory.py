"""A store in memory: a complete one, for tests and for uses that want no files."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from trajdata._errors import LockedError
from trajdata._store.names import ASIDE
from trajdata._store.protocol import PAGE, Listed, Page

__all__ = ["MemoryStore"]


class MemoryStore:
    """A ``Store`` in the memory of one process. Threads may share it; it cannot be pickled."""

    where = "memory:"

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self._guard = threading.Lock()
        self._writer = threading.Lock()
        self._writers = 0

    def path(self, name: str) -> str:
        """A file's name, for errors."""
        return f"{self.where}{name}"

    def list(self, prefix: str) -> Iterator[Page]:
        """What lies directly below a prefix, page by page; see ``Store.list``."""
        start = f"{prefix}/" if prefix else ""
        with self._guard:
            below = {
                name[len(start) :].partition("/")[0]: None
                if "/" in name[len(start) :]
                else len(data)
                for name, data in self._files.items()
                if name.startswith(start)
            }
        found = [Listed(name, size) for name, size in below.items()]
        for first in range(0, len(found), PAGE):
            yield found[first : first + PAGE]

    def size(self, name: str) -> int | None:
        """Bytes of a file, or None if there is no such file."""
        held = self._files.get(name)
        return None if held is None else len(held)

    def read(self, name: str, start: int, size: int) -> bytes | None:
        """Up to ``size`` bytes of a file from ``start`` on, or None if there is no such file."""
        held = self._files.get(name)
        return None if held is None else held[start : start + size]

    def view(self, name: str) -> memoryview:
        """A whole file, read-only."""
        return memoryview(self._held(name))

    def put(
        self, name: str, chunks: Iterable[memoryview], size: int, *, durable: bool = True
    ) -> None:
        """Write a whole file; it replaces one that has the name. See ``Store.put``."""
        # Each chunk is copied at once: it is valid only until the next one is asked for.
        data = b"".join(bytes(chunk) for chunk in chunks)
        if len(data) != size:
            raise OSError(errno.EIO, f"{len(data)} bytes were written where {size} should be", name)
        with self._guard:
            self._files[name] = data

    def overwrite(self, name: str, data: bytes) -> None:
        """Replace the content of an existing file."""
        with self._guard:
            if name in self._files:
                self._files[name] = data

    def create(self, name: str, data: bytes) -> bool:
        """Write a whole small file unless the name is taken. Returns whether this call wrote it."""
        with self._guard:
            if name in self._files:
                return False
            self._files[name] = data
            return True

    def remove(self, name: str) -> None:
        """Remove a file."""
        self._held(name)
        with self._guard:
            del self._files[name]

    def discard(self, names: Sequence[str]) -> None:
        """Remove those of some files that are there."""
        with self._guard:
            for name in names:
                self._files.pop(name, None)

    def set_aside(self, name: str) -> str:
        """Move a file below ``ASIDE``, under a name that is free there. Returns the new name."""
        held = self._held(name)
        short = name.rpartition("/")[2]
        with self._guard:
            taken = sum(other.startswith(f"{ASIDE}/{short}.") for other in self._files)
            aside = f"{ASIDE}/{short}.{taken}"
            self._files[aside] = held
            del self._files[name]
        return aside

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only writer inside.

        Raises:
            LockedError: on entering, if there is another writer.
        """
        if not self._writer.acquire(blocking=False):
            raise LockedError(self.where, "another thread of this process")
        try:
            yield
        finally:
            self._writer.release()

    @contextmanager
    def join(self) -> Iterator[None]:
        """Be one of several writers while inside.

        Raises:
            LockedError: on entering, if a writer has locked the store for itself.
        """
        with self._guard:
            if self._writers == 0 and not self._writer.acquire(blocking=False):
                raise LockedError(self.where, "another thread of this process")
            self._writers += 1
        try:
            yield
        finally:
            with self._guard:
                self._writers -= 1
                if self._writers == 0:
                    self._writer.release()

    def clear_temps(self) -> int:
        """0: a store in memory has no temps."""
        return 0

    def free_bytes(self) -> None:
        """None: how much memory is left is not known."""
        return

    def _held(self, name: str) -> bytes:
        held = self._files.get(name)
        if held is None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", self.path(name))
        return held
