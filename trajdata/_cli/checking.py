"""The commands that look for damage, repair it, and measure the quality of clips."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trajdata._cli.exits import FAILED, exit_codes, interruptible
from trajdata._cli.options import AsJson, Out, Seed, print_json
from trajdata._cli.specs import Difficulty, Preset, SetSettings, SpecFile, chosen_spec
from trajdata._errors import printable
from trajdata._words import counted

if TYPE_CHECKING:
    from trajdata._bake.verify import VerifyReport

__all__ = ["audit", "repair", "verify"]


def verify(
    out: Out,
    full: Annotated[
        bool, typer.Option("--full", help="Check every byte: hashes, headers, values.")
    ] = False,
    rerender: Annotated[
        int,
        typer.Option(help="How many clips to render again and compare; spread evenly.", min=0),
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Look for damage: missing, short and stray files, and files that contradict each other. Also
    tell how many shards are proven, by the index or by rendering."""
    with exit_codes(as_json):
        from trajdata._bake.verify import verify as check

        report = check(out, full=full, rerender=rerender)
        if as_json:
            print_json({**asdict(report), "ok": report.ok})
        elif report.ok:
            typer.echo(f"{out}: no damage found{_extent(full, rerender)}.")
            typer.echo(_proof(report))
        else:
            for problem in report.problems:
                typer.echo(printable(str(problem)))
            typer.echo(f"{out}: {counted(len(report.problems), 'problem')}.", err=True)
        if not report.ok:
            raise typer.Exit(FAILED)


def _extent(full: bool, rerender: int) -> str:
    """How thorough the check was."""
    rendered = f"; {counted(rerender, 'clip')} rendered again" if rerender else ""
    if full:
        return f": every byte was read{rendered}"
    return f" by a quick look at sizes and headers (--full reads every byte{rendered})"


def _proof(report: VerifyReport) -> str:
    """How many shards are proven, and by what."""
    if not report.shards_checked:
        return "No shard is committed yet."
    proofs = [
        f"{counted(number, 'shard')} by {what}"
        for number, what in (
            (report.shards_proven_by_index, "the index"),
            (report.shards_proven_by_rendering, "rendering"),
        )
        if number
    ]
    unproven = f"{counted(report.shards_unproven, 'shard')} not" if report.shards_unproven else ""
    return "Proven: " + ", ".join([*proofs, unproven] if unproven else proofs) + "."


def repair(
    out: Out,
    threads: Annotated[
        int | None, typer.Option(help="Threads that render; one for each core if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Render damaged and missing shards again. Damaged files are moved aside, not deleted.

    A shard counts as sound only if the index proves it, or if rendering it again gives the same
    bytes.
    """
    with exit_codes(as_json):
        from rich.console import Console

        from trajdata._bake.repair import repair as repair_store
        from trajdata._cli.display import Display

        with interruptible(), Display(Console(stderr=True)) as display:
            report = repair_store(out, threads=threads, on_progress=display.update)
        if as_json:
            print_json({**asdict(report), "was_sound": report.was_sound})
            return
        if report.was_sound:
            typer.echo(f"{out}: nothing was damaged.")
            return
        for name in report.shards_rendered:
            typer.echo(f"rendered again: {name}")
        for name in report.commit_records_rebuilt:
            typer.echo(f"commit record rebuilt: {name}")
        if report.index_rebuilt:
            typer.echo("index.json rebuilt")
        for name in report.moved_aside:
            typer.echo(f"moved aside: {printable(name)}")
        typer.echo(f"{out}: sound again." + ("" if report.complete else " It is unfinished."))


def audit(
    *,
    preset_name: Preset = None,
    spec_file: SpecFile = None,
    settings: SetSettings = None,
    difficulty: Difficulty = 0.0,
    clips: Annotated[
        int, typer.Option(help="Clips to measure for the cheap figures: 20,000 or more.")
    ] = 20_000,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="Folder for audit.json and audit.png.")] = Path("audit"),
    as_json: AsJson = False,
) -> None:
    """Measure whether clips are what they claim to be. The exit code is 1 if a bound is broken."""
    with exit_codes(as_json):
        from rich.console import Console

        from trajdata._check.audit.report import audit as measure
        from trajdata._cli.tables import print_findings

        report = measure(
            chosen_spec(preset_name, spec_file, settings, difficulty),
            clips=clips,
            seed=seed,
            on_group=lambda group: typer.echo(f"measuring {group}", err=True),
        )
        report.write(out)
        if as_json:
            print_json(report.as_json())
        else:
            print_findings(report.findings, Console())
            broken = sum(not finding.passed for finding in report.findings)
            verdict = f"{counted(broken, 'bound')} broken" if broken else "every bound holds"
            typer.echo(f"{verdict.capitalize()}; see {out / 'audit.json'} and audit.png.")
        if not report.passed:
            raise typer.Exit(FAILED)
