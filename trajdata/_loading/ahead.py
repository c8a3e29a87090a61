"""Threads that make the next batches while the trainer is busy with one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["made_ahead", "parts_ahead"]

_P = TypeVar("_P")
_B = TypeVar("_B")

_AHEAD = 2
"""Batches beside one for each thread: one that is finished while the others are being made."""


def parts_ahead(threads: int) -> int:
    """How many parts so many threads are ahead, at most."""
    return threads + _AHEAD if threads else 0


def made_ahead(
    make: Callable[[_P], _B], parts: Iterable[_P], threads: int
) -> Iterator[tuple[_P, _B]]:
    """Every part with what ``make`` makes of it, in the order of the parts.

    Args:
        make: may be called by several threads at once.
        parts: may be endless.
        threads: that make batches ahead, at most ``parts_ahead(threads)``; 0: none does. They end
            with the iterator, also where it is dropped half-way.

    Raises:
        Exception: what ``make`` raised, at the part for which it did.
    """
    if threads == 0:
        for part in parts:
            yield part, make(part)
        return
    left = iter(parts)
    waiting: deque[tuple[_P, Future[_B]]] = deque()
    pool = ThreadPoolExecutor(threads, "trajdata-prefetch")
    try:
        while True:
            while len(waiting) < parts_ahead(threads):
                for part in left:
                    waiting.append((part, pool.submit(make, part)))
                    break
                else:
                    break
            if not waiting:
                return
            # No name holds the batch here while the trainer has it.
            yield _finished(*waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _finished(part: _P, made: Future[_B]) -> tuple[_P, _B]:
    return part, made.result()
