"""The commands. Each is thin: it reads what was typed, calls the library and prints the answer.

What is slow to import is imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trajdata._cli.bench import bench
from trajdata._cli.exits import (
    FAILED,
    INTERRUPTED,
    exit_codes,
    interruptible,
    invocation,
)
from trajdata._cli.gallery import gallery
from trajdata._cli.options import (
    EXITS,
    AsJson,
    Folder,
    Seed,
    Split,
    print_json,
)
from trajdata._cli.specs import (
    Difficulty,
    Preset,
    SetSettings,
    SpecFile,
    chosen_spec,
    words_of_choice,
)
from trajdata._cli.words import counted

if TYPE_CHECKING:
    from trajdata._show.pictures import Drawable

__all__ = ["app", "main"]

app = typer.Typer(
    name="trajdata",
    help="Synthetic trajectory videos with exact truth: bake them into tar shards.",
    epilog=EXITS,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command(epilog=EXITS)
def materialize(
    *,
    clips: Annotated[int, typer.Option(help="How many clips; the folder holds clips 0 to N - 1.")],
    out: Annotated[
        Path, typer.Option(readable=False, help="The folder; one that is there is gone on with.")
    ],
    preset_name: Preset = None,
    spec_file: SpecFile = None,
    settings: SetSettings = None,
    difficulty: Difficulty = 0.0,
    seed: Seed = 0,
    split: Split = "train",
    threads: Annotated[
        int | None, typer.Option(help="Threads that render; one a core if not given.")
    ] = None,
    shard_clips: Annotated[
        int | None,
        typer.Option(help="Clips in a shard, fixed for the folder; if not given, about 128 MiB."),
    ] = None,
    fields: Annotated[
        str | None,
        typer.Option(
            help="Array fields that a shard stores beside the video, as in pixels,depth; if not "
            "given, trajectory,jittered,pixels,depth,radius."
        ),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="In the background; says how to watch and to stop it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bake clips into tar shards. Run it again after an interruption: it resumes."""
    with exit_codes():
        from trajdata._clips.source import ClipSource

        spec = chosen_spec(preset_name, spec_file, settings, difficulty)
        source = ClipSource(spec, seed, split)
        array_fields = None if fields is None else [name for name in fields.split(",") if name]
        if detach:
            from trajdata._bake.run import agree, check_threads
            from trajdata._store.opening import open_store

            check_threads(threads)
            agree(
                open_store(out), source, clips=clips, fields=array_fields, shard_clips=shard_clips
            )
            words = ["materialize"]
            words += words_of_choice(preset_name, spec_file, settings, difficulty)
            words += ["--seed", str(seed), "--split", split, "--clips", str(clips)]
            words += ["--out", str(out.absolute())]
            words += ["--threads", str(threads)] if threads is not None else []
            words += ["--shard-clips", str(shard_clips)] if shard_clips is not None else []
            words += ["--fields", fields] if fields is not None else []
            _begin(out.absolute(), words, as_json)
            return

        from rich.console import Console

        from trajdata._bake.run import materialize as bake
        from trajdata._cli.display import Display, duration

        try:
            with interruptible(), Display(Console(stderr=True)) as display:
                report = bake(
                    source,
                    out,
                    clips=clips,
                    fields=array_fields,
                    threads=threads,
                    shard_clips=shard_clips,
                    on_progress=display.update,
                )
        except KeyboardInterrupt as interrupt:
            typer.echo(
                f"Interrupted; what is committed in {out} stays. To resume:\n  {invocation()}",
                err=True,
            )
            raise typer.Exit(INTERRUPTED) from interrupt
        if as_json:
            print_json({**asdict(report), "clips_per_second": report.clips_per_second})
        elif report.shards_written:
            spent = f"{duration(report.seconds)}, {report.clips_per_second:,.0f} clips/s"
            typer.echo(
                f"Done: {report.clips:,} clips are in {out}; "
                f"this run wrote {report.clips_written:,} of them in {spent}."
            )
        else:
            typer.echo(f"Done: {report.clips:,} clips are in {out}; they were there already.")


@app.command(epilog=EXITS)
def status(folder: Folder, as_json: AsJson = False) -> None:
    """Tell how far a bake is, also from another machine that sees the folder."""
    with exit_codes():
        from datetime import datetime, timezone

        from trajdata._bake.progress import read_progress
        from trajdata._store.opening import open_store

        report = read_progress(open_store(folder))
        if report is None:
            raise ValueError(
                f"FOLDER: given {str(folder)!r}; allowed is a folder with a progress.json, "
                "as `trajdata materialize` writes it"
            )
        stale = report.is_stale(datetime.now(timezone.utc))
        if as_json:
            print_json({**asdict(report), "stale": stale})
            return
        typer.echo(report.to_text(), nl=False)
        if stale:
            typer.echo(
                "The bake has died: its last report is too old. Run the command above to go on."
            )


@app.command(epilog=EXITS)
def watch(folder: Folder) -> None:
    """Show a bake that another process or machine runs, until it ends or has gone silent."""
    with exit_codes():
        from rich.console import Console

        from trajdata._cli.watching import watch as look

        if look(folder, Console()) != "done":
            raise typer.Exit(FAILED)


@app.command(epilog=EXITS)
def verify(
    folder: Folder,
    full: Annotated[
        bool, typer.Option("--full", help="Read every byte: hashes, headers, values.")
    ] = False,
    rerender: Annotated[
        int, typer.Option(help="Render so many clips again, spread evenly, and compare.", min=0)
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Look for damage: missing, short and stray files, and records that contradict them."""
    with exit_codes():
        from trajdata._bake.verify import verify as check

        report = check(folder, full=full, rerender=rerender)
        if as_json:
            print_json({**asdict(report), "ok": report.ok})
        elif report.ok:
            typer.echo(f"{folder}: no damage found.")
        else:
            for problem in report.problems:
                typer.echo(str(problem))
            typer.echo(f"{folder}: {len(report.problems)} problems.", err=True)
        if not report.ok:
            raise typer.Exit(FAILED)


@app.command(epilog=EXITS)
def repair(
    folder: Folder,
    threads: Annotated[
        int | None, typer.Option(help="Threads that render; one a core if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make damaged and missing shards again, to the same hash; the damaged are moved aside."""
    with exit_codes():
        from rich.console import Console

        from trajdata._bake.repair import repair as mend
        from trajdata._cli.display import Display

        with interruptible(), Display(Console(stderr=True)) as display:
            report = mend(folder, threads=threads, on_progress=display.update)
        if as_json:
            print_json({**asdict(report), "was_sound": report.was_sound})
            return
        if report.was_sound:
            typer.echo(f"{folder}: nothing was damaged.")
            return
        for name in report.shards_rendered:
            typer.echo(f"made again: {name}")
        for name in report.commit_records_rebuilt:
            typer.echo(f"commit record rebuilt: {name}")
        if report.index_rebuilt:
            typer.echo("index.json rebuilt")
        for name in report.moved_aside:
            typer.echo(f"moved aside: {name}")
        typer.echo(f"{folder}: sound again." + ("" if report.complete else " It is unfinished."))


@app.command(epilog=EXITS)
def preview(
    folder: Annotated[
        Path | None, typer.Argument(help="A folder of shards; without it, clips are drawn.")
    ] = None,
    *,
    out: Annotated[
        Path, typer.Option(help="The picture: .png for a contact sheet, .gif or .webp to move.")
    ] = Path("preview.png"),
    clips: Annotated[int, typer.Option(help="How many clips to show.", min=1, max=256)] = 8,
    first: Annotated[int, typer.Option(help="Index of the first clip shown.")] = 0,
    preset_name: Preset = None,
    spec_file: SpecFile = None,
    settings: SetSettings = None,
    difficulty: Difficulty = 0.0,
    seed: Seed = 0,
    split: Split = "train",
) -> None:
    """Draw a picture of clips: a row a clip, its frames, and its path on the last tile."""
    with exit_codes():
        from trajdata._show.pictures import PREVIEW_FIELDS, write_animation, write_preview

        writers = {".png": write_preview, ".gif": write_animation, ".webp": write_animation}
        if out.suffix not in writers:
            raise ValueError(f"--out: given {str(out)!r}; allowed are names in .png, .gif, .webp")
        if not out.absolute().parent.is_dir():
            raise ValueError(
                f"--out: given {str(out)!r}; allowed is a file in a folder that is there"
            )
        source: Drawable
        shown: Sequence[int]
        if folder is None:
            from trajdata._clips.source import ClipSource

            spec = chosen_spec(preset_name, spec_file, settings, difficulty)
            source = ClipSource(spec, seed, split, fields=PREVIEW_FIELDS)
            shown = range(first, first + clips)
        else:
            import numpy as np

            from trajdata._reading.committed import find_shards
            from trajdata._reading.stored import StoredSource

            shards = find_shards(folder, unfinished=True)
            source = StoredSource(shards, PREVIEW_FIELDS)
            asked = np.arange(first, min(first + clips, source.clips))
            shown = asked[shards.held(asked)].tolist()
            if not shown:
                raise ValueError(
                    f"--first: given {first}; no clip from there on is committed in {folder}"
                )
        writers[out.suffix](source, out, clips=shown)
        typer.echo(f"{out} shows {counted(len(shown), 'clip')}.")


app.command(epilog=EXITS)(gallery)
app.command(epilog=EXITS)(bench)


@app.command(epilog=EXITS)
def audit(
    *,
    preset_name: Preset = None,
    spec_file: SpecFile = None,
    settings: SetSettings = None,
    difficulty: Difficulty = 0.0,
    clips: Annotated[
        int, typer.Option(help="How many clips the cheap figures are taken from: 20,000 or more.")
    ] = 20_000,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="Folder for audit.json and audit.png.")] = Path("audit"),
    as_json: AsJson = False,
) -> None:
    """Measure whether clips are what they claim to be; ends with 1 where a bound is broken."""
    with exit_codes():
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
            verdict = f"{broken} bounds are broken" if broken else "every bound holds"
            typer.echo(f"{verdict.capitalize()}; see {out / 'audit.json'} and audit.png.")
        if not report.passed:
            raise typer.Exit(FAILED)


def _begin(out: Path, words: list[str], as_json: bool) -> None:
    from trajdata._cli.detaching import LOG, detach

    pid, code = detach(out, words)
    if code:
        typer.echo((out / LOG).read_text("utf-8", "replace")[-2000:], err=True, nl=False)
        raise typer.Exit(code)
    if as_json:
        print_json({"pid": pid, "log": str(out / LOG), "ended": code is not None})
        return
    typer.echo(f"Baking in the background, process {pid}; it writes to {out / LOG}.")
    typer.echo(f"To watch it:\n  {shlex.join(['trajdata', 'watch', str(out)])}")
    typer.echo(f"To stop it, so that it can be gone on with:\n  kill {pid}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process with one of the exit codes.

    Args:
        arguments: what follows the program's name; None takes it from the process.
    """
    try:
        app(arguments, prog_name="trajdata")
    except KeyboardInterrupt as interrupt:
        raise SystemExit(INTERRUPTED) from interrupt
