"""Where the time of a clip goes: python benchmarks/stages.py

For clips of 8 x 3 x 32 x 32 and of 16 x 3 x 64 x 64, drawn into a place that the cache holds: each
stage of the source, and for the last one, the pixels, the least it must do, which is to fill the
planes of every frame with the background, each with a byte of its own. Medians of alternating
repetitions.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import rich
from measuring import BATCH, CASES, Case, alternated, arguments, save
from rich.table import Table

import trajdata.source as stages
from trajdata import ClipSource

STAGES = ("deal", "draw_scenes", "fit_motions", "place_objects", "project", "draw_clips")
LEAST_SECONDS = 0.2


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
    kernels = {name: getattr(stages, name) for name in STAGES}
    try:
        for name, kernel in kernels.items():

            def recorded(*given: Any, name: str = name, kernel: Any = kernel) -> object:
                calls[name] = lambda: kernel(*given)
                return kernel(*given)

            setattr(stages, name, recorded)
        source.batch(range(BATCH), out={"video": place})
    finally:
        for name, kernel in kernels.items():
            setattr(stages, name, kernel)
    return calls


def repeated(step: Callable[[], object]) -> Callable[[], float]:
    """Microseconds per clip of ``step``, which handles one batch."""

    def measure() -> float:
        step()
        steps, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < LEAST_SECONDS:
            step()
            steps += 1
        return spent / steps / BATCH * 1e6

    return measure


def run_case(case: Case, repetitions: int) -> list[dict[str, Any]]:
    """The rows of one size of clips."""
    spec = case.spec
    place = np.ones((BATCH, *spec.video_shape), np.uint8)
    flat, backs = place.reshape(-1), np.arange(spec.channels, dtype=np.uint8)
    plane = spec.height * spec.width
    source = ClipSource(spec)
    found = alternated(
        {
            "memset": repeated(lambda: place.fill(0)),
            "planes filled": repeated(lambda: fill_planes(flat, backs, len(flat) // plane, plane)),
            **{name: repeated(call) for name, call in calls_of(case, place).items()},
            "source.batch": repeated(lambda: source.batch(range(BATCH), out={"video": place})),
        },
        repetitions,
    )
    return [
        {
            "clips": case.name,
            "what": what,
            "microseconds_per_clip": round(one["median"], 4),
            "runs": [round(run, 4) for run in one["runs"]],
        }
        for what, one in found.items()
    ]


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
