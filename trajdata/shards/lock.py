"""One writer for a folder at a time."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path
from types import TracebackType

from trajdata.errors import LockedError
from trajdata.shards.commit import HIDDEN

__all__ = ["FolderLock"]

LOCK = f"{HIDDEN}/lock"

_held: set[FolderLock] = set()
_forks_are_watched = False


class FolderLock:
    """A lock that the kernel gives back when its process ends, however it ends.

    Use it as a context manager. The file says who holds it and stays when the lock is given back.
    A child forked meanwhile closes its copy, so an orphan cannot keep the folder locked.

    Args:
        folder: it must have its hidden folder already.

    Raises:
        LockedError: on entering, when another process holds it; nothing was written.
        OSError: on entering, when the filesystem cannot lock or cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = -1

    def __enter__(self) -> FolderLock:
        if sys.platform == "win32":
            raise OSError("baking is for Linux and macOS: Windows has no flock")
        import fcntl

        file = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LockedError(self._folder, _owner(file)) from error
            owner = {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "start": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            }
            os.ftruncate(file, 0)
            os.pwrite(file, json.dumps(owner).encode("ascii") + b"\n", 0)
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
    """Who holds the lock, for people; the file is nobody's promise."""
    try:
        owner = json.loads(os.pread(file, 1000, 0))
        return f"process {owner['pid']} on {owner['host']}, since {owner['start']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
