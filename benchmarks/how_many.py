"""How many clips do classification, prediction and generation need?

    python benchmarks/how_many.py            # everything: about an hour and a half of one core
    python benchmarks/how_many.py --task prediction --seeds 1
    python benchmarks/how_many.py --draw     # the picture anew, from the result file

For each of the three tasks of ``how_many_tasks.py`` the same small network is trained on 1,000 to
100,000 clips, repeated in an order of their own in every pass, and on fresh clips, of which none is
ever seen twice. All runs of a task have the same number of steps, so they differ only in the clips.

Each finished run is written to benchmarks/results/how_many.json at once, and what is on file is not
trained again; a run that was stopped, of a minute or two, begins anew. The first seed of everything
comes first, then the second and the third: a file that is not finished shows whole curves.
PROGRESS.txt in --work says how far it is.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import measuring
import numpy as np
import torch
from how_many_tasks import BATCH, GIVEN, SPEC, TASKS, Batches, Task
from scipy import stats

from trajdata import FORMAT, ClipSource, Output, TrajectoryDataset

matplotlib.use("Agg")
import matplotlib.pyplot as plt

FRESH = "fresh"
NUMBERS = (1_000, 3_000, 10_000, 30_000, 100_000)
SIZES = (*NUMBERS, FRESH)
SEEDS = (0, 1, 2)
ORDER = (FRESH, 1_000, 10_000, 100_000, 3_000, 30_000)
"""The ends of the curves first, so that the first minutes tell most."""
TEST_CLIPS = {"classification": 10_000, "prediction": 1_000, "generation": 1_000}
MOST_KNOWN = 10_000
"""Clips of training that generated clips are compared with, at most."""
PROGRESS_SECONDS = 30
RESULTS = measuring.RESULTS / "how_many.json"
OUTPUT = Output(dtype="float32", value_range=(0, 1), as_tuple=("video", "label"))


@dataclass(frozen=True)
class Run:
    """A network to train: for which task, on how many clips, with which seed."""

    task: str
    clips: int | str
    seed: int

    def __str__(self) -> str:
        return f"{self.task}, {self.clips} clips, seed {self.seed}"

    def is_row(self, row: dict[str, Any]) -> bool:
        return (row["task"], row["clips"], row["seed"]) == (self.task, self.clips, self.seed)


def batches_of(run: Run, steps: int) -> Batches:
    """As many batches as there are steps; repeated clips are shuffled anew in each pass."""
    source = ClipSource(SPEC, run.seed, "train", fields=("video", "label"))
    clips = steps * BATCH if run.clips == FRESH else run.clips
    dataset = TrajectoryDataset(
        source,
        length=clips,
        batch_size=BATCH,
        fresh=False,
        shuffle=run.clips != FRESH,
        output=OUTPUT,
    )
    for step in range(steps):
        epoch, at = divmod(step, clips // BATCH)
        if at == 0:
            dataset.set_epoch(epoch)
            batches: Batches = iter(dataset)
        yield next(batches)


class Progress:
    """A line on how far a run is, at most every PROGRESS_SECONDS, and the same in a file."""

    def __init__(self, folder: Path, done: int, total: int) -> None:
        self._file, self._done, self._total = folder / "PROGRESS.txt", done, total
        self._told = 0.0

    def tell(self, run: Run, step: int, steps: int, loss: float) -> None:
        if time.monotonic() - self._told < PROGRESS_SECONDS:
            return
        self._told = time.monotonic()
        now = time.strftime("%H:%M:%S")
        line = (
            f"{now}  run {self._done + 1} of {self._total}: {run}, step {step:,} of {steps:,}, "
            f"loss {loss:.4f}"
        )
        temporary = self._file.with_suffix(".tmp")
        temporary.write_text(line + "\n", "utf-8")
        os.replace(temporary, self._file)
        print(line, flush=True)


def trained(run: Run, task: Task, progress: Progress) -> dict[str, Any]:
    """Train one network, score it, and say all that was done: a row of the result file."""
    torch.manual_seed(run.seed)
    networks = task.build()
    began, cpu = time.monotonic(), time.process_time()
    losses: Iterator[float] = task.train(networks, batches_of(run, task.steps))
    for step, loss in enumerate(losses):
        progress.tell(run, step, task.steps, loss)
    seconds, cpu_seconds = time.monotonic() - began, time.process_time() - cpu
    networks.eval()
    shown = task.steps * BATCH if run.clips == FRESH else int(run.clips)
    val = ClipSource(SPEC, run.seed, "val")
    with torch.no_grad():
        figures = task.score(networks, val, TEST_CLIPS[run.task], min(shown, MOST_KNOWN))
    return {
        **{"task": run.task, "clips": run.clips, "seed": run.seed, **figures},
        "shown_clips": task.steps * BATCH,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "torch_threads": torch.get_num_threads(),
        "format": FORMAT,
        "fingerprint": SPEC.fingerprint,
        "machine": measuring.machine(),
    }


def about(task: Task) -> dict[str, Any]:
    """What all runs of a task have in common."""
    networks = task.build()
    return {
        "steps": task.steps,
        "batch_clips": BATCH,
        "figure": task.figure,
        "parameters": {
            name: sum(part.numel() for part in network.parameters())
            for name, network in networks.items()
        },
        "architecture": str(networks).splitlines(),
        "input": "float32 (B, T, 1, H, W), byte / 255; nothing else is done to it",
        "notes": [*task.notes, "one cycle with cosine ends, 15 % of it rising"],
    }


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean over seeds for each task and number of clips, with Student's interval of 95 %.

    A single seed has no interval: its ends are null.
    """
    found = []
    for name, task in TASKS.items():
        figures = [task.figure] + ["memorized"] * (name == "generation")
        for clips in SIZES:
            some = [row for row in rows if (row["task"], row["clips"]) == (name, clips)]
            for figure in figures if some else ():
                values = [row[figure] for row in some]
                wide = None
                if len(values) > 1:
                    error = np.std(values, ddof=1) / np.sqrt(len(values))
                    wide = float(stats.t.ppf(0.975, len(values) - 1) * error)
                mean = float(np.mean(values))
                found.append(
                    {
                        **{"task": name, "clips": clips, "figure": figure},
                        **{"seeds": len(values), "mean": mean},
                        "low": None if wide is None else mean - wide,
                        "high": None if wide is None else mean + wide,
                    }
                )
    return found


def read(path: Path) -> list[dict[str, Any]]:
    """The rows on file that are of these clips and this many steps."""
    if not path.exists():
        return []
    rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["rows"]
    return [
        row
        for row in rows
        if row["fingerprint"] == SPEC.fingerprint
        and row["shown_clips"] == TASKS[row["task"]].steps * BATCH
    ]


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """The result file and its picture, each in the place of the old one."""
    rows = sorted(
        rows, key=lambda r: (list(TASKS).index(r["task"]), ORDER.index(r["clips"]), r["seed"])
    )
    report = {
        "spec": json.loads(SPEC.to_json()),
        "given_frames": GIVEN,
        "tasks": {name: about(task) for name, task in TASKS.items()},
        "summary": summary(rows),
        "rows": rows,
    }
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    os.replace(temporary, path)
    draw(report, path.with_suffix(".png"))


AXES = {
    "accuracy": "accuracy on val",
    "error_px": "error of place, pixels",
    "law_agreement": "share of generated clips",
}
LINES = {
    "accuracy": ("network", "#2c7fb8"),
    "error_px": ("network", "#2c7fb8"),
    "law_agreement": ("obey the law asked for", "#2c7fb8"),
    "memorized": ("memorized", "#d95f0e"),
}


def draw(report: dict[str, Any], path: Path) -> None:
    """One panel a task: the mean over seeds, its interval, and each run as a dot."""
    figure, panels = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    for panel, (name, task) in zip(panels, report["tasks"].items(), strict=True):
        rows = [row for row in report["rows"] if row["task"] == name]
        for held in LINES:
            cells = [c for c in report["summary"] if (c["task"], c["figure"]) == (name, held)]
            if cells:
                _curve(panel, held, cells, rows)
        dashed = {"color": "gray", "linestyle": "--"}
        if name != "prediction":
            panel.axhline(1 / len(SPEC.laws), label="chance", **dashed)
        elif rows:
            velocity = np.mean([row["constant_velocity_px"] for row in rows])
            panel.axhline(velocity, label="constant velocity", **dashed)
        panel.set_xticks(range(len(SIZES)), [*(f"{c:,}" for c in NUMBERS), FRESH])
        panel.set_xlim(-0.3, len(SIZES) - 0.7)
        panel.set_ylim(0, None if name == "prediction" else 1.03)
        panel.set(title=name, ylabel=AXES[task["figure"]])
        panel.set_xlabel(f"different clips, of {task['steps'] * task['batch_clips']:,} shown")
        panel.grid(alpha=0.3)
        if rows:
            panel.legend(fontsize=8)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    figure.savefig(temporary, dpi=90, format="png")
    os.replace(temporary, path)
    plt.close(figure)


def _curve(panel: Any, held: str, cells: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    label, color = LINES[held]
    places = [SIZES.index(cell["clips"]) for cell in cells]
    panel.plot(places, [cell["mean"] for cell in cells], "o-", color=color, label=label)
    for place, cell in zip(places, cells, strict=True):
        if cell["low"] is not None:
            ends = [max(cell["low"], 0), cell["high"]]
            panel.plot([place, place], ends, color=color, linewidth=4, alpha=0.3)
    at = [SIZES.index(row["clips"]) for row in rows]
    panel.plot(at, [row[held] for row in rows], ".", color="black", markersize=3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", nargs="+", choices=tuple(TASKS), default=tuple(TASKS))
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many (default: 3)")
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default: 1)")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--draw", action="store_true", help="only draw what is on file")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(tempfile.gettempdir()) / "trajdata-how-many",
        help="where PROGRESS.txt is (default: in the system's temporary folder)",
    )
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    for folder in (given.out.parent, given.work):
        folder.mkdir(parents=True, exist_ok=True)
    if given.draw:
        write(given.out, read(given.out))
        return
    runs = [
        Run(task, clips, seed)
        for seed in SEEDS[: given.seeds]
        for clips in ORDER
        for task in given.task
    ]
    for number, run in enumerate(runs):
        rows = read(given.out)
        if any(run.is_row(row) for row in rows):
            continue
        row = trained(run, TASKS[run.task], Progress(given.work, number, len(runs)))
        write(given.out, [*rows, row])
        figure = TASKS[run.task].figure
        print(f"{run}: {figure} {row[figure]:.4f}, {row['cpu_seconds']:.0f} CPU-s", flush=True)


if __name__ == "__main__":
    main()
