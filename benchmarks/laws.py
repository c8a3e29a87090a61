"""What a law costs: python benchmarks/laws.py

Dispatch: nanoseconds of processor time that a position of magvit-32 takes, where its law is
chosen among these four, and among all of laws-32; beside a chain of tests at every position, as
it was before laws-32, and beside no choice at all. Compilation: for each law alone, and for the
user's law of examples/, in a folder for kernels that holds everything but the law's own: how long
the first batch of magvit-32's pictures takes in one process and in the next, of processor time,
since a busy machine would add its own, and by the clock. Writes laws.json, with the targets beside
the figures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
import rich
from measuring import ROOT, alternated, arguments, save
from rich.table import Table

from trajdata import ClipSource, kernel, preset
from trajdata._laws.registry import Law, find_law
from trajdata._world.motion import motion_kernels
from trajdata._world.times import frame_times

CLIPS, FRAMES = 4096, 8
MOST_DISPATCH_NS, MOST_FIRST_S, MOST_NEXT_S = 10.0, 10.0, 1.0
FOUR = preset("magvit-32").laws
EVERY = preset("laws-32").laws
PATIENCE_SECONDS = 600

FIRST = """
import json, sys, time
import trajdata
from trajdata import ClipSource, preset
{warm}
clock, processor = time.perf_counter(), time.process_time()
if {law!r} == "rocking_boat":
    sys.path.insert(0, "examples")
    import user_law
spec = preset("magvit-32", laws=({law!r},))
ClipSource(spec).batch(range(128))
print(json.dumps([time.process_time() - processor, time.perf_counter() - clock]))
"""
# All that a law's batch takes beside the law: compiled before the clock starts.
WARM = 'ClipSource(preset("magvit-32", laws=("linear",))).batch(range(128))'


def chain(laws: tuple[Law, ...]) -> Any:
    """Tests one after the other, each a kernel of its own, as before there was a tree."""
    position = laws[0].position
    if len(laws) == 1:

        @kernel
        def last(number, n, t):
            return position(n, t)

        return last
    others = chain(laws[1:])

    @kernel
    def either(number, n, t):
        if number == 0:
            return position(n, t)
        return others(number - 1, n, t)

    return either


def placing(choose: Any) -> Any:
    @kernel
    def place(scenes, numbers, times, positions):
        for b in range(positions.shape[0]):
            scene = scenes[b, 0]
            for k in range(times.shape[0]):
                t = scene.start + times[k]
                x, y, z = choose(scene.law, numbers[b, 0], t)
                positions[b, 0, k, 0] = x
                positions[b, 0, k, 1] = y
                positions[b, 0, k, 2] = z

    return place


def alone(law: Law) -> Any:
    position = law.position

    @kernel
    def only(number, n, t):
        return position(n, t)

    return only


def dispatch(repetitions: int) -> dict[str, Any]:
    """Nanoseconds a position, for each way to choose."""
    spec = preset("magvit-32")
    sampled = ClipSource(spec)._stages.sample(np.arange(CLIPS))
    positions = np.empty((CLIPS, 1, FRAMES, 3))
    times = frame_times(FRAMES, spec.seconds)
    renamed = sampled.scenes.copy()
    renamed["law"] = [[EVERY.index(FOUR[label])] for label in sampled.scenes["law"][:, 0]]
    by_law = [np.flatnonzero(sampled.scenes["law"][:, 0] == k) for k in range(len(FOUR))]
    parts = [(sampled.scenes[rows], sampled.numbers[rows]) for rows in by_law]
    laws = tuple(map(find_law, FOUR))
    ways = {
        "among 4, at every position, as before": (placing(chain(laws)), sampled.scenes),
        "among 4": (motion_kernels(laws).place_objects, sampled.scenes),
        "among 15": (motion_kernels(tuple(map(find_law, EVERY))).place_objects, renamed),
    }
    singles = [placing(alone(law)) for law in laws]

    def timed(place: Any, scenes: Any) -> float:
        start = time.process_time()
        for _ in range(20):
            place(scenes, sampled.numbers, times, positions)
        return (time.process_time() - start) / (20 * CLIPS * FRAMES) * 1e9

    def without_choice() -> float:
        start = time.process_time()
        for _ in range(20):
            for place, (scenes, numbers) in zip(singles, parts, strict=True):
                place(scenes, numbers, times, positions[: len(scenes)])
        return (time.process_time() - start) / (20 * CLIPS * FRAMES) * 1e9

    measures = {name: (lambda way=way: timed(*way)) for name, way in ways.items()}
    measures["no choice, law by law"] = without_choice
    for measure in measures.values():
        measure()
    return alternated(measures, repetitions)


def compiled(law: str, folder: str) -> list[float]:
    """(seconds of processor time, seconds by the clock) of the first batch of a law."""
    run = subprocess.run(
        [sys.executable, "-c", FIRST.format(law=law, warm=WARM)],
        cwd=ROOT,
        env={**os.environ, "NUMBA_CACHE_DIR": folder, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    return list(json.loads(run.stdout))


def main() -> None:
    parser = arguments(__doc__.splitlines()[0], "laws", repetitions=15)
    parser.add_argument(
        "--laws", nargs="*", default=[*EVERY, "rocking_boat"], help="which are compiled alone"
    )
    given = parser.parse_args()
    ways = dispatch(given.repetitions)
    before = ways["among 4, at every position, as before"]["median"]
    more = {name: ways[name]["median"] - before for name in ("among 4", "among 15")}
    laws: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        compiled("linear", folder)
        for law in given.laws:
            if law == "linear":
                continue  # which is what the folder has been warmed with
            first, again = compiled(law, folder), compiled(law, folder)
            laws[law] = {
                "first": {"processor_s": first[0], "clock_s": first[1]},
                "next": {"processor_s": again[0], "clock_s": again[1]},
            }
            print(f"{law}: {first[0]:.1f} s, then {again[0]:.2f} s", flush=True)
    table = Table("", "figure", "target", title="What a law costs")
    for name, figures in ways.items():
        table.add_row(f"ns a position, {name}", f"{figures['median']:.1f}", "")
    for name, figure in more.items():
        table.add_row(f"ns more, {name}", f"{figure:.1f}", f"<= {MOST_DISPATCH_NS:g}")
    for law, row in laws.items():
        for when, target in (("first", MOST_FIRST_S), ("next", MOST_NEXT_S)):
            figure = row[when]
            table.add_row(
                f"{law}, {when} process",
                f"{figure['processor_s']:.2f} s, {figure['clock_s']:.2f} s by the clock",
                f"<= {target:g}",
            )
    rich.print(table)
    save(
        given.out,
        given.repetitions,
        dispatch_ns=ways,
        dispatch_more_ns=more,
        compile=laws,
        targets={
            "dispatch_more_ns": MOST_DISPATCH_NS,
            "first_s": MOST_FIRST_S,
            "next_s": MOST_NEXT_S,
        },
    )


if __name__ == "__main__":
    main()
