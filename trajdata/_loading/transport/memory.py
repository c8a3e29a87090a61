"""Shared memory that no name leads to: the kernel frees it with the last process that holds it."""

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
    """Can be pickled into a DataLoader's queue."""

    def open(self) -> int:
        """A file descriptor of the memory for this process, which must close it.

        Raises:
            OSError: the process that made the memory has ended.
        """
        ...

    def discard(self) -> None:
        """Where nobody needs to open it."""
        ...


@dataclass(frozen=True)
class ProcessFile:
    """An open file of another process of the same user, by way of Linux's /proc."""

    pid: int
    descriptor: int

    def open(self) -> int:
        return os.open(f"/proc/{self.pid}/fd/{self.descriptor}", os.O_RDWR | os.O_CLOEXEC)

    def discard(self) -> None:
        """Nothing waits to be opened."""


class SentFile:
    """An open file, sent over the socket that multiprocessing keeps for that: one open() each."""

    def __init__(self, descriptor: int) -> None:
        self._sent: Any = DupFd(descriptor)

    def open(self) -> int:
        descriptor: int = self._sent.detach()
        return descriptor

    def discard(self) -> None:
        # The sending process keeps a copy open until it is asked for.
        os.close(self.open())


def create(size: int) -> int:
    """A file descriptor of ``size`` zeroed bytes that no name leads to.

    Raises:
        OSError: there is no such memory here, or not enough.
    """
    if sys.platform == "linux":
        # Not in /dev/shm, which containers keep small; and pages that are never touched cost
        # nothing.
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
        # Written, not truncated: on a full disk a page that has no block yet kills who touches it.
        left = size
        while left:
            left -= file.write(_ZEROS[:left])
        return os.dup(file.fileno())


def handle_of(descriptor: int) -> Handle:
    """What leads another process to this process's file.

    Raises:
        OSError: nothing would.
    """
    if sys.platform != "linux":
        return SentFile(descriptor)
    # Not by a socket: multiprocessing's has a name, which a killed worker would leave behind.
    # Whether the parent may look into this process is seen from whether this may look into it.
    os.listdir(f"/proc/{os.getppid()}/fd")
    return ProcessFile(os.getpid(), descriptor)
