"""What every benchmark shares: how things are measured, what the machine is, how results are kept.

Machines are noisy, so repetitions of everything that is to be compared alternate, and what counts
is the median: a noisy minute then falls on all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# So that a clone works without being installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

import numba
import numpy as np
import psutil
import torch

from trajdata import ClipSpec, preset
from trajdata import __version__ as version

__all__ = [
    "BATCH",
    "CASES",
    "RESULTS",
    "ROOT",
    "Case",
    "alternated",
    "arguments",
    "machine",
    "save",
]

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
BATCH = 128


@dataclass(frozen=True)
class Case:
    """Clips of one size, and how many of them are baked for reading."""

    name: str
    preset: str
    baked_clips: int

    @property
    def spec(self) -> ClipSpec:
        return preset(self.preset)


CASES = (Case("8x32", "magvit-32", 16_384), Case("16x64", "magvit-64", 4_096))


def alternated(
    measures: Mapping[str, Callable[[], float]], repetitions: int
) -> dict[str, dict[str, Any]]:
    """Every measure's ``median`` and ``runs``, taken in turn, ``repetitions`` times over."""
    runs: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(repetitions):
        for name, measure in measures.items():
            runs[name].append(measure())
    return {name: {"median": statistics.median(some), "runs": some} for name, some in runs.items()}


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


def arguments(description: str, name: str, *, repetitions: int = 5) -> argparse.ArgumentParser:
    """A parser with ``--repetitions`` and ``--out`` (results/NAME.json)."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--repetitions",
        type=_at_least_one,
        default=repetitions,
        help=f"of every measurement (default: {repetitions})",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=RESULTS / f"{name}.json",
        help=f"the JSON file (default: benchmarks/results/{name}.json)",
    )
    return parser


def save(path: Path, repetitions: int, **found: Any) -> None:
    """Write a result file: the machine, and what was found."""
    report = {"machine": machine(), "batch_clips": BATCH, "repetitions": repetitions, **found}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(f"Written to {path}")


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"given {text}; allowed is 1 or more")
    return number


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or "unknown")
