"""What a store is: a few verbs on named files that are written whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

__all__ = ["PAGE", "Listed", "Page", "ReadableStore", "Store", "ViewedStore"]

PAGE = 1000
"""Entries of a page of a listing, at most."""


class Listed(NamedTuple):
    """A file or folder in a listing.

    Attributes:
        name: without the prefix.
        size: bytes of a file, where the listing tells them. None says nothing: ask ``size``.
    """

    name: str
    size: int | None


Page = Sequence[Listed]


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


class ReadableStore(ViewedStore, Protocol):
    """What is needed of a store to find out what it holds, and to copy it.

    Raises:
        OSError: every method, if the medium fails.
        ShardError: every method, if the name belongs to something else than a file or folder that a
            store may have, such as a link.
    """

    def list(self, prefix: str) -> Iterator[Page]:
        """What lies directly below a prefix, or in the store for "", each once, in any order.

        It comes in pages of at most ``PAGE``, so that nobody needs a list of a million names. What
        is put or removed meanwhile may be in a page or not.
        """

    def read(self, name: str, start: int, size: int) -> bytes | None:
        """Up to ``size`` bytes of a file from ``start`` on, or None if there is no such file."""


class Store(ReadableStore, Protocol):
    """A place where shards lie: a folder, a bucket's prefix, or memory.

    Names have "/" between their parts. A file is put whole: under its name a reader finds all of it
    or no file. A store whose files outlive the process can be pickled.

    Raises:
        OSError: every method, if the medium fails.
        ShardError: every method, if the name belongs to something else than a file or folder that a
            store may have, such as a link.
    """

    def put(
        self, name: str, chunks: Iterable[memoryview], size: int, *, durable: bool = True
    ) -> None:
        """Write a whole file; it replaces one that has the name.

        On any error, also on an exception that ``chunks`` raises, the name keeps the file that it
        had, or stays free, and no part of the new file is left.

        Args:
            name: name of the file.
            chunks: its bytes, in order.
            size: how many bytes these must be.
            durable: if true, return only once the file is safe against a power loss. If false, a
                power loss may leave the old file, the new one or an empty one.
        """

    def overwrite(self, name: str, data: bytes) -> None:
        """Replace the content of a small existing file in place. Without such a file, do nothing.

        A reader may see old and new bytes mixed. So this is only for a last message on a full disk,
        which has no space for a new file.
        """

    def create(self, name: str, data: bytes) -> bool:
        """Write a whole small file unless the name is taken. Returns whether this call wrote it."""

    def remove(self, name: str) -> None:
        """Remove a file. Returns once a power loss cannot bring the file back."""

    def discard(self, names: Sequence[str]) -> None:
        """Remove those of some files that are there. Returns once a power loss cannot bring them
        back. A bucket that one may only add to keeps them."""

    def set_aside(self, name: str) -> str:
        """Rename a file that is not what its name says. Returns the new name."""

    def lock(self) -> AbstractContextManager[object]:
        """Be the only writer inside, if the store allows only one writer at a time.

        Raises:
            LockedError: on entering, if there is another writer.
        """

    def join(self) -> AbstractContextManager[object]:
        """Be one of several writers while inside, none of which has the lock.

        Raises:
            LockedError: on entering, if a writer has locked the store for itself.
        """

    def clear_temps(self) -> int:
        """Remove the temps that killed writers left. Returns how many files there were.

        Only the holder of the lock may call this: it would remove the temps of other writers too.
        """

    def free_bytes(self) -> int | None:
        """Bytes that can still be written; None if that is not known."""
