"""What a store's card saves Hugging Face ``datasets``: python benchmarks/load_dataset.py

The same shards in two folders. One has the card that `materialize` writes, which gives the types of
the members: a ClassLabel and arrays with their shapes. From the other's card these lines are taken
out, so that `datasets` infers nested lists. Measured in turn, in seconds: `load_dataset` with an
empty cache; then every member of every clip read as NumPy arrays, in batches and one clip at a
time; and without a format, which makes lists of Python's numbers. Folders and caches are in memory
where the system has a folder there. Every figure is the median of repetitions that alternate.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

# A folder on this machine is read: nothing is asked of a hub.
os.environ["HF_HUB_OFFLINE"] = "1"

import datasets
import rich
from measuring import BATCH, CASES, Case, alternated, arguments, save
from rich.table import Table

from trajdata import ClipSource, materialize

CLIPS = {"8x32": 2_000, "16x64": 500}
SHARDS = 4
TYPED, PLAIN = CARDS = ("with types", "without types")
READS: dict[str, Callable[[Any], Iterable[Any]]] = {
    "NumPy, batches": lambda read: read.with_format("numpy").iter(batch_size=BATCH),
    "NumPy, one by one": lambda read: read.with_format("numpy"),
    "Python's lists, one by one": lambda read: read,
}
LOAD = "load_dataset"


def without_types(card: str) -> str:
    """The card as it was before it gave types."""
    before, found, rest = card.partition("dataset_info:\n")
    _, end, after = rest.partition("task_categories:\n")
    if not (found and end):
        raise ValueError("given a card without dataset_info; allowed is one that gives types")
    return before + end + after


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def consume(items: Iterable[Any]) -> None:
    for _ in items:
        pass


def measures_of(folder: Path, card: str, opened: dict[str, Any]) -> dict[str, Callable[[], float]]:
    """The measures of one folder by name; those after the first one read what it loaded."""

    def load() -> float:
        cache = folder.with_name("cache")
        opened.pop(card, None)
        shutil.rmtree(cache, ignore_errors=True)

        def fresh() -> None:
            opened[card] = datasets.load_dataset(str(folder), split="train", cache_dir=str(cache))

        return seconds(fresh)

    reads = {
        f"{card}: {name}": lambda read=read: seconds(lambda: consume(read(opened[card])))
        for name, read in READS.items()
    }
    return {f"{card}: {LOAD}": load, **reads}


def run_case(case: Case, repetitions: int) -> list[dict[str, Any]]:
    """The rows of one size of clips."""
    memory = Path("/dev/shm")
    clips, opened = CLIPS[case.name], {}
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as home:
        typed, plain = (Path(home, name.replace(" ", "-")) for name in CARDS)
        materialize(ClipSource(case.spec), typed, clips=clips, shard_clips=clips // SHARDS)
        shutil.copytree(typed, plain)
        card = plain / "README.md"
        card.write_text(without_types(card.read_text("utf-8")), "utf-8")
        measures = measures_of(typed, TYPED, opened) | measures_of(plain, PLAIN, opened)
        found = alternated(measures, repetitions)
        opened.clear()
    rows = []
    for name in (LOAD, *READS):
        of = {card: found[f"{card}: {name}"] for card in CARDS}
        loaded = {card: 0.0 if name == LOAD else found[f"{card}: {LOAD}"]["median"] for card in of}
        whole = {card: loaded[card] + of[card]["median"] for card in CARDS}
        rows.append(
            {
                "clips": case.name,
                "number": clips,
                "what": name,
                "seconds": {card: round(one["median"], 3) for card, one in of.items()},
                "gain": round(of[PLAIN]["median"] / of[TYPED]["median"], 2),
                "gain_with_load": round(whole[PLAIN] / whole[TYPED], 2),
                "runs": {card: [round(run, 3) for run in one["runs"]] for card, one in of.items()},
            }
        )
    return rows


def main() -> None:
    """Measure, print, and write the JSON."""
    given = arguments(__doc__.splitlines()[0], "load_dataset").parse_args()
    datasets.disable_progress_bars()
    rows = [row for case in CASES for row in run_case(case, given.repetitions)]
    table = Table("clips", "what", title="load_dataset: seconds, medians")
    for name in (*CARDS, "gain", "gain, load_dataset and reading"):
        table.add_column(name, justify="right")
    for row in rows:
        figures = [*row["seconds"].values(), row["gain"], row["gain_with_load"]]
        table.add_row(f"{row['number']:,} of {row['clips']}", row["what"], *map(str, figures))
    rich.print(table)
    versions = {name: importlib.metadata.version(name) for name in ("datasets", "pyarrow")}
    done = " ".join(__doc__.partition("\n\n")[2].split())
    save(given.out, given.repetitions, done=done, versions=versions, rows=rows)


if __name__ == "__main__":
    main()
