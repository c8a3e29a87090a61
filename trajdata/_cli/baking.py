"""The commands that bake, and those that show how far a bake is."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from trajdata._cli.exits import FAILED, exit_codes, resumable
from trajdata._cli.options import AsJson, Out, Seed, Split, print_json
from trajdata._cli.specs import (
    Difficulty,
    Preset,
    SetSettings,
    SpecFile,
    chosen_spec,
    words_of_choice,
)
from trajdata._errors import ArgumentError
from trajdata._words import counted, per_second

__all__ = ["materialize", "status", "watch"]


def materialize(
    *,
    clips: Annotated[int, typer.Option(help="How many clips; the folder holds clips 0 to N - 1.")],
    out: Annotated[
        str,
        typer.Option(
            help="The folder, or a bucket as s3://bucket/prefix; one that is there is gone on with."
        ),
    ],
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
        int | None,
        typer.Option(
            help="Clips in a shard, fixed when the bake begins; if not given, up to 128 MiB of "
            "video."
        ),
    ] = None,
    fields: Annotated[
        str | None,
        typer.Option(
            help="Array fields that a shard stores beside the video, as in pixels,depth; if not "
            "given, trajectory,jittered,pixels,depth,radius."
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(help="What bakes: threads, those of this process, or ray, a Ray cluster."),
    ] = "threads",
    address: Annotated[
        str | None,
        typer.Option(help="Of the Ray cluster: HOST:PORT, or auto, which is the default."),
    ] = None,
    detach: Annotated[
        bool,
        typer.Option("--detach", help="Bake in the background, and say how to watch and stop it."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bake clips into tar shards. After an interruption, the same command resumes the bake."""
    with exit_codes(as_json):
        from trajdata._clips.source import ClipSource

        spec = chosen_spec(preset_name, spec_file, settings, difficulty)
        source = ClipSource(spec, seed, split)
        array_fields = None if fields is None else [name for name in fields.split(",") if name]
        if detach:
            from trajdata._bake.agreement import agree, check_threads
            from trajdata._bake.engines.choice import chosen_engine
            from trajdata._store.opening import is_url, open_store

            if is_url(out):
                raise ArgumentError(
                    f"--detach: given --out {out!r}; allowed is a folder, which the log goes "
                    "to. For a bucket, start the command under nohup"
                )
            chosen = chosen_engine(engine, address, check_threads(threads))
            agree(
                open_store(out), source, clips=clips, fields=array_fields, shard_clips=shard_clips
            )
            words = ["materialize"]
            words += words_of_choice(preset_name, spec_file, settings, difficulty)
            words += ["--seed", str(seed), "--split", split, "--clips", str(clips)]
            words += ["--out", os.path.abspath(out)]
            words += ["--threads", str(threads)] if threads is not None else []
            words += ["--shard-clips", str(shard_clips)] if shard_clips is not None else []
            words += ["--fields", fields] if fields is not None else []
            words += chosen.words
            _begin(Path(os.path.abspath(out)), words, as_json)
            return

        from rich.console import Console

        from trajdata._bake.run import materialize as bake
        from trajdata._cli.display import Display, duration

        with resumable(out), Display(Console(stderr=True)) as display:
            report = bake(
                source,
                out,
                clips=clips,
                fields=array_fields,
                threads=threads,
                shard_clips=shard_clips,
                engine=engine,
                address=address,
                on_progress=display.update,
            )
        if as_json:
            print_json({**asdict(report), "clips_per_second": report.clips_per_second})
        elif report.shards_written:
            spent = f"{duration(report.seconds)}, {per_second(report.clips_per_second)}"
            typer.echo(
                f"Done: {out} holds {counted(report.clips, 'clip')}; this run wrote "
                f"{report.clips_written:,} in {spent}."
            )
        else:
            held = counted(report.clips, "clip")
            typer.echo(f"Done: {out} holds {held}; there was nothing left to do.")


def status(out: Out, as_json: AsJson = False) -> None:
    """Show how far a bake is. This works on any machine that sees the folder or bucket."""
    with exit_codes(as_json):
        from datetime import datetime, timezone

        from trajdata._bake.progress import read_progress
        from trajdata._store.opening import open_store

        report = read_progress(open_store(out))
        if report is None:
            raise ArgumentError(
                f"OUT: given {out!r}; allowed is a store with a progress.json, "
                "as `trajdata materialize` writes it"
            )
        now = datetime.now(timezone.utc)
        stale, of_the_future = report.is_stale(now), report.is_of_the_future(now)
        if as_json:
            print_json({**asdict(report), "stale": stale, "of_the_future": of_the_future})
            return
        typer.echo(report.to_text(), nl=False)
        if stale:
            typer.echo(
                "The bake has died: its last report is too old. Run the command above to go on."
            )
        if of_the_future:
            typer.echo(
                "This report is of the future: the clocks of the bake and of this machine differ, "
                "so its time does not tell whether the bake still runs. `trajdata watch` can tell."
            )


def watch(out: Out) -> None:
    """Watch a bake of another process or machine until it ends or has gone silent."""
    with exit_codes():
        from rich.console import Console

        from trajdata._cli.watching import watch as look

        if look(out, Console()) != "done":
            raise typer.Exit(FAILED)


def _begin(out: Path, words: list[str], as_json: bool) -> None:
    from trajdata._cli.detaching import LOG, detach, last_of_log

    pid, code = detach(out, words)
    if code:
        typer.echo(last_of_log(out), err=True, nl=False)
        raise typer.Exit(code)
    if as_json:
        print_json({"pid": pid, "log": str(out / LOG), "ended": code is not None})
        return
    typer.echo(f"Baking in the background, process {pid}; it writes to {out / LOG}.")
    typer.echo(f"To watch it:\n  {shlex.join(['trajdata', 'watch', str(out)])}")
    typer.echo(f"To stop it, so that it can be resumed:\n  kill {pid}")
