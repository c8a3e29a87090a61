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
"""How many batches may be waiting or finished in addition to the one that each thread makes."""


def parts_ahead(threads: int) -> int:
    """The largest number of parts that ``threads`` threads are ahead of the caller."""
    return threads + _AHEAD if threads else 0


def made_ahead(
    make: Callable[[_P], _B], parts: Iterable[_P], threads: int
) -> Iterator[tuple[_P, _B]]:
    """Yield every part together with ``make(part)``, in the order of the parts.

    Args:
        make: may be called by several threads at once.
        parts: may be endless.
        threads: how many threads call ``make`` ahead of the caller; with 0, the caller's thread
            does. The threads end with the iterator, also if it is closed before its end.

    Raises:
        Exception: the exception that ``make`` raised for a part, when this part is due.
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
            # No variable here refers to the batch while the trainer has it.
            yield _finished(*waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _finished(part: _P, made: Future[_B]) -> tuple[_P, _B]:
    return part, made.result()
