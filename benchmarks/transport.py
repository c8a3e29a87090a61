"""What a worker's batch costs on its way: python benchmarks/transport.py

For clips of 8 x 3 x 32 x 32 and of 16 x 3 x 64 x 64, with 1 and 2 workers: the DataLoader's own
ceiling, a dataset that only makes a shared tensor, fills it and yields it, the documented way and
the faster one of torch's own collating; what one core renders without a DataLoader; beside them a
live TrajectoryDataset, whose batches travel in slots that are used again, once with every batch
dropped for the next one and once with all of them kept, as far as 1 GiB goes. Then, without
workers, the part of the time that a trainer waits which is busy with each batch for as long as
rendering one takes, without and with threads that render ahead. Every figure is the median of
repetitions that alternate with those of the others.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import rich
import torch
from measuring import BATCH, CASES, alternated, arguments, save
from rich.table import Table
from torch.utils.data import DataLoader, IterableDataset

from trajdata import ClipSource, ClipSpec, TrajectoryDataset

WORKERS = (1, 2)
THREADS = (0, 1, 2)
BATCHES = {"8x32": 800, "16x64": 200}
WARM = 16
"""Batches after which as much memory is in use as ever will be."""
KEPT_BYTES = 1 << 30


class SharedFills(IterableDataset[torch.Tensor]):
    """Allocates a shared tensor, fills it and yields it: the least that a worker can do."""

    def __init__(
        self, shape: tuple[int, ...], dtype: torch.dtype = torch.uint8, *, collating: bool = False
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.collating = collating

    def __iter__(self) -> Iterator[torch.Tensor]:
        while True:
            if self.collating:
                # Not public: how default_collate makes what it stacks into.
                storage = torch.UntypedStorage._new_shared(
                    math.prod(self.shape) * self.dtype.itemsize
                )
                yield torch.empty(0, dtype=self.dtype).set_(storage, 0, self.shape).fill_(7)
            else:
                yield torch.empty(self.shape, dtype=self.dtype).share_memory_().fill_(7)


def rate(dataset: IterableDataset[Any], workers: int, batches: int, *, keep: bool = False) -> float:
    """Clips per second of a DataLoader, once its workers run and their queues are full."""
    stream = iter(DataLoader(dataset, batch_size=None, num_workers=workers))
    for _ in islice(stream, 4 * workers + 1):
        pass
    kept = []
    start = time.perf_counter()
    for batch in islice(stream, batches):
        if keep:
            kept.append(batch)
    return batches * BATCH / (time.perf_counter() - start)


def rendered(dataset: TrajectoryDataset, batches: int) -> float:
    """Clips per second of the dataset by itself."""
    stream = iter(dataset)
    next(stream)
    start = time.perf_counter()
    for _ in islice(stream, batches):
        pass
    return batches * BATCH / (time.perf_counter() - start)


def waited(spec: ClipSpec, threads: int, batches: int) -> float:
    """The part of its time that a trainer waits that is busy with each batch for as long as one
    core takes to render it, found just before."""
    source = ClipSource(spec)
    busy = BATCH / rendered(TrajectoryDataset(source, batch_size=BATCH), batches)
    dataset = TrajectoryDataset(source, batch_size=BATCH, prefetch_threads=threads)
    stream = iter(DataLoader(dataset, batch_size=None))
    for _ in range(WARM):
        next(stream)
    waiting, start = 0.0, time.perf_counter()
    for _ in range(batches):
        # As a trainer that an accelerator keeps busy: it needs no core of this machine.
        time.sleep(busy)
        asked = time.perf_counter()
        next(stream)
        waiting += time.perf_counter() - asked
    return waiting / (time.perf_counter() - start)


def run_waits(name: str, spec: ClipSpec, repetitions: int) -> list[dict[str, Any]]:
    """How long a busy trainer waits, for one size of clips."""
    batches = BATCHES[name] // 2
    found = alternated({str(n): lambda n=n: waited(spec, n, batches) for n in THREADS}, repetitions)
    return [
        {
            "clips": name,
            "prefetch_threads": int(threads),
            "waited": round(one["median"], 4),
            "runs": [round(part, 4) for part in one["runs"]],
        }
        for threads, one in found.items()
    ]


def run_case(name: str, spec: ClipSpec, repetitions: int) -> list[dict[str, Any]]:
    """The rows of one size of clips."""
    live = TrajectoryDataset(ClipSource(spec), batch_size=BATCH, fresh=False)
    fills = SharedFills((BATCH, *spec.video_shape))
    collating = SharedFills((BATCH, *spec.video_shape), collating=True)
    many = BATCHES[name]
    kept = min(many, KEPT_BYTES // (BATCH * spec.clip_bytes))
    rows = []
    for workers in WORKERS:
        found = alternated(
            {
                "ceiling": lambda n=workers: rate(fills, n, many // 4),
                "ceiling of collating": lambda n=workers: rate(collating, n, many // 4),
                "rendered by one core": lambda: rendered(live, many // 2),
                "live": lambda n=workers: rate(live, n, many),
                "ceiling, all kept": lambda n=workers: rate(fills, n, kept, keep=True),
                "live, all kept": lambda n=workers: rate(live, n, kept, keep=True),
            },
            repetitions,
        )
        rows += [
            {
                "clips": name,
                "what": what,
                "workers": workers,
                "clips_per_second": round(one["median"]),
                "of_ceiling": round(one["median"] / found[_ceiling_of(what)]["median"], 2),
                "runs": [round(clips) for clips in one["runs"]],
            }
            for what, one in found.items()
        ]
    return rows


def _ceiling_of(what: str) -> str:
    return "ceiling, all kept" if what.endswith("all kept") else "ceiling"


def main() -> None:
    """Measure, print, and write the JSON."""
    given = arguments(__doc__.splitlines()[0], "transport").parse_args()
    rows = [row for case in CASES for row in run_case(case.name, case.spec, given.repetitions)]
    waits = [row for case in CASES for row in run_waits(case.name, case.spec, given.repetitions)]
    table = Table("clips", "what", "workers", title=f"Transport, batches of {BATCH}, medians")
    table.add_column("clips/s", justify="right")
    table.add_column("of ceiling", justify="right")
    for row in rows:
        table.add_row(
            row["clips"],
            row["what"],
            str(row["workers"]),
            f"{row['clips_per_second']:,}",
            f"{row['of_ceiling']:.2f}",
        )
    rich.print(table)
    for row in waits:
        rich.print(
            f"{row['clips']}: with {row['prefetch_threads']} threads that render ahead, a busy "
            f"trainer waits {row['waited']:.1%} of its time"
        )
    save(given.out, given.repetitions, rows=rows, waits=waits)


if __name__ == "__main__":
    main()
