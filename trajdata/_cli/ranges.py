"""The commands with which many processes and machines bake one store."""

from __future__ import annotations

from typing import Annotated

import typer

from trajdata._cli.exits import exit_codes, resumable
from trajdata._cli.options import AsJson, Out, Seed, Split, print_json
from trajdata._cli.specs import Difficulty, Preset, SetSettings, SpecFile, chosen_spec
from trajdata._errors import ArgumentError
from trajdata._words import counted

__all__ = ["bake_range", "finish"]


def bake_range(
    out: Out,
    *,
    shards: Annotated[
        str, typer.Option(metavar="A:B", help="The shards to bake: from number A up to B - 1.")
    ],
    clips: Annotated[
        int | None,
        typer.Option(
            help="How many clips the whole store gets; makes the store if it is not there."
        ),
    ] = None,
    preset_name: Preset = None,
    spec_file: SpecFile = None,
    settings: SetSettings = None,
    difficulty: Difficulty = 0.0,
    seed: Seed = 0,
    split: Split = "train",
    threads: Annotated[
        int | None, typer.Option(help="Threads that render; one for each core if not given.")
    ] = None,
    shard_clips: Annotated[
        int | None, typer.Option(help="Clips in a shard, fixed for the store.")
    ] = None,
    fields: Annotated[
        str | None,
        typer.Option(help="Array fields that a shard stores beside the video, as in pixels,depth."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bake a range of a store's shards. Any number of processes and machines may do so at once."""
    with exit_codes(as_json):
        from dataclasses import asdict

        from rich.console import Console

        from trajdata._bake.ranges import bake_range as bake
        from trajdata._cli.display import Display
        from trajdata._clips.source import ClipSource

        asked = _parsed(shards)
        source = None
        if clips is not None:
            spec = chosen_spec(preset_name, spec_file, settings, difficulty)
            source = ClipSource(spec, seed, split)
        elif preset_name or spec_file or settings or difficulty or seed or split != "train":
            raise ArgumentError(
                "--clips: given none, beside options that say what to bake; allowed is the number "
                "of clips of the whole store, or --shards alone for a store that is there"
            )
        with resumable(out), Display(Console(stderr=True)) as display:
            report = bake(
                out,
                asked,
                source,
                clips=clips,
                fields=None if fields is None else [name for name in fields.split(",") if name],
                threads=threads,
                shard_clips=shard_clips,
                on_progress=display.update,
            )
        if as_json:
            print_json({**asdict(report), "clips_per_second": report.clips_per_second})
            return
        typer.echo(
            f"Done: shards {shards} of {out}; this run wrote "
            f"{counted(report.shards_written, 'shard')}. When all are done: trajdata finish {out}"
        )


def finish(
    out: Out,
    threads: Annotated[
        int | None, typer.Option(help="Threads that read; one for each core if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Complete a store whose shards are all committed: check them and write the index."""
    with exit_codes(as_json):
        from dataclasses import asdict

        from rich.console import Console

        from trajdata._bake.ranges import finish as complete
        from trajdata._cli.display import Display

        with resumable(out), Display(Console(stderr=True)) as display:
            report = complete(out, threads=threads, on_progress=display.update)
        if as_json:
            print_json({**asdict(report), "clips_per_second": report.clips_per_second})
            return
        typer.echo(f"Done: {out} holds {counted(report.clips, 'clip')}.")


def _parsed(shards: str) -> range:
    first, colon, last = shards.partition(":")
    if not colon or not (first.isdecimal() and last.isdecimal() and shards.isascii()):
        raise ArgumentError(f"--shards: given {shards!r:.80}; allowed is A:B, as in 0:100")
    return range(int(first), int(last))
