"""What a worker's batch costs on its way: python benchmarks/transport.py

For clips of 8 x 3 x 32 x 32 and of 16 x 3 x 64 x 64, with 1 and 2 workers: the DataLoader's own
ceiling, a dataset that only makes a shared tensor, fills it and yields it, the documented way and
the faster one of torch's own collating; what one core draws without a DataLoader; beside them a
live TrajectoryDataset, whose batches travel in slots that are used again, once with every batch
dropped for the next one and once with all of them kept, as far as 1 GiB goes. Then, without
workers, the part of the time that a trainer waits which is busy with each batch for as long as
drawing one takes, without and with threads that draw ahead. Every figure is the median of
repetitions that alternate with those of the others.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

# So that a clone works without being installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

import rich
import torch
from rich.table import Table
from torch.utils.data import DataLoader, IterableDataset

from trajdata import TrajectoryDataset, preset

ROOT = Path(__file__).parents[1]
BATCH = 128
WORKERS = (1, 2)
THREADS = (0, 1, 2)
PRESETS = {"8x32": "magvit-32", "16x64": "magvit-64"}
BATCHES = {"8x32": 800, "16x64": 200}
KEPT_BYTES = 1 << 30
TARGET = 4.0


class SharedFills(IterableDataset[torch.Tensor]):
    """Allocates a shared tensor, fills it and yields it: the least that a worker can do."""

    def __init__(self, shape: tuple[int, ...], *, collating: bool = False) -> None:
        self.shape = shape
        self.collating = collating

    def __iter__(self) -> Iterator[torch.Tensor]:
        while True:
            if self.collating:
                # Not public: how default_collate makes what it stacks into.
                storage = torch.UntypedStorage._new_shared(math.prod(self.shape))
                yield torch.empty(0, dtype=torch.uint8).set_(storage, 0, self.shape).fill_(7)
            else:
                yield torch.empty(self.shape, dtype=torch.uint8).share_memory_().fill_(7)


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


def drawn(dataset: TrajectoryDataset, batches: int) -> float:
    """Clips per second of the dataset by itself."""
    stream = iter(dataset)
    next(stream)
    start = time.perf_counter()
    for _ in islice(stream, batches):
        pass
    return batches * BATCH / (time.perf_counter() - start)


def waited(name: str, threads: int, busy: float, batches: int) -> float:
    """The part of its time that a trainer waits for batches, busy for so many seconds with each."""
    dataset = TrajectoryDataset(preset(PRESETS[name]), batch_size=BATCH, prefetch_threads=threads)
    stream = iter(DataLoader(dataset, batch_size=None))
    next(stream)
    waiting, start = 0.0, time.perf_counter()
    for _ in range(batches):
        # As a trainer that an accelerator keeps busy: it needs no core of this machine.
        time.sleep(busy)
        asked = time.perf_counter()
        next(stream)
        waiting += time.perf_counter() - asked
    return waiting / (time.perf_counter() - start)


def run_waits(name: str, repetitions: int) -> list[dict[str, Any]]:
    """How long a busy trainer waits, for one size of clips."""
    runs: dict[int, list[float]] = {threads: [] for threads in THREADS}
    for _ in range(repetitions):
        alone = TrajectoryDataset(preset(PRESETS[name]), batch_size=BATCH)
        busy = BATCH / rate(alone, 0, BATCHES[name] // 4)
        for threads, waits in runs.items():
            waits.append(waited(name, threads, busy, BATCHES[name] // 4))
    return [
        {
            "clips": name,
            "prefetch_threads": threads,
            "waited": round(statistics.median(waits), 4),
            "runs": [round(one, 4) for one in waits],
        }
        for threads, waits in runs.items()
    ]


def run_case(name: str, repetitions: int) -> list[dict[str, Any]]:
    """The rows of one size of clips."""
    spec = preset(PRESETS[name])
    live = TrajectoryDataset(spec, batch_size=BATCH)
    fills = SharedFills((BATCH, *spec.video_shape))
    collating = SharedFills((BATCH, *spec.video_shape), collating=True)
    batches = BATCHES[name]
    kept = min(batches, KEPT_BYTES // (BATCH * spec.clip_bytes))
    runs: dict[tuple[str, int], list[float]] = {}
    for _ in range(repetitions):
        for workers in WORKERS:
            measured = {
                "ceiling": rate(fills, workers, batches // 4),
                "ceiling of collating": rate(collating, workers, batches // 4),
                "drawn by one core": drawn(live, batches // 2),
                "live": rate(live, workers, batches),
                "ceiling, all kept": rate(fills, workers, kept, keep=True),
                "live, all kept": rate(live, workers, kept, keep=True),
            }
            for what, clips in measured.items():
                runs.setdefault((what, workers), []).append(clips)
    medians = {key: statistics.median(rates) for key, rates in runs.items()}
    return [
        {
            "clips": name,
            "what": what,
            "workers": workers,
            "clips_per_second": round(median),
            "of_ceiling": round(median / medians[_ceiling_of(what), workers], 2),
            "runs": [round(one) for one in runs[what, workers]],
        }
        for (what, workers), median in medians.items()
    ]


def _ceiling_of(what: str) -> str:
    return "ceiling, all kept" if what.endswith("all kept") else "ceiling"


def main() -> None:
    """Measure, print, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--repetitions", type=int, default=5, help="of every measurement (default: 5)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "benchmarks" / "results" / "transport.json",
        help="the JSON file (default: benchmarks/results/transport.json)",
    )
    given = parser.parse_args()
    if given.repetitions < 1:
        parser.error(f"--repetitions: given {given.repetitions}; allowed is 1 or more")
    rows = [row for name in PRESETS for row in run_case(name, given.repetitions)]
    waits = [row for name in PRESETS for row in run_waits(name, given.repetitions)]
    report = {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "batch_clips": BATCH,
        "repetitions": given.repetitions,
        "target_live_of_ceiling": TARGET,
        "rows": rows,
        "waits": waits,
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
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
            f"{row['clips']}: with {row['prefetch_threads']} threads that draw ahead, a busy "
            f"trainer waits {row['waited']:.1%} of its time"
        )
    rich.print(f"Written to {given.out}")


if __name__ == "__main__":
    main()
