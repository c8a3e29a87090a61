"""How soon the first clip is there, and what a bake keeps in memory: python benchmarks/startup.py

Every figure is of processes of their own: importing trajdata; the first batch after that, with and
without compiled kernels on disk; the whole command that bakes 30,000 clips of magvit-32; and by how
much a bake of 30,000 and one of 300,000 clips exceeds, at its peak, what the libraries and kernels
took before it. Writes startup.json, with the targets beside the figures. Needs 11 GB of disk while
it runs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rich
from measuring import BATCH, ROOT, alternated, arguments, save
from rich.table import Table

PRESET = "magvit-32"
COMMAND_CLIPS = 30_000
MEMORY_CLIPS = (30_000, 300_000)
PATIENCE_SECONDS = 300
MIB = 2**20

IMPORT = """
start = time.perf_counter()
import trajdata
imported = time.perf_counter()
"""
FIRST_OF_SOURCE = f"""
trajdata.ClipSource(trajdata.preset({PRESET!r})).batch(range({BATCH}))
"""
FIRST_OF_LOADER = f"""
source = trajdata.ClipSource(trajdata.preset({PRESET!r}))
dataset = trajdata.TrajectoryDataset(source, batch_size={BATCH})
next(iter(torch.utils.data.DataLoader(dataset, batch_size=None)))
"""
TELL = """
print(json.dumps({
    "file": trajdata.__file__,
    "import": imported - start,
    "first": time.perf_counter() - imported,
}))
"""
# ru_maxrss would begin with what the parent held when it forked, so Linux is asked for the peak of
# this program alone. What was held just before the bake is subtracted, not the peak until then:
# nothing that the bake takes can hide in room that an import has given back.
BAKE = f"""
import json, os, resource, sys
import PIL.Image, psutil
import trajdata._bake.run, trajdata._show.pictures

def peak():
    try:
        with open("/proc/self/status") as status:
            fields = dict(line.split(":", 1) for line in status)
    except FileNotFoundError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return int(fields["VmHWM"].split()[0]) * 1024

spec = trajdata.preset({PRESET!r})
trajdata.ClipSource(spec).warm()
before = psutil.Process().memory_info().rss
trajdata.materialize(trajdata.ClipSource(spec), sys.argv[1], clips=int(sys.argv[2]))
print(json.dumps({{"over": peak() - before}}))
"""


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        what: its name.
        unit: of the figure.
        target: that it must not exceed.
        measure: runs once and returns the figure.
    """

    what: str
    unit: str
    target: float
    measure: Callable[[], float]


def run(words: list[str], folder: Path) -> str:
    """What a Python program prints that is run from ``folder``, where its trajdata is.

    Raises:
        RuntimeError: it failed.
        subprocess.TimeoutExpired: it takes too long.
    """
    # Another place for compiled kernels would be a warm cache where a cold one is meant.
    clean = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    ended = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    if ended.returncode != 0:
        raise RuntimeError(f"{words[:2]} ended with {ended.returncode}: {ended.stderr}")
    return ended.stdout


def timed(program: str, what: str, folder: Path = ROOT) -> float:
    """Seconds of ``what``, "import" or "first", as the program tells them."""
    told = json.loads(run(["-c", f"import json, time\n{program}{TELL}"], folder))
    if Path(told["file"]).parents[1] != folder:
        raise RuntimeError(f"trajdata is that of {told['file']}; {folder} was meant")
    return float(told[what])


def cold(scratch: Path) -> float:
    """Seconds to the first batch of a package that was never run: it compiles its kernels."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        place = Path(folder).resolve()
        shutil.copytree(
            ROOT / "trajdata", place / "trajdata", ignore=shutil.ignore_patterns("__pycache__")
        )
        return timed(IMPORT + FIRST_OF_SOURCE, "first", place)


def command(scratch: Path) -> float:
    """Seconds of the whole command, from its start to its end."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        words = ["-m", "trajdata", "materialize", "--preset", PRESET]
        words += ["--clips", str(COMMAND_CLIPS), "--out", str(Path(folder) / "out")]
        start = time.perf_counter()
        run(words, ROOT)
        return time.perf_counter() - start


def over(clips: int, scratch: Path) -> float:
    """MiB that a bake takes at its peak over what the process held before it."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        told = json.loads(run(["-c", BAKE, str(Path(folder) / "out"), str(clips)], ROOT))
        return float(told["over"]) / MIB


def rows(scratch: Path) -> list[Row]:
    """All that is measured."""
    return [
        Row("import trajdata", "s", 0.25, lambda: timed(IMPORT, "import")),
        Row(
            "first batch of a source, compiled before",
            "s",
            1.5,
            lambda: timed(IMPORT + FIRST_OF_SOURCE, "first"),
        ),
        Row(
            "first batch of a DataLoader, compiled before, torch imported",
            "s",
            1.5,
            lambda: timed(f"import torch.utils.data\n{IMPORT}{FIRST_OF_LOADER}", "first"),
        ),
        Row("first batch of a source, never compiled", "s", 30, lambda: cold(scratch)),
        Row(
            f"trajdata materialize, {COMMAND_CLIPS:,} clips, whole command",
            "s",
            5,
            lambda: command(scratch),
        ),
        *(
            Row(
                f"peak of a bake over the libraries, {clips:,} clips",
                "MiB",
                400,
                lambda clips=clips: over(clips, scratch),
            )
            for clips in MEMORY_CLIPS
        ),
    ]


def figures(todo: list[Row], repetitions: int) -> list[dict[str, Any]]:
    """The rows of the result file."""
    found = alternated({row.what: row.measure for row in todo}, repetitions)
    return [
        {
            "what": row.what,
            "unit": row.unit,
            "target": row.target,
            "figure": round(found[row.what]["median"], 3),
            "runs": [round(one, 3) for one in found[row.what]["runs"]],
        }
        for row in todo
    ]


def show(found: list[dict[str, Any]]) -> None:
    table = Table("what", title="Start-up and memory, medians")
    for heading in ("figure", "target", "unit"):
        table.add_column(heading, justify="right")
    for row in found:
        table.add_row(row["what"], f"{row['figure']:,.2f}", f"<= {row['target']}", row["unit"])
    rich.print(table)


def main() -> None:
    given = arguments(__doc__.splitlines()[0], "startup", repetitions=3).parse_args()
    timed(IMPORT + FIRST_OF_SOURCE, "first")  # compiles what is said to be compiled before
    with tempfile.TemporaryDirectory(prefix="trajdata-startup-") as scratch:
        found = figures(rows(Path(scratch)), given.repetitions)
    show(found)
    save(given.out, given.repetitions, preset=PRESET, rows=found)


if __name__ == "__main__":
    main()
