"""Threads that draw the next batches while the trainer is busy with one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["drawn_ahead", "parts_ahead"]

P = TypeVar("P")
B = TypeVar("B")

_AHEAD = 2
"""Batches beside one for each thread: one that is finished while the others are drawn."""


def parts_ahead(threads: int) -> int:
    """How many parts so many threads draw ahead, at most."""
    return threads + _AHEAD if threads else 0


def drawn_ahead(draw: Callable[[P], B], parts: Iterable[P], threads: int) -> Iterator[tuple[P, B]]:
    """Every part with what ``draw`` makes of it, in the order of the parts.

    Args:
        draw: may be called by several threads at once.
        parts: may be endless.
        threads: that draw ahead, at most ``parts_ahead(threads)``; 0: none does. They end with the
            iterator, also where it is dropped half-way.

    Raises:
        Exception: what ``draw`` raised, at the part for which it did.
    """
    if threads == 0:
        for part in parts:
            yield part, draw(part)
        return
    left = iter(parts)
    drawing: deque[tuple[P, Future[B]]] = deque()
    pool = ThreadPoolExecutor(threads, "trajdata-prefetch")
    try:
        while True:
            while len(drawing) < parts_ahead(threads):
                for part in left:
                    drawing.append((part, pool.submit(draw, part)))
                    break
                else:
                    break
            if not drawing:
                return
            # No name holds the batch here while the trainer has it.
            yield _finished(*drawing.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _finished(part: P, drawn: Future[B]) -> tuple[P, B]:
    return part, drawn.result()
