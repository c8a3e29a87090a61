"""A few numbers that a process shares with the workers of its DataLoaders."""

from __future__ import annotations

import mmap
import multiprocessing.context
import os
import sys
import weakref
from collections.abc import Sequence
from multiprocessing.reduction import DupFd
from typing import Any

import numpy as np

from trajdata._loading.transport.memory import create

__all__ = ["SharedNumbers"]


class SharedNumbers:
    """int64 numbers in memory that worker processes share with their parent.

    The parent and its workers, forked or spawned, see each other's changes. A copy that is made by
    ``copy.deepcopy`` or by a pickle for another purpose has numbers of its own.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        size = 8 * len(numbers)
        self._tag: str | None = None
        self._descriptor: int | None = None
        if sys.platform == "win32":
            self._tag = f"trajdata-{os.urandom(8).hex()}"
            self._hold(mmap.mmap(-1, size, tagname=self._tag))
        else:
            try:
                self._descriptor = create(size)
            except OSError:
                # Without a file, forked workers share this memory too, but spawned ones cannot.
                self._hold(mmap.mmap(-1, size))
            else:
                self._hold(mmap.mmap(self._descriptor, size))
                weakref.finalize(self, os.close, self._descriptor).atexit = False
        self._numbers[:] = numbers

    def _hold(self, memory: mmap.mmap) -> None:
        self._numbers = np.frombuffer(memory, np.int64)

    def __getitem__(self, place: int) -> int:
        return int(self._numbers[place])

    def __setitem__(self, place: int, number: int) -> None:
        self._numbers[place] = number

    def __reduce__(self) -> tuple[Any, ...]:
        numbers = self._numbers.tolist()
        if multiprocessing.context.get_spawning_popen() is None:
            return SharedNumbers, (numbers,)
        if self._descriptor is not None:
            return _opened, (DupFd(self._descriptor), len(numbers))
        if self._tag is not None:
            return _tagged, (self._tag, len(numbers))
        raise OSError(
            "there is no memory that could be shared with spawned workers; take "
            "multiprocessing_context='fork' or num_workers=0"
        )


def _opened(sent: Any, count: int) -> SharedNumbers:
    shared = SharedNumbers.__new__(SharedNumbers)
    shared._tag, shared._descriptor = None, sent.detach()
    shared._hold(mmap.mmap(shared._descriptor, 8 * count))
    weakref.finalize(shared, os.close, shared._descriptor).atexit = False
    return shared


def _tagged(tag: str, count: int) -> SharedNumbers:
    shared = SharedNumbers.__new__(SharedNumbers)
    shared._tag, shared._descriptor = tag, None
    if sys.platform == "win32":
        shared._hold(mmap.mmap(-1, 8 * count, tagname=tag))
    return shared
