"""The ways in which clips can come, and the limits beside them: how each of them is timed."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from trajdata._bake.run import materialize
from trajdata._bench.plan import BenchPlan
from trajdata._clips.source import ClipSource
from trajdata._loading.dataset import TrajectoryDataset
from trajdata._loading.feeding import endless_batches
from trajdata._reading.stored import open_shards
from trajdata._shards.layout import STANDARD_ARRAYS, record_layout
from trajdata._store.opening import open_store

__all__ = ["Way", "counted", "ways"]

_Measure: TypeAlias = Callable[[float], float]
"""Runs for about so many seconds and returns clips per second."""

_WARM_BYTES = 32 * 2**20
_MOST_BAKED_BYTES = 2**30
_SHARDS_PER_THREAD = 2
_WRITTEN_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Way:
    """One way in which clips can come, or a limit.

    Attributes:
        what: its name.
        clip_bytes: that are moved for a clip.
        measure: times it.
        limit: name of the limit that bounds it; None for a limit itself.
        stream: of a DataLoader: "live" or "cached".
        workers: of a DataLoader.
    """

    what: str
    clip_bytes: int
    measure: _Measure
    limit: str | None = None
    stream: str | None = None
    workers: int | None = None


def ways(plan: BenchPlan, scratch: Path) -> tuple[Way, ...]:
    """All that a plan asks for, limits first, ready to be timed.

    Args:
        plan: what to measure.
        scratch: a folder for bakes, each of which is removed once it is timed.

    Raises:
        OSError: the folder cannot be written to.
    """
    spec, size = plan.spec, plan.batch_size
    video_bytes, record_bytes = spec.clip_bytes, record_layout(spec, STANDARD_ARRAYS).record_bytes
    source = ClipSource(spec, plan.seed, plan.split)
    place = np.zeros((size, *spec.video_shape), np.uint8)
    model = np.ones_like(place)
    firsts = itertools.count(0, size)

    def draw() -> object:
        first = next(firsts)
        return source.batch(range(first, first + size))

    live = TrajectoryDataset(source, batch_size=size, fresh=False)
    streams = {"live": (live, "memset")}
    if plan.cached is not None:
        stored = TrajectoryDataset(open_shards(plan.cached), batch_size=size)
        streams["cached"] = (stored, "memcpy")
    threads = plan.bake_threads
    return (
        Way("memset", video_bytes, _repeated(lambda: place.fill(0), size)),
        Way("memcpy", video_bytes, _repeated(lambda: np.copyto(place, model), size)),
        Way("disk write", record_bytes, _written(scratch, record_bytes)),
        Way("source.batch", video_bytes, _repeated(draw, size), "memset"),
        *(
            Way(
                f"loader, {stream}, {counted(workers, 'worker')}",
                video_bytes,
                _fed(dataset, workers),
                limit,
                stream,
                workers,
            )
            for stream, (dataset, limit) in streams.items()
            for workers in plan.workers
        ),
        Way(
            f"materialize, {counted(threads, 'thread')}",
            record_bytes,
            _baked(plan, scratch, record_bytes),
            "disk write",
        ),
    )


def _repeated(step: Callable[[], object], clips: int) -> _Measure:
    """``step`` handles so many clips."""

    def measure(seconds: float) -> float:
        step()
        steps, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds or steps == 0:
            step()
            steps += 1
        return steps * clips / spent

    return measure


def _fed(dataset: TrajectoryDataset, workers: int) -> _Measure:
    """A DataLoader of its own, once its workers run and their queues are full."""

    def measure(seconds: float) -> float:
        with closing(endless_batches(dataset, workers)) as batches:
            for _ in range(4 * workers + 1):
                next(batches)
            clips, start = 0, time.perf_counter()
            for batch in batches:
                clips += len(batch["index"])
                spent = time.perf_counter() - start
                if spent >= seconds:
                    break
            return clips / spent

    return measure


def _written(scratch: Path, record_bytes: int) -> _Measure:
    """A file of a shard's size, committed as a shard is; one thread."""
    store = open_store(scratch)
    with store.lock():
        pass  # it makes the folders that a store has
    block = np.resize(np.arange(256, dtype=np.uint8), _WRITTEN_BYTES).data

    def measure(seconds: float) -> float:
        files, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds or files == 0:
            store.put("written", [block], _WRITTEN_BYTES)
            files += 1
        store.remove("written")
        return files * _WRITTEN_BYTES / record_bytes / spent

    return measure


def _baked(plan: BenchPlan, scratch: Path, record_bytes: int) -> _Measure:
    """A folder of its own, fsync included: as large as takes about the time that is given."""
    threads = plan.bake_threads

    def bake(clips: int) -> float:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            return materialize(
                ClipSource(plan.spec, plan.seed, plan.split),
                Path(folder) / "out",
                clips=clips,
                threads=threads,
                shard_clips=-(-clips // (threads * _SHARDS_PER_THREAD)),
            ).clips_per_second

    def measure(seconds: float) -> float:
        clips = int(warm_rate * seconds)
        return bake(max(threads, min(clips, _MOST_BAKED_BYTES // record_bytes)))

    warm_rate = bake(max(threads, _WARM_BYTES // record_bytes))
    return measure


def counted(number: int, noun: str) -> str:
    """ "1 worker", "2 workers"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
