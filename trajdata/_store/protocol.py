"""What a store is: a few verbs on named files that are written whole."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

__all__ = ["Store", "ViewedStore"]


class ViewedStore(Protocol):
    """What is needed of a store to read its shards."""

    @property
    def where(self) -> str:
        """Path or URL, for people and for commands."""

    def path(self, name: str) -> str:
        """Path or URL of a file, for errors."""

    def size(self, name: str) -> int | None:
        """Bytes of a file, or None where there is no such file."""

    def view(self, name: str) -> memoryview:
        """A whole file, read-only: mapped into memory where the store can do that."""


class Store(ViewedStore, Protocol):
    """A place where shards lie: a folder, a bucket's prefix, or memory.

    Names have "/" between their parts. A file is put whole: under its name a reader finds all of it
    or none of it. A store can be pickled where its files outlive the process.

    Raises:
        OSError: every method, when the medium fails.
        ShardError: every method, when something else than a file or folder of ours has the name.
    """

    def list(self, prefix: str) -> list[str]:
        """Sorted names, without the prefix, of what lies directly below it; "" for the store."""

    def read(self, name: str, start: int, size: int) -> bytes | None:
        """Up to ``size`` bytes of a file from ``start`` on, or None where there is no such file."""

    def put(
        self, name: str, chunks: Iterable[memoryview], size: int, *, durable: bool = True
    ) -> None:
        """Write a whole file, in place of what has the name.

        Whatever goes wrong, an exception out of ``chunks`` included, the name stands for what it
        stood for, and nothing half is left.

        Args:
            name: of the file.
            chunks: its bytes, in order.
            size: how many they must come to.
            durable: return once the file is safe against a power loss. Otherwise the old file, the
                new one or an empty one may be there after such a loss.
        """

    def overwrite(self, name: str, data: bytes) -> None:
        """Put other bytes into a small file that is there, where there is no room for a second.

        A reader may see some of both, so this is for a last word that cannot be had otherwise.
        """

    def create(self, name: str, data: bytes) -> bool:
        """Write a whole small file unless there is one; whether this call wrote it."""

    def remove(self, name: str) -> None:
        """Remove a file; returns once that is safe against a power loss."""

    def set_aside(self, name: str) -> str:
        """Give a file that is not what its name says another name, and return that."""

    def lock(self) -> AbstractContextManager[object]:
        """Be the only writer while inside, where the store can have only one.

        Raises:
            LockedError: on entering, when there is another.
        """

    def clear_temps(self) -> int:
        """Remove what killed writers left unfinished; how many files. Only for the only writer."""

    def free_bytes(self) -> int | None:
        """Bytes for which there still is room; None where nobody can tell."""
