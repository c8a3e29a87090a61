"""What is to be measured, in one validated value."""

from __future__ import annotations

import os
from dataclasses import dataclass

from trajdata._bake.agreement import check_threads
from trajdata._checks import whole_number
from trajdata._clips.source import ClipSource
from trajdata._errors import ArgumentError, SpecMismatchError
from trajdata._reading.stored import open_shards
from trajdata._shards.recipe import stream_differences
from trajdata._spec.model import ClipSpec

__all__ = ["REPETITIONS", "BenchPlan"]

REPETITIONS = 5
"""Of every measurement, in turn with those of the others; what counts is the median."""

_MOST_BATCH_BYTES = 2**30
_MOST_WORKERS = 64
_MOST_SECONDS = 600.0


@dataclass(frozen=True)
class BenchPlan:
    """What ``bench`` measures.

    Attributes:
        spec: of the clips.
        seed, split: of their stream.
        batch_size: clips in a batch.
        workers: of a DataLoader; each of these numbers is measured.
        seconds: that each row is measured, all repetitions together, without what it takes to
            start workers or a bake.
        threads: of ``materialize``; None for the processors this process may use.
        cached: a finished folder of shards of that stream, to be read as well; or None.

    Raises:
        ArgumentError: names the field, the value given and what is allowed.
        SpecMismatchError: ``cached`` holds another stream.
        ShardError: ``cached`` is damaged.
    """

    spec: ClipSpec
    seed: int = 0
    split: str = "train"
    batch_size: int = 128
    workers: tuple[int, ...] = (0, 1, 2)
    seconds: float = 1.0
    threads: int | None = None
    cached: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        source = ClipSource(self.spec, self.seed, self.split)  # it checks these three
        whole_number("batch_size", self.batch_size, 1, max(1, _MOST_BATCH_BYTES // self.clip_bytes))
        if not self.workers:
            raise ArgumentError("workers: given none; allowed is at least one number of workers")
        for number in self.workers:
            whole_number("workers", number, 0, _MOST_WORKERS)
        if len(set(self.workers)) < len(self.workers):
            raise ArgumentError(f"workers: given {self.workers}; each number may occur once")
        if not 0 < self.seconds <= _MOST_SECONDS:
            raise ArgumentError(
                f"seconds: given {self.seconds!r}; allowed are numbers above 0, up to "
                f"{_MOST_SECONDS:g}"
            )
        check_threads(self.threads)
        if self.cached is not None:
            differences = stream_differences(source, open_shards(self.cached))
            if differences:
                raise SpecMismatchError(os.fspath(self.cached), differences)

    @property
    def clip_bytes(self) -> int:
        """Bytes of a clip's video."""
        return self.spec.clip_bytes

    @property
    def slice_seconds(self) -> float:
        """What one repetition of a row takes."""
        return self.seconds / REPETITIONS

    @property
    def bake_threads(self) -> int:
        """``threads`` as a number."""
        return check_threads(self.threads)
