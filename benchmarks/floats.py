"""What batches of floats cost on their way from a worker: python benchmarks/floats.py

For clips of 8 x 3 x 32 x 32 and of 16 x 3 x 64 x 64, with one worker: a live TrajectoryDataset
whose Output is CTHW in [-1, 1], as float32 and as bfloat16, beside the DataLoader's own ceiling for
the same bytes, a dataset that only makes a shared tensor of that shape and dtype, fills it and
yields it; and how many clips a second one core makes without a DataLoader. Every figure is the
median of repetitions that alternate with those of the others.
"""

from __future__ import annotations

from typing import Any

import rich
import torch
from measuring import BATCH, CASES, alternated, arguments, save
from rich.table import Table
from transport import SharedFills, rate, rendered

from trajdata import ClipSource, ClipSpec, Output, TrajectoryDataset

DTYPES = (torch.float32, torch.bfloat16)
BATCHES = {"8x32": 200, "16x64": 32}


def run_case(name: str, spec: ClipSpec, repetitions: int) -> list[dict[str, Any]]:
    """The rows of one size of clips."""
    frames, channels, height, width = spec.video_shape
    many, measures = BATCHES[name], {}
    for dtype in DTYPES:
        output = Output(layout="CTHW", dtype=dtype, value_range=(-1, 1))
        live = TrajectoryDataset(ClipSource(spec), batch_size=BATCH, fresh=False, output=output)
        fills = SharedFills((BATCH, channels, frames, height, width), dtype)
        measures |= {
            f"ceiling, {output.dtype}": lambda fills=fills: rate(fills, 1, many // 2),
            f"live, {output.dtype}": lambda live=live: rate(live, 1, many),
            f"one core, {output.dtype}": lambda live=live: rendered(live, many // 2),
        }
    return [
        {
            "clips": name,
            "what": what,
            "clips_per_second": round(one["median"]),
            "runs": [round(clips) for clips in one["runs"]],
        }
        for what, one in alternated(measures, repetitions).items()
    ]


def main() -> None:
    """Measure, print, and write the JSON."""
    given = arguments(__doc__.splitlines()[0], "floats").parse_args()
    rows = [row for case in CASES for row in run_case(case.name, case.spec, given.repetitions)]
    table = Table("clips", "what", title=f"Floats, batches of {BATCH}, one worker, medians")
    table.add_column("clips/s", justify="right")
    for row in rows:
        table.add_row(row["clips"], row["what"], f"{row['clips_per_second']:,}")
    rich.print(table)
    save(given.out, given.repetitions, rows=rows)


if __name__ == "__main__":
    main()
