"""The lock of a folder, which lets in one writer at a time."""

from __future__ import annotations

import json
import os
import socket
import time
from types import TracebackType

from trajdata._errors import LockedError
from trajdata._store.disk import Disk
from trajdata._store.names import LOCK

__all__ = ["FolderLock"]

_held: set[FolderLock] = set()
_forks_are_watched = False


class FolderLock:
    """A lock that the operating system releases when its process ends, however it ends.

    Use it as a context manager. The lock file says who holds the lock, and stays when the lock is
    released. A child process that is forked meanwhile closes its copy of the file, so that it
    cannot keep the folder locked after its parent has ended.

    Args:
        disk: the folder, which must have its hidden folder already.
        is_shared: whether other processes may hold it too, all of them shared.

    Raises:
        LockedError: on entering, if another process holds the lock; nothing was written.
        OSError: on entering, if the filesystem has no locks or cannot be written.
    """

    def __init__(self, disk: Disk, *, is_shared: bool = False) -> None:
        self._disk = disk
        self._is_shared = is_shared
        self._file = -1

    def __enter__(self) -> FolderLock:
        file = self._disk.open_shared(LOCK)
        try:
            try:
                self._disk.lock(file, is_shared=self._is_shared)
            except BlockingIOError as error:
                raise LockedError(self._disk.root, _owner(file)) from error
            owner = {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "start": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            }
            if self._is_shared:
                owner["pid"] = f"{owner['pid']} and perhaps others"
            self._disk.overwrite(file, json.dumps(owner).encode("ascii") + b"\n")
        except BaseException:
            os.close(file)
            raise
        self._file = file
        _watch_forks()
        _held.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        _held.discard(self)
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _watch_forks() -> None:
    global _forks_are_watched
    if not _forks_are_watched:
        os.register_at_fork(after_in_child=_close_all)
        _forks_are_watched = True


def _close_all() -> None:
    for lock in list(_held):
        lock._close()


def _owner(file: int) -> str:
    """Who holds the lock, for messages. The file may say anything, so it is read with care."""
    try:
        owner = json.loads(os.pread(file, 1000, 0))
        return f"process {owner['pid']} on {owner['host']}, since {owner['start']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return "another process"
