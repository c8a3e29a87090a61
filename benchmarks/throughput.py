"""How fast clips come, each way they can come: python benchmarks/throughput.py

For clips of 8 x 3 x 32 x 32 and of 16 x 3 x 64 x 64: the source, the DataLoader with 0, 1 and 2
workers on live and on baked clips, and materializing; beside them memset and memcpy of the bytes of
one batch, again and again in the same place, which bound what any of them could reach. Every figure
is the median of repetitions that alternate with those of the other figures, so that a noisy minute
does not fall on one of them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

# So that a clone works without being installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

import numba
import numpy as np
import psutil
import rich
import torch
from rich.table import Table
from torch.utils.data import DataLoader

from trajdata import ClipSource, ClipSpec, TrajectoryDataset, materialize, preset
from trajdata import __version__ as version

ROOT = Path(__file__).parents[1]
BATCH = 128
WORKERS = (0, 1, 2)
LEAST_SECONDS = 0.2


@dataclass(frozen=True)
class Case:
    """Clips of one size, and how many of them are baked for reading."""

    name: str
    spec: ClipSpec
    baked_clips: int


CASES = (
    Case("8x32", preset("magvit-32"), 16_384),
    Case("16x64", preset("magvit-64"), 4_096),
)

Measure = Callable[[], float]
"""Runs once and returns clips per second."""


def repeated(step: Callable[[], object]) -> Measure:
    """Calls ``step``, which handles one batch, for at least LEAST_SECONDS."""

    def measure() -> float:
        step()
        batches, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < LEAST_SECONDS:
            step()
            batches += 1
        return batches * BATCH / spent

    return measure


def loaded(dataset: TrajectoryDataset, workers: int, batches: int) -> Measure:
    """Takes ``batches`` from a DataLoader, once its workers run and their queues are full."""

    def measure() -> float:
        stream = iter(DataLoader(dataset, batch_size=None, num_workers=workers))
        for _ in islice(stream, 2 * workers + 1):
            pass
        start = time.perf_counter()
        taken = sum(1 for _ in islice(stream, batches))
        return taken * BATCH / (time.perf_counter() - start)

    return measure


def baked(case: Case, scratch: Path) -> Measure:
    """Bakes a folder of its own, fsync included, and removes it."""

    def measure() -> float:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            start = time.perf_counter()
            materialize(case.spec, Path(folder) / "out", clips=case.baked_clips)
            return case.baked_clips / (time.perf_counter() - start)

    return measure


def measures(case: Case, scratch: Path) -> dict[str, Measure]:
    """Everything that is measured for one size of clips, by name."""
    source = ClipSource(case.spec)
    source.warm()
    place = np.zeros((BATCH, *case.spec.video_shape), np.uint8)
    model = np.ones_like(place)
    at = iter(range(0, 2**62, BATCH))

    def next_batch() -> object:
        first = next(at)
        return source.batch(range(first, first + BATCH))

    folder = scratch / case.name
    materialize(case.spec, folder, clips=case.baked_clips)
    live = TrajectoryDataset(case.spec, batch_size=BATCH)
    cached = TrajectoryDataset.from_shards(folder, batch_size=BATCH)
    batches = case.baked_clips // BATCH - 2 * max(WORKERS) - 1
    return {
        "memset": repeated(lambda: place.fill(0)),
        "memcpy": repeated(lambda: np.copyto(place, model)),
        "source.batch": repeated(next_batch),
        **{f"DataLoader, live, {n} workers": loaded(live, n, batches) for n in WORKERS},
        **{f"DataLoader, cached, {n} workers": loaded(cached, n, batches) for n in WORKERS},
        "materialize": baked(case, scratch),
    }


def machine() -> dict[str, Any]:
    """What the figures depend on, without naming the host."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "torch": torch.__version__,
        "trajdata": version,
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or "unknown")


def run_case(case: Case, scratch: Path, repetitions: int) -> list[dict[str, Any]]:
    """The rows of one size: measured in turn, ``repetitions`` times over."""
    todo = measures(case, scratch)
    runs: dict[str, list[float]] = {name: [] for name in todo}
    for _ in range(repetitions):
        for name, measure in todo.items():
            runs[name].append(measure())
    medians = {name: statistics.median(rates) for name, rates in runs.items()}
    return [
        {
            "clips": case.name,
            "what": name,
            "clips_per_second": round(rate),
            "bytes_per_second": round(rate * case.spec.clip_bytes),
            "of_memset": round(rate / medians["memset"], 4),
            "runs": [round(one) for one in runs[name]],
        }
        for name, rate in medians.items()
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
            end_section=row["what"] == "materialize",
        )
    rich.print(table)


def main() -> None:
    """Measure, print, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--repetitions", type=int, default=5, help="of every measurement (default: 5)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "benchmarks" / "results" / "throughput.json",
        help="the JSON file (default: benchmarks/results/throughput.json)",
    )
    given = parser.parse_args()
    if given.repetitions < 1:
        parser.error(f"--repetitions: given {given.repetitions}; allowed is 1 or more")
    with tempfile.TemporaryDirectory(prefix="trajdata-bench-") as scratch:
        rows = [row for case in CASES for row in run_case(case, Path(scratch), given.repetitions)]
    report = {
        "machine": machine(),
        "batch_clips": BATCH,
        "repetitions": given.repetitions,
        "rows": rows,
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    show(rows)
    rich.print(f"Written to {given.out}")


if __name__ == "__main__":
    main()
