"""The ways to get clips, the limits to compare them with, and how each of them is timed."""

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
"""Takes a number of seconds, runs for about that long, and returns clips per second."""

_WARM_BYTES = 32 * 2**20
_MOST_BAKED_BYTES = 2**30
_SHARDS_PER_THREAD = 2
_WRITTEN_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Way:
    """A way to get clips, or a limit.

    Attributes:
        what: the name of the way.
        clip_bytes: bytes that are moved for each clip.
        measure: times the way.
        limit: name of the limit of this way; None for a limit itself.
        source: the kind of source that a DataLoader takes, "live" or "cached"; None if there is no
            DataLoader.
        workers: the number of a DataLoader's workers; None if there is no DataLoader.
    """

    what: str
    clip_bytes: int
    measure: _Measure
    limit: str | None = None
    source: str | None = None
    workers: int | None = None


def ways(plan: BenchPlan, scratch: Path) -> tuple[Way, ...]:
    """All ways and limits that a plan asks for, ready to be timed; limits come first.

    Args:
        plan: what to measure.
        scratch: a folder for bakes; each bake is removed after it was timed.

    Raises:
        OSError: the folder cannot be written to.
    """
    spec, size = plan.spec, plan.batch_size
    video_bytes, record_bytes = spec.clip_bytes, record_layout(spec, STANDARD_ARRAYS).record_bytes
    source = ClipSource(spec, plan.seed, plan.split)
    place = np.zeros((size, *spec.video_shape), np.uint8)
    model = np.ones_like(place)
    firsts = itertools.count(0, size)

    def render() -> object:
        first = next(firsts)
        return source.batch(range(first, first + size))

    live = TrajectoryDataset(source, batch_size=size, fresh=False)
    datasets = {"live": (live, "memset")}
    if plan.cached is not None:
        stored = TrajectoryDataset(open_shards(plan.cached), batch_size=size)
        datasets["cached"] = (stored, "memcpy")
    threads = plan.bake_threads
    return (
        Way("memset", video_bytes, _repeated(lambda: place.fill(0), size)),
        Way("memcpy", video_bytes, _repeated(lambda: np.copyto(place, model), size)),
        Way("disk write", record_bytes, _written(scratch, record_bytes)),
        Way("source.batch", video_bytes, _repeated(render, size), "memset"),
        *(
            Way(
                f"loader, {kind}, {counted(workers, 'worker')}",
                video_bytes,
                _fed(dataset, workers),
                limit,
                kind,
                workers,
            )
            for kind, (dataset, limit) in datasets.items()
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
    """Times a function that handles ``clips`` clips in each call."""

    def measure(seconds: float) -> float:
        step()
        steps, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds or steps == 0:
            step()
            steps += 1
        return steps * clips / spent

    return measure


def _fed(dataset: TrajectoryDataset, workers: int) -> _Measure:
    """Times a new DataLoader, after its workers have started and their queues are full."""

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
    """Times writing and syncing files of 32 MiB, in the way that a shard is written; one thread."""
    store = open_store(scratch)
    with store.lock():
        pass  # entering the lock creates the folders of a store
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
    """Times bakes into new folders, fsync included. The first bake, which is small, tells how many
    clips take about the time that is given."""
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
    """A number and its noun: "1 worker", "2 workers"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
