"""What a clip costs as things grow: python benchmarks/growth.py

Seconds per clip against the place in the stream, the clips of a bake and of an epoch, the clips of
a batch, threads, workers and resolution; each beside what is to be expected, which is "the same"
wherever nothing but the number of clips grows. Writes growth.json, and growth.png with one panel a
curve. Every point is the median of repetitions that alternate with those of its curve.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from measuring import BATCH, alternated, arguments, machine, save

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import NullFormatter

from trajdata import (
    ClipSource,
    ClipSpec,
    TrajectoryDataset,
    materialize,
    open_shards,
    preset,
)
from trajdata._loading.feeding import endless_batches

PRESET = "magvit-32"
SPEC = preset(PRESET)
LEAST_SECONDS = 0.2
BATCH_BYTES = BATCH * SPEC.clip_bytes
SHARD_CLIPS = 500
"""So few that the smallest bake, too, has a shard for each of two threads."""

FIRST_CLIPS = (1, 10**3, 10**4, 10**5, 10**6, 10**9, 10**12)
BAKES = (10**3, 10**4, 10**5)
EPOCHS = (10**3, 10**4, 10**5, 10**6, 10**9)
BATCH_SIZES = (1, 4, 16, 64, 256, 1024)
THREADS = (1, 2, 4)
THREADED_CLIPS = 16_000
WORKERS = (0, 1, 2, 3, 4)
SIDES = (16, 32, 64, 128, 256)

Measure = Callable[[], float]
"""Runs once and returns seconds per clip."""


@dataclass(frozen=True)
class Curve:
    """What a clip costs against something that grows.

    Attributes:
        title: what is done.
        axis: what grows.
        points: how to measure a clip's seconds, by x.
        expectation: in words.
        shape: what is expected at x, up to a factor that the points give.
        is_log: whether x is drawn on a logarithmic axis.
    """

    title: str
    axis: str
    points: dict[int, Measure]
    expectation: str = "the same"
    shape: Callable[[int], float] = lambda x: 1.0
    is_log: bool = True


def stepped(step: Callable[[], int]) -> Measure:
    """``step`` handles some clips and says how many; it is called for LEAST_SECONDS or more."""

    def measure() -> float:
        step()
        clips, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < LEAST_SECONDS:
            clips += step()
        return spent / clips

    return measure


def rendered(spec: ClipSpec, first: int, batch: int) -> Measure:
    """The source alone, batch after batch from a clip on."""
    source = ClipSource(spec)
    source.warm()
    at = first

    def step() -> int:
        nonlocal at
        source.batch(range(at, at + batch))
        at += batch
        return batch

    return stepped(step)


def loaded(dataset: TrajectoryDataset, workers: int = 0) -> Measure:
    """A DataLoader, epoch after epoch, once its workers run and their queues are full."""

    def measure() -> float:
        with closing(endless_batches(dataset, workers)) as batches:
            for _ in range(4 * workers):
                next(batches)
            return stepped(lambda: len(next(batches)["index"]))()

    return measure


def baked(clips: int, threads: int, scratch: Path) -> Measure:
    """A folder of its own, fsync included."""

    def measure() -> float:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            report = materialize(
                ClipSource(SPEC),
                Path(folder) / "out",
                clips=clips,
                threads=threads,
                shard_clips=SHARD_CLIPS,
            )
            return 1 / report.clips_per_second

    return measure


def curves(scratch: Path) -> Iterable[Curve]:
    """One after the other, as each needs room that the next one may have."""
    cores = machine()["cores"]
    yield Curve(
        "source.batch",
        "place in the stream: first clip that is rendered",
        {first: rendered(SPEC, first, BATCH) for first in FIRST_CLIPS},
    )
    for shuffle in (False, True):
        yield Curve(
            f"live, {'shuffled' if shuffle else 'in order'}",
            "clips of an epoch",
            {
                length: loaded(
                    TrajectoryDataset(
                        ClipSource(SPEC), length=length, shuffle=shuffle, batch_size=BATCH
                    )
                )
                for length in EPOCHS
            },
        )
    yield Curve(
        "materialize, 2 threads",
        "clips of a bake",
        {clips: baked(clips, 2, scratch) for clips in BAKES},
    )
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folders = {clips: Path(name) / str(clips) for clips in BAKES}
        for clips, folder in folders.items():
            materialize(ClipSource(SPEC), folder, clips=clips)
        for shuffle in (False, True):
            yield Curve(
                f"from_shards, {'shuffled' if shuffle else 'in order'}",
                "clips of an epoch",
                {
                    clips: loaded(
                        TrajectoryDataset(open_shards(folder), shuffle=shuffle, batch_size=BATCH)
                    )
                    for clips, folder in folders.items()
                },
            )
    yield Curve(
        "source.batch",
        "clips of a batch",
        {batch: rendered(SPEC, 0, batch) for batch in BATCH_SIZES},
    )
    yield Curve(
        f"materialize, {THREADED_CLIPS:,} clips",
        "threads",
        {threads: baked(THREADED_CLIPS, threads, scratch) for threads in THREADS},
        f"1 / threads, up to {cores} cores",
        shape=lambda threads: 1 / min(threads, cores),
    )
    live = TrajectoryDataset(ClipSource(SPEC), batch_size=BATCH, fresh=False)
    yield Curve(
        "live",
        "workers",
        {workers: loaded(live, workers) for workers in WORKERS},
        f"1 / workers, up to {cores} cores",
        shape=lambda workers: 1 / min(max(workers, 1), cores),
        is_log=False,
    )
    specs = {side: ClipSpec().replace(height=side, width=side) for side in SIDES}
    yield Curve(
        "source.batch, batches of 3 MiB",
        "side of the picture, pixels",
        {side: rendered(spec, 0, BATCH_BYTES // spec.clip_bytes) for side, spec in specs.items()},
        "in proportion to its pixels",
        shape=lambda side: side**2,
    )


def measured(curve: Curve, repetitions: int) -> dict[str, Any]:
    """A curve's points as they go into the result file.

    What is expected goes through the cheapest point for its x, so no point lies below it.
    """
    found = alternated({str(x): measure for x, measure in curve.points.items()}, repetitions)
    medians = {x: found[str(x)]["median"] for x in curve.points}
    factors = {x: median / curve.shape(x) for x, median in medians.items()}
    least = min(factors.values())
    return {
        "title": curve.title,
        "axis": curve.axis,
        "unit": "seconds per clip",
        "expectation": curve.expectation,
        "is_log": curve.is_log,
        "last_of_first": round(factors[max(factors)] / factors[min(factors)], 3),
        "worst_of_expected": round(max(factors.values()) / least, 3),
        "points": [
            {
                "x": x,
                "median": median,
                "expected": least * curve.shape(x),
                "runs": found[str(x)]["runs"],
            }
            for x, median in medians.items()
        ],
    }


def by_pixel(row: dict[str, Any]) -> dict[str, Any]:
    """The curve over resolutions once more, as seconds per pixel of a frame, all frames."""
    points = [
        {
            "x": point["x"],
            "median": point["median"] / point["x"] ** 2,
            "expected": point["expected"] / point["x"] ** 2,
            "runs": [run / point["x"] ** 2 for run in point["runs"]],
        }
        for point in row["points"]
    ]
    return {**row, "unit": "seconds per pixel", "expectation": "the same", "points": points}


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """One panel a curve: medians, the range of the runs, and what is expected."""
    columns = 4
    lines = -(-len(rows) // columns)
    figure, panels = plt.subplots(
        lines, columns, figsize=(4 * columns, 3.2 * lines), constrained_layout=True, squeeze=False
    )
    for panel, row in zip(panels.flat, rows, strict=False):
        places = [point["x"] for point in row["points"]]
        runs = [sorted(point["runs"]) for point in row["points"]]
        panel.fill_between(
            places,
            [1e6 * some[0] for some in runs],
            [1e6 * some[-1] for some in runs],
            color="#2c7fb8",
            alpha=0.2,
        )
        medians = [1e6 * point["median"] for point in row["points"]]
        expected = [1e6 * point["expected"] for point in row["points"]]
        panel.plot(places, medians, "o-", color="#2c7fb8", label="median, and range of runs")
        panel.plot(places, expected, "--", color="#c0392b", label=row["expectation"])
        panel.set_yscale("log")
        if row["is_log"]:
            panel.set_xscale("log")
        if places[-1] <= 1024:
            panel.set_xticks(places, [str(place) for place in places])
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_minor_formatter(NullFormatter())
        # So much room that noise does not look like growth.
        panel.set_ylim(min(medians + expected) / 5, max(medians + expected) * 5)
        panel.set(title=row["title"], xlabel=row["axis"])
        panel.set_ylabel(row["unit"].replace("seconds", "microseconds"))
        panel.grid(which="major", alpha=0.3)
        panel.legend(fontsize=7, loc="upper right")
    for panel in panels.flat[len(rows) :]:
        panel.axis("off")
    figure.suptitle(f"What a clip of {PRESET} costs as things grow (resolution: 8 frames, RGB)")
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main() -> None:
    given = arguments(__doc__.splitlines()[0], "growth", repetitions=3).parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="trajdata-growth-") as scratch:
        for curve in curves(Path(scratch)):
            row = measured(curve, given.repetitions)
            rows.append(row)
            print(
                f"{row['title']}, {row['axis']}: last of first {row['last_of_first']:.2f}, "
                f"worst of expected {row['worst_of_expected']:.2f}",
                flush=True,
            )
    rows.append(by_pixel(rows[-1]))
    save(given.out, given.repetitions, preset=PRESET, curves=rows)
    picture = given.out.with_suffix(".png")
    plot(rows, picture)
    print(f"Drawn in {picture}")


if __name__ == "__main__":
    main()
