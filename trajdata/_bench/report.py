"""Run a benchmark: time each way to get clips, and say what that means for a trainer."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trajdata._bake.agreement import check_threads
from trajdata._bench.plan import REPETITIONS, BenchPlan
from trajdata._bench.ways import Way, counted, ways

__all__ = ["BenchReport", "BenchRow", "bench"]


@dataclass(frozen=True)
class BenchRow:
    """How fast one way to get clips is, or one limit.

    Attributes:
        what: the row's name.
        source: the kind of source that a DataLoader takes, "live" or "cached"; None in other rows.
        workers: the number of a DataLoader's workers; None in other rows.
        clips_per_second: the median of ``runs``.
        bytes_per_second: bytes of video a second; in rows that write to disk, bytes of records.
        batch_ms: time for a batch, milliseconds.
        limit: name of the row that limits this one; None for a limit itself.
        share: this row's clips per second divided by those of its limit.
        runs: clips per second of each repetition.
    """

    what: str
    source: str | None
    workers: int | None
    clips_per_second: float
    bytes_per_second: float
    batch_ms: float
    limit: str | None
    share: float | None
    runs: tuple[float, ...]


@dataclass(frozen=True)
class BenchReport:
    """What ``bench`` found.

    Attributes:
        plan: what was asked for.
        cores: how many processors this process may use.
        rows: one for each way and each limit; limits come first.
    """

    plan: BenchPlan
    cores: int
    rows: tuple[BenchRow, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The kinds of source that were measured: "live", and "cached" if a store was given."""
        return tuple(dict.fromkeys(row.source for row in self.rows if row.source is not None))

    @property
    def advice(self) -> str:
        """A line for each kind of source: how many workers a trainer should take."""
        return "\n".join(_advice(source, self.loaders(source)) for source in self.sources)

    def loaders(self, source: str) -> dict[int, float]:
        """Number of workers -> batches per second of a DataLoader, for one kind of source."""
        return {
            row.workers: 1e3 / row.batch_ms
            for row in self.rows
            if row.source == source and row.workers is not None
        }

    def as_json(self) -> dict[str, Any]:
        """The report for programs."""
        plan = self.plan
        return {
            "video_shape": list(plan.spec.video_shape),
            "fingerprint": plan.spec.fingerprint,
            "batch_size": plan.batch_size,
            "seconds": plan.seconds,
            "repetitions": REPETITIONS,
            "threads": plan.bake_threads,
            "cached": None if plan.cached is None else os.fspath(plan.cached),
            "cores": self.cores,
            "rows": [asdict(row) for row in self.rows],
            "fastest": {source: _fastest(self.loaders(source)) for source in self.sources},
            "advice": self.advice,
        }


def bench(
    plan: BenchPlan, scratch: Path, on_step: Callable[[str], None] | None = None
) -> BenchReport:
    """Time all ways to get clips. The repetitions of the ways alternate, so that a noisy moment
    does not fall on one of them alone.

    Args:
        plan: what to measure.
        scratch: a folder on the disk that a bake would go to; the files written there are removed.
        on_step: called with what is measured next, in words.

    Raises:
        OSError: the scratch folder cannot be written to.
    """
    tell = on_step or (lambda step: None)
    tell("getting ready; compiling takes half a minute the first time")
    todo = ways(plan, scratch)
    runs: dict[str, list[float]] = {way.what: [] for way in todo}
    for repetition in range(REPETITIONS):
        for way in todo:
            tell(f"{repetition + 1} of {REPETITIONS}: {way.what}")
            runs[way.what].append(way.measure(plan.slice_seconds))
    medians = {what: statistics.median(rates) for what, rates in runs.items()}
    rows = tuple(_row(way, plan.batch_size, medians, tuple(runs[way.what])) for way in todo)
    return BenchReport(plan, check_threads(None), rows)


def _row(way: Way, batch_size: int, medians: dict[str, float], runs: tuple[float, ...]) -> BenchRow:
    rate = medians[way.what]
    return BenchRow(
        what=way.what,
        source=way.source,
        workers=way.workers,
        clips_per_second=rate,
        bytes_per_second=rate * way.clip_bytes,
        batch_ms=1e3 * batch_size / rate,
        limit=way.limit,
        share=None if way.limit is None else rate / medians[way.limit],
        runs=runs,
    )


def _fastest(loaders: dict[int, float]) -> int:
    return max(loaders, key=lambda workers: loaders[workers])


def _advice(source: str, loaders: dict[int, float]) -> str:
    """How many workers to take. Workers make batches while the trainer is busy; without them, it
    waits for each batch."""
    fastest = _fastest(loaders)
    waits = []
    if 0 in loaders:
        waits.append(f"waits R x {1e3 / loaders[0]:.3g} ms in each second without workers")
    enough = []
    best = 0.0
    for workers in sorted(loaders.keys() - {0}):
        # A larger number of workers that is not faster helps no trainer, so it is left out.
        if loaders[workers] > best:
            best = loaders[workers]
            enough.append(f"up to R = {best:,.0f} with {counted(workers, 'worker')}")
    if enough:
        waits.append(f"need not wait {', '.join(enough)}")
    return (
        f"{source.capitalize()}: {loaders[fastest]:,.0f} batches/s at most, with "
        f"{counted(fastest, 'worker')}; a trainer that takes R batches/s {', and '.join(waits)}."
    )
