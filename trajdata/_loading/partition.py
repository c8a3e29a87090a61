"""Which positions of an epoch a rank and a worker take: integer arithmetic only.

An epoch is the positions 0 .. length - 1. From ``start`` on they are cut into global batches of
``world_size * batch`` consecutive positions, which are numbered 0, 1, ... Rank r takes the r-th
slice of each global batch. Within a rank, worker w of W takes those with the numbers w, w + W, ...
An ordinary DataLoader asks its workers in turn, so it gives out the batches in the order of their
numbers for every W.

The last global batch may be short. It too is cut into ``world_size`` equal slices, so that every
rank has the same number of batches, and the batches with the same number have the same size. With
``multiple``, the epoch is shortened to a multiple of this number first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from trajdata._checks import whole_number
from trajdata._errors import ArgumentError

__all__ = ["Partition"]


@dataclass(frozen=True)
class Partition:
    """How the positions of an epoch are shared among ranks and workers.

    Attributes:
        length: clips in an epoch, all ranks together; None if the dataset is endless.
        batch: clips that a rank takes of each global batch.
        rank: the number of this rank.
        world_size: how many ranks there are.
        multiple: if given, all ranks together show a multiple of this many clips, and the clips
            left over at the end of an epoch are not shown. It must be a multiple of ``world_size``.
            None means that all clips are shown.

    Raises:
        ArgumentError: a number is out of range, or the ranks cannot share the length equally.
    """

    length: int | None
    batch: int
    rank: int = 0
    world_size: int = 1
    multiple: int | None = None

    def __post_init__(self) -> None:
        if self.length is not None:
            whole_number("length", self.length, 1, 2**63 - 1)
        whole_number("batch", self.batch, 1)
        whole_number("world_size", self.world_size, 1)
        whole_number("rank", self.rank, 0, self.world_size - 1)
        if self.length is None:
            return
        if self.multiple is not None:
            if self.length < self.multiple:
                raise ArgumentError(
                    f"length: given {self.length} with drop_last=True, which leaves nothing: "
                    f"{self.world_size} ranks show {self.multiple} clips at a time; allowed is "
                    f"{self.multiple} or more"
                )
        elif self.length % self.world_size:
            below = self.length - self.length % self.world_size
            nearest = [n for n in (below, below + self.world_size) if n > 0]
            raise ArgumentError(
                f"length: given {self.length} with world_size {self.world_size}; every rank must "
                f"get as many clips: the nearest lengths allowed are {_either(nearest)}, or "
                f"drop_last=True, which takes the lower one"
            )

    @property
    def global_batch(self) -> int:
        """Clips that all ranks together take at a time."""
        return self.world_size * self.batch

    def check_start(self, start: int) -> int:
        """``start`` as an int, if an epoch can be partitioned from there.

        Raises:
            ArgumentError: ``start`` is outside 0 .. length, or the ranks cannot share equally what
                remains.
        """
        start = whole_number("start", start, 0, 2**63 - 1 if self.length is None else self.length)
        shared = self.multiple is not None or self.length is None
        if not shared and (self.length - start) % self.world_size:  # type: ignore[operator]
            below = start - start % self.world_size
            raise ArgumentError(
                f"start: given {start} with length {self.length} and world_size {self.world_size}; "
                f"every rank must get as many of the clips that remain: the nearest starts allowed "
                f"are {_either([below, below + self.world_size])}"
            )
        return start

    def end(self, start: int) -> int | None:
        """The position at which an epoch partitioned from ``start`` ends; None: endless."""
        if self.length is None:
            return None
        return self.length - (self.length - start) % (self.multiple or 1)

    def rank_clips(self, start: int) -> int | None:
        """Clips that each rank takes of an epoch partitioned from ``start``; None: endless."""
        end = self.end(start)
        return None if end is None else (end - start) // self.world_size

    def rank_batches(self, start: int) -> int | None:
        """Batches that each rank takes of an epoch partitioned from ``start``; None: endless."""
        end = self.end(start)
        return None if end is None else -(-(end - start) // self.global_batch)

    def positions(self, start: int, number: int) -> range:
        """The positions of this rank's batch with this number; empty after the last batch."""
        first = start + number * self.global_batch
        size = self.batch
        end = self.end(start)
        if end is not None:
            size = max(0, min(size, (end - first) // self.world_size))
        return range(first + self.rank * size, first + (self.rank + 1) * size)

    def worker_positions(
        self, start: int, worker: int, workers: int, given: int = 0
    ) -> Iterator[range]:
        """The positions of one worker's batches, without the first ``given`` clips of the worker.

        If only some clips of a batch were given, the positions of its other clips come first.
        """
        whole, part = divmod(given, self.batch)
        first = worker + whole * workers
        total = self.rank_batches(start)
        numbers = itertools.count(first, workers) if total is None else range(first, total, workers)
        for number in numbers:
            left = self.positions(start, number)[part:]
            part = 0
            if left:
                yield left

    def worker_clips(self, start: int, worker: int, workers: int) -> int:
        """Clips that one worker takes of an epoch partitioned from ``start``. Not for an endless
        epoch."""
        total = self.rank_batches(start) or 0
        count = len(range(worker, total, workers))
        if count == 0:
            return 0
        last = worker + (count - 1) * workers
        return (count - 1) * self.batch + len(self.positions(start, last))

    def consumed(self, start: int, worker: int, workers: int, given: int) -> int:
        """Clips of the epoch that all ranks have consumed, if the latest clip is this worker's.

        Args:
            start: the position from which the epoch was partitioned.
            worker, workers: the worker that gave the latest clip, and how many workers there are.
            given: how many clips this worker has given so far.

        Returns:
            The value of ``start`` with which the epoch goes on.
        """
        if given == 0:
            return start
        before = (given - 1) // self.batch
        number = worker + before * workers
        return start + number * self.global_batch + (given - before * self.batch) * self.world_size

    def after(self, start: int, batches: int) -> int:
        """Clips of the epoch that all ranks have consumed after ``batches`` batches each."""
        reached = start + batches * self.global_batch
        end = self.end(start)
        return reached if end is None else min(reached, end)


def _either(numbers: list[int]) -> str:
    return " and ".join(str(number) for number in numbers)
