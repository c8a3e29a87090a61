"""How fast clips come, each way they can come: python benchmarks/throughput.py

For clips of 8 x 3 x 32 x 32 and of 16 x 3 x 64 x 64: the source, the DataLoader with 0, 1 and 2
workers on live and on baked clips, and materializing; beside them what bounds them. memset and
memcpy stand there twice: of one batch's bytes in the same place again and again, which the
processor's cache holds, and of batch after batch through more memory than it can hold, as a
training run uses memory. The source is measured in both places as well. Every figure is the median
of repetitions that alternate with those of the other figures.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import rich
from measuring import BATCH, CASES, Case, alternated, arguments, save
from rich.table import Table

from trajdata import ClipSource, TrajectoryDataset, materialize, open_shards
from trajdata._clips.fields import DEFAULT_FIELDS, TEXT_FIELDS
from trajdata._loading.feeding import endless_batches
from trajdata._shards.layout import STANDARD_ARRAYS, default_shard_clips
from trajdata._shards.recipe import Recipe
from trajdata._shards.records import RecordBuilder
from trajdata._store.opening import open_store

WORKERS = (0, 1, 2)
THREADS = 2
LEAST_SECONDS = 0.2
MEMORY_BYTES = 256 << 20
RECORDS_BYTES = 8 << 20
BAKES = 4
"""Times the clips that are read: a bake's ends, where threads wait, should weigh little."""

Measure = Callable[[], float]
"""Runs once and returns clips per second."""


def repeated(step: Callable[[], object], clips: int = BATCH, *, warm: int = 1) -> Measure:
    """Calls ``step``, which handles so many clips, for at least LEAST_SECONDS.

    Before that it is called ``warm`` times: what was idle for some seconds, the system may have
    to find again.
    """

    def measure() -> float:
        for _ in range(warm):
            step()
        steps, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < LEAST_SECONDS:
            step()
            steps += 1
        return steps * clips / spent

    return measure


def in_threads(steps: Sequence[Callable[[], object]], clips: int) -> Measure:
    """Runs every step, which handles so many clips, in a thread of its own, side by side."""

    def measure() -> float:
        with ThreadPoolExecutor(len(steps)) as pool:
            return sum(pool.map(lambda step: repeated(step, clips)(), steps))

    return measure


def loaded(dataset: TrajectoryDataset, workers: int, warm: int) -> Measure:
    """Takes batches from a DataLoader for at least LEAST_SECONDS, after ``warm`` of them."""

    def measure() -> float:
        with closing(endless_batches(dataset, workers)) as stream:
            for _ in islice(stream, warm):
                pass
            clips, start = 0, time.perf_counter()
            for batch in stream:
                clips += len(batch["index"])
                if (spent := time.perf_counter() - start) > LEAST_SECONDS:
                    return clips / spent
        raise RuntimeError("the batches came to an end")

    return measure


def baked(case: Case, clips: int, scratch: Path) -> Measure:
    """Bakes a folder of its own, fsync included, and removes it; for the second time."""

    def bake() -> float:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            start = time.perf_counter()
            materialize(ClipSource(case.spec), Path(folder) / "out", clips=clips, threads=THREADS)
            return clips / (time.perf_counter() - start)

    return second(bake)


def second(measure: Measure) -> Measure:
    """The second of two runs: the first has the system find the memory that files are kept in."""

    def twice() -> float:
        measure()
        return measure()

    return twice


def written(case: Case, records: np.ndarray, clips: int, scratch: Path) -> Measure:
    """Commits files like the shards of so many clips, one after the other, each synced; for the
    second time."""
    shard = default_shard_clips(case.spec)
    chunks = [records[: shard - k].reshape(-1).data for k in range(0, shard, len(records))]
    size = sum(chunk.nbytes for chunk in chunks)

    def write() -> float:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            store = open_store(folder)
            with store.lock():
                pass  # it makes the folders that a store has
            start = time.perf_counter()
            for number in range(clips // shard):
                store.put(f"{number}", chunks, size)
            return clips // shard * shard / (time.perf_counter() - start)

    return second(write)


def memory(case: Case, places: list[np.ndarray], clips: np.ndarray) -> dict[str, Measure]:
    """Filling and copying the bytes of a batch, in the cache and through memory."""
    one, ring = places[0], cycle(places)
    model = np.ones_like(one)
    parts = cycle([clips[k : k + BATCH] for k in range(0, len(clips) - BATCH + 1, BATCH)])
    return {
        "memset, in cache": repeated(lambda: one.fill(0)),
        "memcpy, in cache": repeated(lambda: np.copyto(one, model)),
        "memset": repeated(lambda: next(ring).fill(0), warm=len(places)),
        "memcpy": repeated(lambda: np.copyto(one, next(parts)), warm=len(clips) // BATCH),
    }


def rendering(case: Case, places: list[np.ndarray]) -> dict[str, Measure]:
    """The source on one core."""
    source = ClipSource(case.spec)
    every = ClipSource(case.spec, fields=(*DEFAULT_FIELDS, *STANDARD_ARRAYS, *TEXT_FIELDS))
    every.warm()
    at, ring = iter(range(0, 2**62, BATCH)), cycle(places)

    def batch(source: ClipSource, out: np.ndarray | None) -> object:
        first = next(at)
        places = {} if out is None else {"video": out}
        return source.batch(range(first, first + BATCH), out=places)

    return {
        "source.batch": repeated(lambda: batch(source, None)),
        "source.batch, in cache": repeated(lambda: batch(source, places[0])),
        "source.batch, through memory": repeated(
            lambda: batch(source, next(ring)), warm=len(places)
        ),
        "source.batch, all fields": repeated(lambda: batch(every, None)),
    }


def baking(case: Case, scratch: Path) -> dict[str, Measure]:
    """A bake, and what it cannot be faster than."""
    spec = case.spec
    recipe = Recipe(spec, 0, "train", case.baked_clips, case.baked_clips, spec.fingerprint)
    builders = [RecordBuilder(recipe, RECORDS_BYTES) for _ in range(THREADS)]
    capacity, clips = builders[0].capacity, BAKES * case.baked_clips
    records, _ = builders[0].build(range(capacity))
    return {
        "materialize": baked(case, clips, scratch),
        "records rendered, 2 threads": in_threads(
            [lambda builder=builder: builder.build(range(capacity)) for builder in builders],
            capacity,
        ),
        "sha256 of records, 2 threads": in_threads(
            [lambda: hashlib.sha256(records.data).digest()] * THREADS, capacity
        ),
        "records written and synced": written(case, records, clips, scratch),
    }


def measures(case: Case, scratch: Path) -> dict[str, Measure]:
    """Everything that is measured for one size of clips, by name."""
    shape = (BATCH, *case.spec.video_shape)
    # Written to once, or the first pass would have the system find the memory.
    places = [
        np.ones(shape, np.uint8) for _ in range(MEMORY_BYTES // (BATCH * case.spec.clip_bytes))
    ]
    folder = scratch / case.name
    materialize(ClipSource(case.spec), folder, clips=case.baked_clips)
    clips = ClipSource(case.spec, fields=("video",)).batch(range(case.baked_clips))["video"]
    live = TrajectoryDataset(ClipSource(case.spec), batch_size=BATCH, fresh=False)
    cached = TrajectoryDataset(open_shards(folder), batch_size=BATCH)
    shuffled = TrajectoryDataset(open_shards(folder), batch_size=BATCH, shuffle=True)
    epoch = case.baked_clips // BATCH
    return {
        **memory(case, places, clips),
        **rendering(case, places),
        **{f"DataLoader, live, {n} workers": loaded(live, n, 4 * n + 4) for n in WORKERS},
        **{f"DataLoader, cached, {n} workers": loaded(cached, n, epoch) for n in WORKERS},
        "DataLoader, cached, shuffled, 0 workers": loaded(shuffled, 0, epoch),
        **baking(case, scratch),
    }


def run_case(case: Case, repetitions: int) -> list[dict[str, Any]]:
    """The rows of one size: measured in turn, ``repetitions`` times over."""
    with tempfile.TemporaryDirectory(prefix="trajdata-bench-") as scratch:
        found = alternated(measures(case, Path(scratch)), repetitions)
    return [
        {
            "clips": case.name,
            "what": what,
            "clips_per_second": round(one["median"]),
            "bytes_per_second": round(one["median"] * case.spec.clip_bytes),
            "of_memset": round(one["median"] / found["memset"]["median"], 4),
            "runs": [round(rate) for rate in one["runs"]],
        }
        for what, one in found.items()
    ]


def show(rows: list[dict[str, Any]]) -> None:
    """Print the rows as a table."""
    table = Table("clips", "what", title=f"Throughput, batches of {BATCH}, medians")
    for heading in ("clips/s", "GB/s", "of memset"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row["clips"],
            row["what"],
            f"{row['clips_per_second']:,}",
            f"{row['bytes_per_second'] / 1e9:.2f}",
            f"{row['of_memset']:.1%}",
            end_section=row is rows[-1] or row["clips"] != rows[rows.index(row) + 1]["clips"],
        )
    rich.print(table)


def main() -> None:
    """Measure, print, and write the JSON."""
    given = arguments(__doc__.splitlines()[0], "throughput").parse_args()
    rows = [row for case in CASES for row in run_case(case, given.repetitions)]
    show(rows)
    save(given.out, given.repetitions, rows=rows)


if __name__ == "__main__":
    main()
