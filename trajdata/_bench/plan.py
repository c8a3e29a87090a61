"""The plan of a benchmark: all that it is asked to measure, validated."""

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
"""How many times each row is measured, in turn with the other rows. The median counts."""

_MOST_BATCH_BYTES = 2**30
_MOST_WORKERS = 64
_MOST_SECONDS = 600.0


@dataclass(frozen=True)
class BenchPlan:
    """What ``bench`` measures.

    Attributes:
        spec: the spec of the clips.
        seed, split: the seed and split of the clips.
        batch_size: clips in a batch.
        workers: numbers of DataLoader workers; each of them is measured.
        seconds: how long each row is measured, all repetitions together, without the time to start
            workers or a bake.
        threads: threads of ``materialize``; None for the number of processors that this process may
            use.
        cached: a finished store of the same stream, which is read as well; or None.

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
        source = ClipSource(self.spec, self.seed, self.split)  # raises if one of them is wrong
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
        """Seconds that one repetition of a row takes."""
        return self.seconds / REPETITIONS

    @property
    def bake_threads(self) -> int:
        """The number of threads that ``threads`` stands for."""
        return check_threads(self.threads)
