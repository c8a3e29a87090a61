"""The command that brings the shards of one store into another."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from trajdata._cli.exits import exit_codes, resumable
from trajdata._cli.options import AsJson, print_json
from trajdata._words import counted, sized

if TYPE_CHECKING:
    from trajdata._bake.sync import SyncReport

__all__ = ["sync"]


def sync(
    origin: Annotated[
        str,
        typer.Argument(help="The folder or bucket URL to read; it is not changed.", metavar="FROM"),
    ],
    out: Annotated[
        str,
        typer.Argument(
            help="The folder or bucket URL to write; one that is there is gone on with.",
            metavar="TO",
        ),
    ],
    follow: Annotated[
        bool,
        typer.Option("--follow", help="Go on while FROM is baked, until it is complete."),
    ] = False,
    render: Annotated[
        bool,
        typer.Option(
            "--render",
            help="Let only recipe and hashes travel: render the shards here, and prove them by "
            "their hashes.",
        ),
    ] = False,
    threads: Annotated[
        int | None,
        typer.Option(
            help="Shards that are copied or rendered at once; one for each core if not given."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring the shards of one store into another. After an interruption, the same command resumes.

    Whole shards travel, and each must have the hash that FROM promises. Without --follow, what is
    committed in FROM by now is brought over.
    """
    with exit_codes(as_json):
        from rich.console import Console

        from trajdata._bake.sync import sync as bring
        from trajdata._cli.display import Display

        with resumable(out), Display(Console(stderr=True)) as display:
            report = bring(
                origin,
                out,
                follow=follow,
                render=render,
                threads=threads,
                on_progress=display.update,
            )
        if as_json:
            print_json(asdict(report))
            return
        typer.echo(_told(report))


def _told(report: SyncReport) -> str:
    here = report.shards_present - report.shards_copied - report.shards_rendered
    done = [
        f"{counted(number, 'shard')} {what}"
        for number, what in (
            (report.shards_copied, "copied"),
            (report.shards_rendered, "rendered and proven by the hash"),
            (here, "there before"),
        )
        if number
    ]
    travelled = (
        f"{sized(report.bytes_travelled)} travelled, {sized(report.bytes_saved)} did not have to."
    )
    if report.complete:
        first = f"Done: {report.where} holds {counted(report.clips, 'clip')}"
        return f"{first}; {', '.join(done)}.\n{travelled}"
    first = f"{report.where} holds {report.shards_present:,} of {counted(report.shards, 'shard')}"
    return (
        f"{first}{': ' if done else ''}{', '.join(done)}.\n{travelled}\n{report.origin} is "
        "unfinished: run this again later, or with --follow."
    )
