"""Where the time of a clip goes: python benchmarks/stages.py

For clips of 8 x 3 x 32 x 32 and of 16 x 3 x 64 x 64, rendered into a place that the cache holds:
the time of each stage of the source, and of the least that the last stage must do, which is to fill
the planes of every frame with the background, each with a byte of its own. Then the time of what a
bake does with a record beside rendering it, and of reading a record, from a shard whose pages are
mapped and from one that has just been opened, whose pages are in memory but not mapped. One core;
medians of alternating repetitions.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numba
import numpy as np
import rich
from measuring import BATCH, CASES, Case, alternated, arguments, save
from rich.table import Table

import trajdata._clips.stages as stages
from trajdata import ClipSource, materialize
from trajdata._reading.stored import open_shards
from trajdata._shards.recipe import Recipe
from trajdata._shards.records import RecordBuilder

STAGES = ("deal", "sample_scenes", "fit_motions", "place_objects", "project", "render_clips")
LEAST_SECONDS = 0.2
MEMORY_BYTES = 8 << 20
PIECES = 8


@numba.njit(nogil=True)
def fill_planes(target, backs, planes, plane):
    """Every plane with the byte of its channel."""
    for p in range(planes):
        target[p * plane : (p + 1) * plane] = backs[p % backs.shape[0]]


def calls_of(case: Case, place: np.ndarray) -> dict[str, Callable[[], object]]:
    """Each stage with the arguments that a batch gives it."""
    source = ClipSource(case.spec)
    source.warm()
    calls: dict[str, Callable[[], object]] = {}

    def recording(name: str, kernel: Any) -> Callable[..., object]:
        def recorded(*given: Any) -> object:
            calls[name] = lambda: kernel(*given)
            return kernel(*given)

        return recorded

    every = {name: getattr(stages, name) for name in STAGES if hasattr(stages, name)}
    own = source._stages  # the kernels that are made for a spec's laws and shapes
    own._render_clips = recording("render_clips", own._render_clips)
    own._motion = replace(
        own._motion,
        fit_motions=recording("fit_motions", own._motion.fit_motions),
        place_objects=recording("place_objects", own._motion.place_objects),
    )
    try:
        for name, kernel in every.items():
            setattr(stages, name, recording(name, kernel))
        source.batch(range(BATCH), out={"video": place})
    finally:
        for name, kernel in every.items():
            setattr(stages, name, kernel)
    return {name: calls[name] for name in STAGES}


def repeated(step: Callable[[], object], clips: int = BATCH) -> Callable[[], float]:
    """Microseconds per clip of ``step``, which handles so many clips."""

    def measure() -> float:
        step()
        steps, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < LEAST_SECONDS:
            step()
            steps += 1
        return spent / steps / clips * 1e6

    return measure


def baking_of(case: Case, scratch: Path) -> dict[str, Callable[[], float]]:
    """What a bake does with each record."""
    spec = case.spec
    recipe = Recipe(spec, 0, "train", case.baked_clips, case.baked_clips, spec.fingerprint)
    builder = RecordBuilder(recipe, MEMORY_BYTES)
    capacity = builder.capacity
    records, _ = builder.build(range(capacity))

    def write() -> None:
        with tempfile.TemporaryFile(dir=scratch, buffering=0) as file:
            for _ in range(PIECES):
                file.write(records.data)

    return {
        "record rendered": repeated(lambda: builder.build(range(capacity)), capacity),
        "record hashed": repeated(lambda: hashlib.sha256(records.data).digest(), capacity),
        "record written, no fsync": repeated(write, PIECES * capacity),
    }


def reading_of(case: Case, place: np.ndarray, scratch: Path) -> dict[str, Callable[[], float]]:
    """What a reader does with each record, in order."""
    folder = scratch / case.name
    materialize(ClipSource(case.spec), folder, clips=case.baked_clips, shard_clips=case.baked_clips)
    parts = [range(k, k + BATCH) for k in range(0, case.baked_clips - BATCH + 1, BATCH)]
    clips = len(parts) * BATCH
    mapped = open_shards(folder)
    small = open_shards(folder, fields=("label", "index"))

    def walk(source: Any) -> None:
        for part in parts:
            source.batch(part, out={"video": place})

    def check() -> None:
        for part in parts:
            small.batch(part)

    return {
        "record checked": repeated(check, clips),
        "record checked and copied": repeated(lambda: walk(mapped), clips),
        "the same, just opened": repeated(lambda: walk(open_shards(folder)), clips),
    }


def run_case(case: Case, repetitions: int) -> list[dict[str, Any]]:
    """The rows of one size of clips."""
    with tempfile.TemporaryDirectory(prefix="trajdata-stages-") as scratch:
        found = alternated(measures(case, Path(scratch)), repetitions)
    return [
        {
            "clips": case.name,
            "what": what,
            "microseconds_per_clip": round(one["median"], 4),
            "runs": [round(run, 4) for run in one["runs"]],
        }
        for what, one in found.items()
    ]


def measures(case: Case, scratch: Path) -> dict[str, Callable[[], float]]:
    """Everything that is measured for one size of clips, by name."""
    spec = case.spec
    place = np.ones((BATCH, *spec.video_shape), np.uint8)
    flat, backs = place.reshape(-1), np.arange(spec.channels, dtype=np.uint8)
    plane = spec.height * spec.width
    source = ClipSource(spec)
    return {
        "memset": repeated(lambda: place.fill(0)),
        "planes filled": repeated(lambda: fill_planes(flat, backs, len(flat) // plane, plane)),
        **{name: repeated(call) for name, call in calls_of(case, place).items()},
        "source.batch": repeated(lambda: source.batch(range(BATCH), out={"video": place})),
        **baking_of(case, scratch),
        **reading_of(case, place, scratch),
    }


def main() -> None:
    """Measure, print, and write the JSON."""
    given = arguments(__doc__.splitlines()[0], "stages").parse_args()
    rows = [row for case in CASES for row in run_case(case, given.repetitions)]
    table = Table("clips", "what", title="Microseconds per clip, medians")
    table.add_column("us", justify="right")
    for row in rows:
        table.add_row(row["clips"], row["what"], f"{row['microseconds_per_clip']:.3f}")
    rich.print(table)
    save(given.out, given.repetitions, rows=rows)


if __name__ == "__main__":
    main()
