"""A folder as a store: the verbs of a ``Store``, made of system calls."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from trajdata._errors import ShardError
from trajdata._shards.card import CARD
from trajdata._shards.index import INDEX
from trajdata._store.disk import Disk
from trajdata._store.lock import FolderLock
from trajdata._store.names import ASIDE, COMMITS, HIDDEN, LOG, TEMPS
from trajdata._store.protocol import PAGE, Listed, Page
from trajdata._store.writing import commit_chunks, create_file, replace_quickly

__all__ = ["FolderStore", "make_folders"]


class FolderStore:
    """A folder as a ``Store``. It can be pickled; the copy opens the folder again, and its temps
    have names that no other writer's have.

    No link below the folder is followed, with one exception: a shard, the index and the card may be
    links to regular files for reading, because the caches of hubs are made of such links.

    Args:
        disk: the folder's system calls.
        writer: part of its temps' names; needed where the holder of the lock is another process,
            which may clear them.
    """

    def __init__(self, disk: Disk, *, writer: str = "") -> None:
        self.disk = disk
        self._writer = writer

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (os.fspath(self.disk.root),)

    def __repr__(self) -> str:
        return f"FolderStore({self.where!r})"

    @property
    def where(self) -> str:
        """Path of the folder."""
        return os.fspath(self.disk.root)

    def path(self, name: str) -> str:
        """Path of a file."""
        return os.fspath(self.disk.path(name))

    def list(self, prefix: str) -> Iterator[Page]:
        """What lies in a folder below this one, or in itself for "", page by page; see
        ``Store.list``."""
        names = self.disk.list_folder(prefix)
        while page := [Listed(name, None) for name in islice(names, PAGE)]:
            yield page

    def size(self, name: str) -> int | None:
        """Bytes of a file, or None if there is no such file."""
        return self.disk.size(name, follow=_may_be_link(name))

    def read(self, name: str, start: int, size: int) -> bytes | None:
        """Up to ``size`` bytes of a file from ``start`` on, or None if there is no such file."""
        try:
            file = self.disk.open_read(name, follow=_may_be_link(name))
        except FileNotFoundError:
            return None
        try:
            # Not more than the file has: a read of N bytes allocates N bytes first.
            size = min(size, self.disk.written(file) - start)
            parts = []
            while size > 0 and (part := self.disk.read(file, start, size)):
                parts.append(part)
                start, size = start + len(part), size - len(part)
            return b"".join(parts)
        finally:
            self.disk.close(file)

    def view(self, name: str) -> memoryview:
        """A whole file, mapped into memory, read-only."""
        file = self.disk.open_read(name, follow=_may_be_link(name))
        try:
            return memoryview(self.disk.map(file) if self.disk.written(file) else b"")
        finally:
            self.disk.close(file)

    def put(
        self, name: str, chunks: Iterable[memoryview], size: int, *, durable: bool = True
    ) -> None:
        """Write a whole file; it replaces one that has the name. See ``Store.put``."""
        write = commit_chunks if durable else replace_quickly
        with self._noticing_loss():
            write(self.disk, name, chunks, size, self._writer)

    def overwrite(self, name: str, data: bytes) -> None:
        """Replace the content of a small existing file in place; see ``Store.overwrite``."""
        if self.disk.size(name) is None:
            return
        self.disk.check_identity()
        file = self.disk.open_shared(name)
        try:
            self.disk.overwrite(file, data)
        finally:
            self.disk.close(file)

    def create(self, name: str, data: bytes) -> bool:
        """Write a whole small file unless the name is taken. Returns whether this call wrote it."""
        with self._noticing_loss():
            return create_file(self.disk, name, data, self._writer)

    def remove(self, name: str) -> None:
        """Remove a file. Returns once a power loss cannot bring the file back."""
        self.disk.remove(name)
        self.disk.sync_folder(os.path.dirname(name))

    def discard(self, names: Sequence[str]) -> None:
        """Remove those of some files that are there; see ``Store.discard``."""
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                self.disk.remove(name)
        for folder in sorted({os.path.dirname(name) for name in names}):
            self.disk.sync_folder(folder)

    def set_aside(self, name: str) -> str:
        """Move a file into ``ASIDE``, under a name that is free there. Returns the new name."""
        self.disk.make_folder(ASIDE)
        self.disk.sync_folder(HIDDEN)
        taken = set(self.disk.list_folder(ASIDE))
        short = os.path.basename(name)
        free = next(n for n in range(len(taken) + 1) if f"{short}.{n}" not in taken)
        self.disk.rename(name, f"{ASIDE}/{short}.{free}")
        # The folder of the new name is synced first: a power loss between the two syncs then leaves
        # the file with both names, and not with none.
        self.disk.sync_folder(ASIDE)
        self.disk.sync_folder(os.path.dirname(name))
        return f"{ASIDE}/{short}.{free}"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Create the folder and its hidden folders if need be, and be the only writer inside.

        Raises:
            LockedError: on entering, if another process holds the lock; nothing was written.
        """
        with self._locked(FolderLock(self.disk)):
            yield

    @contextmanager
    def join(self) -> Iterator[None]:
        """Create the folder and its hidden folders if need be, and be one of several writers.

        Raises:
            LockedError: on entering, if a process holds the lock alone; nothing was written.
        """
        with self._locked(FolderLock(self.disk, is_shared=True)):
            yield

    @contextmanager
    def _locked(self, lock: FolderLock) -> Iterator[None]:
        with self._noticing_loss():
            make_folders(self.disk)
            lock.__enter__()
        try:
            # Another process may have replaced the folder before this one was locked.
            self.disk.check_identity()
            yield
        except (ShardError, OSError):
            # The cause may be that the folder was replaced: then the error should say that.
            self.disk.check_identity()
            raise
        finally:
            lock.__exit__(None, None, None)

    def clear_temps(self) -> int:
        """Remove the temps that killed writers left. Returns how many files there were."""
        names = list(self.disk.list_folder(TEMPS))
        for name in names:
            self._remove_temp(f"{TEMPS}/{name}")
        return len(names)

    def open_log(self) -> int:
        """Open the log of a bake that runs in the background, for writing at its end."""
        return self.disk.open_append(LOG)

    def close(self) -> None:
        """Close the folders that are held open."""
        self.disk.close_folders()

    def _remove_temp(self, name: str) -> None:
        try:
            self.disk.remove(name)
        except (IsADirectoryError, PermissionError):
            self.disk.size(name)  # raises a clearer error if the name belongs to a folder
            raise

    @contextmanager
    def _noticing_loss(self) -> Iterator[None]:
        """If a file inside cannot be found, find out whether the whole folder is gone.

        Raises:
            OSError: ESTALE, if the folder was removed or replaced.
        """
        try:
            yield
        except FileNotFoundError:
            self.disk.check_identity()
            raise

    def free_bytes(self) -> int:
        """Bytes that can still be written to this filesystem."""
        return self.disk.free_bytes()


def _may_be_link(name: str) -> bool:
    """Whether a file may be read through a link: a shard, the index and the card."""
    return "/" not in name and (name.endswith(".tar") or name in (INDEX, CARD))


def _rebuild(root: str) -> FolderStore:
    return FolderStore(Disk(root), writer=os.urandom(8).hex())


def make_folders(disk: Disk) -> None:
    """Create the folder and its hidden folders, safe against a power loss."""
    disk.make_folder("")
    if HIDDEN not in disk.list_folder(""):
        for name in _folders_above(disk):
            disk.sync_folder(name)
    for name in (COMMITS, TEMPS):
        disk.make_folder(name)
    # The name of a new folder is an entry of the folder above, which is synced for that. And an
    # earlier run may have been killed after a rename and before the sync: this makes up for it.
    for name in (COMMITS, HIDDEN, ""):
        disk.sync_folder(name)


def _folders_above(disk: Disk) -> Iterator[str]:
    """The folders above, nearest first, whose entries this run may have changed by creating the
    folder, or a run that was killed just after that.

    The way up ends at another filesystem or at a folder that cannot be read: a bake creates no
    folder there.
    """
    device = os.stat(disk.root).st_dev
    for level in range(1, len(disk.root.absolute().parents) + 1):
        name = "/".join([".."] * level)
        above = disk.path(name)
        if os.stat(above).st_dev != device or not os.access(above, os.R_OK):
            return
        yield name
