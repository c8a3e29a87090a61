"""The command that writes clips as files of other programs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trajdata._cli.exits import exit_codes, resumable
from trajdata._cli.options import AsJson, Seed, Split, print_json
from trajdata._cli.specs import Difficulty, Preset, SetSettings, SpecFile, chosen_spec
from trajdata._errors import ArgumentError
from trajdata._words import counted, sized

if TYPE_CHECKING:
    from trajdata._clips.source_protocol import Source

__all__ = ["export"]


def export(
    out: Annotated[
        str,
        typer.Argument(
            help="The folder to write; one that is there is gone on with.", metavar="OUT"
        ),
    ],
    *,
    to: Annotated[
        str,
        typer.Option(
            help="mp4, webp, gif or png: files in a folder for each law, their truth beside them "
            "in .npz; npz: the same with the video in it; zarr; hf: a data set of Hugging Face. "
            "All but gif keep every pixel."
        ),
    ],
    stored: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="A folder or bucket URL of shards to read; without it, clips are rendered.",
            metavar="STORE",
        ),
    ] = None,
    clips: Annotated[
        int | None,
        typer.Option(help="How many clips, 0 to N - 1; all of a store if not given."),
    ] = None,
    fields: Annotated[
        str | None,
        typer.Option(
            help="Fields beside video, label and index, as in pixels,depth,caption; if not given, "
            "those that the store holds, or trajectory, jittered, pixels, depth, radius, params, "
            "caption and equation."
        ),
    ] = None,
    preset_name: Preset = None,
    spec_file: SpecFile = None,
    settings: SetSettings = None,
    difficulty: Difficulty = 0.0,
    seed: Seed = 0,
    split: Split = "train",
    threads: Annotated[
        int | None,
        typer.Option(
            help="Threads that render and write; if not given one for each core, or four where "
            "each clip has a file of its own."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write clips as files that other programs read. After an interruption, the same command goes
    on.

    What other programs read is in OUT/clips. mp4, webp, zarr and hf need the extra
    trajdata-video[export].
    """
    with exit_codes(as_json):
        from rich.console import Console

        from trajdata._cli.display import Display, duration
        from trajdata._export.run import export as write

        names = None if fields is None else [name for name in fields.split(",") if name]
        source: Source
        if stored is None:
            source = _rendered(preset_name, spec_file, settings, difficulty, seed, split, names)
        else:
            if (preset_name, spec_file, settings, difficulty) != (None, None, None, 0.0):
                raise ArgumentError(
                    f"--from: given {stored!r} with options that name a spec; allowed is a store "
                    "alone, whose recipe names it"
                )
            source = _stored(stored, names)
        with resumable(out), Display(Console(stderr=True)) as display:
            report = write(
                source, out, to=to, clips=clips, threads=threads, on_progress=display.update
            )
        if as_json:
            print_json(asdict(report))
            return
        held = f"Done: {out} holds {counted(report.clips, 'clip')} as {report.to}"
        if report.clips_written:
            typer.echo(
                f"{held}; this run wrote {report.clips_written:,} in {duration(report.seconds)}, "
                f"{counted(report.files_written, 'file')}, {sized(report.bytes_written)}."
            )
        else:
            typer.echo(f"{held}; there was nothing left to do.")
        if not report.exact_pixels:
            typer.echo(f"{report.to} does not keep every pixel; png, webp and mp4 do.")


def _rendered(
    preset_name: str | None,
    spec_file: Path | None,
    settings: list[str] | None,
    difficulty: float,
    seed: int,
    split: str,
    names: list[str] | None,
) -> Source:
    from trajdata._clips.fields import DEFAULT_FIELDS, TEXT_FIELDS
    from trajdata._clips.source import ClipSource
    from trajdata._shards.layout import STANDARD_ARRAYS

    spec = chosen_spec(preset_name, spec_file, settings, difficulty)
    beside = (*STANDARD_ARRAYS, *TEXT_FIELDS) if names is None else names
    return ClipSource(spec, seed, split, fields=tuple(dict.fromkeys((*DEFAULT_FIELDS, *beside))))


def _stored(where: str, names: list[str] | None) -> Source:
    from trajdata._clips.fields import DEFAULT_FIELDS, TEXT_FIELDS
    from trajdata._reading.committed import find_shards
    from trajdata._reading.stored import StoredSource

    shards = find_shards(where, unfinished=False)
    beside = (*shards.recipe.fields, *TEXT_FIELDS) if names is None else names
    return StoredSource(shards, tuple(dict.fromkeys((*DEFAULT_FIELDS, *beside))))
