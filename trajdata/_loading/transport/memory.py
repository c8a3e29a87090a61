"""Shared memory without a name: the system frees it when the last process that has it ends."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from multiprocessing.reduction import DupFd
from typing import Any, Protocol

__all__ = ["Handle", "ProcessFile", "SentFile", "create", "handle_of"]

_ZEROS = bytes(1 << 20)


class Handle(Protocol):
    """Tells another process how to open some memory. A DataLoader's queue can carry it."""

    def open(self) -> int:
        """A file descriptor of the memory, for this process. The caller must close it.

        Raises:
            OSError: the process that made the memory has ended.
        """
        ...

    def discard(self) -> None:
        """To be called instead of ``open`` if the memory need not be opened."""
        ...


@dataclass(frozen=True)
class ProcessFile:
    """An open file of another process of the same user, which Linux lists in /proc."""

    pid: int
    descriptor: int

    def open(self) -> int:
        return os.open(f"/proc/{self.pid}/fd/{self.descriptor}", os.O_RDWR | os.O_CLOEXEC)

    def discard(self) -> None:
        """Nothing to do: the sender keeps nothing for an open."""


class SentFile:
    """An open file, sent over a socket of multiprocessing. Each can be opened only once."""

    def __init__(self, descriptor: int) -> None:
        self._sent: Any = DupFd(descriptor)

    def open(self) -> int:
        descriptor: int = self._sent.detach()
        return descriptor

    def discard(self) -> None:
        # The sender keeps a copy of the descriptor open until it is fetched.
        os.close(self.open())


def create(size: int) -> int:
    """A file descriptor of ``size`` zeroed bytes of memory without a name.

    Raises:
        OSError: this system has no such memory, or not enough of it.
    """
    if sys.platform == "linux":
        # /dev/shm would not do, because containers keep it small. Pages of a memfd that are never
        # touched cost nothing.
        descriptor = os.memfd_create("trajdata", os.MFD_CLOEXEC)
        try:
            os.ftruncate(descriptor, size)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor
    if os.name != "posix":
        raise OSError(f"no memory without a name on {sys.platform}")
    return _unlinked_file(size)


def _unlinked_file(size: int) -> int:
    with tempfile.TemporaryFile(buffering=0) as file:
        # The zeros are written, so that each page has a block on the disk: on a full disk, a
        # process that touches a page without a block is killed.
        left = size
        while left:
            left -= file.write(_ZEROS[:left])
        return os.dup(file.fileno())


def handle_of(descriptor: int) -> Handle:
    """A handle by which another process can open this process's file.

    Raises:
        OSError: no other process could open it.
    """
    if sys.platform != "linux":
        return SentFile(descriptor)
    # A socket of multiprocessing has a name in a folder, which a killed worker would leave behind,
    # so /proc is used. Listing raises if this process may not look into its parent; if it may, then
    # the parent may look into this process too.
    os.listdir(f"/proc/{os.getppid()}/fd")
    return ProcessFile(os.getpid(), descriptor)
