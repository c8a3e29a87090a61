"""Every target beside its figure, out of the result files of one run: python benchmarks/targets.py

`make bench` runs the benchmarks and then this. A row that falls short says where the profile is
that shows why. Writes targets.json, from which the table in the README is made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from measuring import CASES, RESULTS, arguments, save
from rich.console import Console
from rich.table import Table

SIZES = tuple(case.name for case in CASES)
WAIT_THREADS = 1
LEAST_WIDTH = 150
PEERS = {"litdata, arrays": 5, "litdata": 5, "webdataset, .npy": 50, "webdataset": 50}
"""With the encoding that each has of its own, and with raw bytes and a batch that we put together,
which is the fastest that was found; and how many times faster trajdata is to be."""


@dataclass(frozen=True)
class Row:
    """One target.

    Attributes:
        what: is measured.
        clips: of which size.
        figure: what was found.
        relation: ">=" or "<=".
        target: what it is compared with.
        unit: of both.
        shown: where a row that falls short is explained.
    """

    what: str
    clips: str
    figure: float
    relation: str
    target: float
    unit: str
    shown: str = ""

    @property
    def holds(self) -> bool:
        return self.figure >= self.target if self.relation == ">=" else self.figure <= self.target


def load(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def rates(rows: list[dict[str, Any]], *keys: str) -> dict[tuple[Any, ...], float]:
    """Clips per second by these keys."""
    return {tuple(row[key] for key in keys): row["clips_per_second"] for row in rows}


def source_rows(size: str, rate: dict[tuple[Any, ...], float]) -> Iterator[Row]:
    most = {"8x32": 14, "16x64": 2.5}[size]
    for place, memset in (("through memory", "memset"), ("in cache", "memset, in cache")):
        yield Row(
            f"source.batch, one core: its time over that of memset, {place}",
            size,
            rate[size, memset] / rate[size, f"source.batch, {place}"],
            "<=",
            most,
            "x",
            "docs/performance.md#rendering",
        )
    if size == "8x32":
        yield Row(
            "source.batch, one core", size, rate[size, "source.batch"], ">=", 250_000, "clips/s"
        )
    yield Row(
        "all fields: time over that of the default fields",
        size,
        rate[size, "source.batch"] / rate[size, "source.batch, all fields"],
        "<=",
        1.6,
        "x",
    )


def loader_rows(size: str, rate: dict[tuple[Any, ...], float]) -> Iterator[Row]:
    transport = load("transport")
    yield Row(
        "DataLoader, live, 0 workers, of source.batch",
        size,
        rate[size, "DataLoader, live, 0 workers"] / rate[size, "source.batch"],
        ">=",
        0.75,
        "x",
    )
    for row in transport["waits"]:
        if row["clips"] == size and row["prefetch_threads"] == WAIT_THREADS:
            what = f"busy trainer with prefetch_threads={WAIT_THREADS}: part of its time it waits"
            yield Row(what, size, 100 * row["waited"], "<=", 10, "%", "docs/performance.md#loading")
    for row in transport["rows"]:
        if row["clips"] == size and row["what"] == "live":
            yield Row(
                f"DataLoader, live, {row['workers']} workers, of the DataLoader's own ceiling",
                size,
                row["of_ceiling"],
                ">=",
                4,
                "x",
                "docs/performance.md#loading",
            )


def float_rows(size: str, rate: dict[tuple[Any, ...], float]) -> Iterator[Row]:
    floats = rates(load("floats")["rows"], "clips", "what")
    shown = "docs/performance.md#loading"
    live, ceiling = floats[size, "live, float32"], floats[size, "ceiling, float32"]
    what = "DataLoader, float32 CTHW, 1 worker, of the DataLoader's own ceiling for these bytes"
    yield Row(what, size, live / ceiling, ">=", 4, "x", shown)
    what = "DataLoader, bfloat16 CTHW, 1 worker: its time over that of float32"
    yield Row(what, size, live / floats[size, "live, bfloat16"], "<=", 0.5, "x", shown)


def cached_rows(size: str, rate: dict[tuple[Any, ...], float]) -> Iterator[Row]:
    peer = rates(load("peers")["rows"], "clips", "peer", "what")
    reading, shown = "read, 0 workers", "docs/performance.md#reading"
    yield Row(
        "cached, in order, of memcpy",
        size,
        rate[size, "DataLoader, cached, 0 workers"] / rate[size, "memcpy"],
        ">=",
        0.5,
        "x",
        shown,
    )
    own = peer[size, "trajdata", reading]
    for name, least in PEERS.items():
        what = f"cached, in order, of {name}"
        yield Row(what, size, own / peer[size, name, reading], ">=", least, "x", shown)
    if size == "8x32":
        yield Row(
            "cached, shuffled",
            size,
            rate[size, "DataLoader, cached, shuffled, 0 workers"],
            ">=",
            100_000,
            "clips/s",
            shown,
        )
    own = peer[size, "trajdata", "read, shuffled"]
    for name in ("litdata, arrays", "litdata"):
        what = f"cached, shuffled, of {name}, in order"
        yield Row(what, size, own / peer[size, name, reading], ">=", 2, "x", shown)


def bake_rows(size: str, rate: dict[tuple[Any, ...], float]) -> Iterator[Row]:
    peer = rates(load("peers")["rows"], "clips", "peer", "what")
    roof = min(
        rate[size, what]
        for what in (
            "records rendered, 2 threads",
            "sha256 of records, 2 threads",
            "records written and synced",
        )
    )
    yield Row(
        "materialize, 2 threads, of the roofline",
        size,
        rate[size, "materialize"] / roof,
        ">=",
        0.7,
        "x",
        "docs/performance.md#baking",
    )
    own = peer[size, "trajdata", "write"]
    for name in ("webdataset, .npy", "webdataset"):
        ratio = own / peer[size, name, "write"]
        what = f"materialize, of the ShardWriter of {name}, on ready clips, without fsync"
        yield Row(what, size, ratio, ">=", 10, "x", "docs/performance.md#baking")


def all_rows() -> list[Row]:
    """In the order of the table: by what is measured, then by size."""
    rate = rates(load("throughput")["rows"], "clips", "what")
    rows: list[Row] = []
    for part in (source_rows, loader_rows, float_rows, cached_rows, bake_rows):
        sizes = [list(part(size, rate)) for size in SIZES]
        names = dict.fromkeys(row.what for some in sizes for row in some)
        rows += [row for name in names for some in sizes for row in some if row.what == name]
    for found in load("startup")["rows"]:
        name, unit = found["what"], found["unit"]
        shown = "docs/performance.md#starting"
        rows.append(Row(name, "8x32", found["figure"], "<=", found["target"], unit, shown))
    return rows


def main() -> None:
    """Compare, print, and write the JSON."""
    given = arguments(__doc__.splitlines()[0], "targets").parse_args()
    rows = all_rows()
    console = Console()
    console.width = max(console.width, LEAST_WIDTH)  # also where it goes to a file
    table = Table("what", "clips", title="Targets and figures")
    for heading in ("target", "figure", ""):
        table.add_column(heading, justify="right")
    for row in rows:
        target = f"{row.relation} {row.target:,g} {row.unit}"
        verdict = "ok" if row.holds else f"short: {row.shown}"
        table.add_row(row.what, row.clips, target, f"{row.figure:,.4g}", verdict)
    console.print(table)
    short = sum(not row.holds for row in rows)
    print(f"{len(rows) - short} of {len(rows)} targets are reached")
    repetitions = load("throughput")["repetitions"]
    save(given.out, repetitions, rows=[{**asdict(row), "holds": row.holds} for row in rows])


if __name__ == "__main__":
    main()
