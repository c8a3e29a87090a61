"""``trajdata bench``: how fast this machine makes clips, and how many workers to take."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trajdata._cli.exits import exit_codes, interruptible
from trajdata._cli.options import AsJson, print_json
from trajdata._cli.specs import Difficulty, Preset, SetSettings, SpecFile, chosen_spec
from trajdata._errors import ArgumentError

if TYPE_CHECKING:
    from trajdata._bench.plan import BenchPlan
    from trajdata._spec.model import ClipSpec

__all__ = ["bench"]

_CLEAR_LINE = "\r\x1b[K"


def bench(
    *,
    preset_name: Preset = None,
    spec_file: SpecFile = None,
    settings: SetSettings = None,
    difficulty: Difficulty = 0.0,
    batch_size: Annotated[int, typer.Option(help="Clips in a batch.")] = 128,
    workers: Annotated[
        str, typer.Option(help="Numbers of DataLoader workers to compare, separated by commas.")
    ] = "0,1,2",
    seconds: Annotated[
        float,
        typer.Option(help="Time to measure each row, in seconds; more gives steadier figures."),
    ] = 1.0,
    threads: Annotated[
        int | None, typer.Option(help="Threads of a bake; one for each core if not given.")
    ] = None,
    cached: Annotated[
        Path | None,
        typer.Option(help="A finished folder of shards, to measure reading its clips as well."),
    ] = None,
    scratch: Annotated[
        Path | None,
        typer.Option(
            "--dir",
            help="A folder on the disk that you would bake to; it is left as it was.",
            show_default="the system's temporary folder",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how fast this machine makes clips, and what limits it. Takes about 15 seconds."""
    with exit_codes():
        spec = chosen_spec(preset_name, spec_file, settings, difficulty)
        is_named = bool(preset_name or spec_file or settings or difficulty)
        plan = _plan(spec, is_named, batch_size, workers, seconds, threads, cached)
        if scratch is not None and not scratch.is_dir():
            raise ArgumentError(f"--dir: given {str(scratch)!r}; allowed is a folder that is there")

        from rich.console import Console

        from trajdata._bench.report import bench as measure
        from trajdata._cli.tables import print_rates

        # `interruptible` is the inner one: after an interrupt it ignores further ones, so that
        # nothing disturbs the removal of the folder.
        with (
            tempfile.TemporaryDirectory(prefix="trajdata-bench-", dir=scratch) as folder,
            interruptible(),
        ):
            try:
                report = measure(plan, Path(folder), _tell)
            finally:
                _tell("")
        if as_json:
            print_json(report.as_json())
            return
        print_rates(report, Console())
        typer.echo(report.advice)


def _plan(
    spec: ClipSpec,
    is_named: bool,
    batch_size: int,
    workers: str,
    seconds: float,
    threads: int | None,
    cached: Path | None,
) -> BenchPlan:
    """The validated plan. If a folder of shards is given and no spec is named, the folder's spec is
    measured.

    Raises:
        ArgumentError: names the option or field, the value given and what is allowed.
        SpecMismatchError: the folder does not hold the spec that is named.
        ShardError: the folder is damaged.
    """
    from trajdata._bench.plan import BenchPlan

    try:
        numbers = tuple(int(number) for number in workers.split(","))
    except ValueError as error:
        raise ArgumentError(
            f"--workers: given {workers!r}; allowed are whole numbers separated by commas, "
            "as in 0,1,2"
        ) from error
    seed, split = 0, "train"
    if cached is not None:
        from trajdata._reading.stored import open_shards

        held = open_shards(cached)
        seed, split = held.seed, held.split
        if not is_named:
            spec = held.spec
    return BenchPlan(
        spec,
        seed=seed,
        split=split,
        batch_size=batch_size,
        workers=numbers,
        seconds=seconds,
        threads=threads,
        cached=cached,
    )


def _tell(step: str) -> None:
    """Show on a terminal what is being measured, in a line that the next call replaces."""
    if sys.stderr.isatty():
        typer.echo(f"{_CLEAR_LINE}{step}", err=True, nl=False)
