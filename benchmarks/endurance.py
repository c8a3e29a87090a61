"""Does a long training leak? A million small batches through workers: memory, files, mappings.

Workers make batches of a few clips, which travel in shared slots; every hundredth is kept for a
while. The trainer and its workers are looked at again and again. What counts is whether the second
half of the run has more of anything than the first. Writes benchmarks/results/endurance.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import psutil
from measuring import RESULTS, machine
from rich.progress import track
from torch.utils.data import DataLoader

# So that a clone works without being installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

from trajdata import ClipSource, TrajectoryDataset, preset

BATCH = 16
KEEP_EVERY, KEPT = 100, 8
LOOKS = 40


def look(workers: list[psutil.Process]) -> dict[str, Any]:
    """What the trainer and its workers hold now."""
    trainer = psutil.Process()

    def held(process: psutil.Process) -> dict[str, int]:
        return {
            "uss_bytes": process.memory_full_info().uss,
            "open_files": process.num_fds(),
            "mappings": len(Path(f"/proc/{process.pid}/maps").read_text().splitlines()),
        }

    each = [held(worker) for worker in workers]
    most = {name: max((one[name] for one in each), default=0) for name in held(trainer)}
    return {"trainer": held(trainer), "worker": most}


def growth(looks: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """The median of the second half over that of the first, without the start-up. A leak raises it;
    a page that no other process shares for a moment does not."""
    settled = looks[len(looks) // 10 :]
    halves = settled[: len(settled) // 2], settled[len(settled) // 2 :]
    return {
        who: {
            name: round(
                statistics.median(one[who][name] for one in halves[1])
                / statistics.median(one[who][name] for one in halves[0]),
                4,
            )
            for name in looks[0][who]
        }
        for who in ("trainer", "worker")
    }


def run(batches: int, workers: int, epochs: int) -> dict[str, Any]:
    """Take so many batches in so many epochs, each with workers of its own."""
    source = ClipSource(preset("magvit-32", frames=4, height=16, width=16))
    each = batches // epochs
    dataset = TrajectoryDataset(source, length=each * BATCH, batch_size=BATCH)
    looks: list[dict[str, Any]] = []
    kept: deque[Any] = deque(maxlen=KEPT)
    taken, start = 0, time.perf_counter()
    for epoch in range(epochs):
        loader = DataLoader(dataset, batch_size=None, num_workers=workers)
        for batch in track(loader, f"epoch {epoch + 1} of {epochs}", total=each):
            if int(batch["index"][0]) != taken * BATCH:
                raise RuntimeError(f"batch {taken} begins with clip {int(batch['index'][0])}")
            if taken % KEEP_EVERY == 0:
                kept.append(batch["video"])
            taken += 1
            if taken % (batches // LOOKS) == 0 and taken % each:
                children = psutil.Process().children()
                looks.append({"batches": taken, **look([c for c in children if c.is_running()])})
    seconds = time.perf_counter() - start
    return {
        "batches": taken,
        "batch_bytes": BATCH * source.spec.clip_bytes,
        "epochs": epochs,
        "workers": workers,
        "seconds": round(seconds),
        "batches_per_second": round(taken / seconds),
        "growth": growth(looks),
        "looks": looks,
    }


def main() -> None:
    """Run, write the result file, and say what has grown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args()
    found = run(options.batches, options.workers, options.epochs)
    path = RESULTS / "endurance.json"
    path.write_text(json.dumps({"machine": machine(), **found}, indent=1) + "\n", "utf-8")
    for who, ratios in found["growth"].items():
        for name, ratio in ratios.items():
            print(f"{who}, {name}: second half {ratio:.2f} x the first")


if __name__ == "__main__":
    main()
