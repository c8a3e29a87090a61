"""The commands that make pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trajdata._cli.exits import exit_codes
from trajdata._cli.options import Seed, Split
from trajdata._cli.specs import Difficulty, Preset, SetSettings, SpecFile, chosen_spec
from trajdata._errors import ArgumentError
from trajdata._words import counted

if TYPE_CHECKING:
    from trajdata._show.shown import ShownSource

__all__ = ["preview"]


def preview(
    store: Annotated[
        str | None,
        typer.Argument(
            help="A folder or bucket URL of shards; without it, clips are rendered.",
            metavar="STORE",
        ),
    ] = None,
    *,
    out: Annotated[
        Path,
        typer.Option(help="The picture: .png is a contact sheet, .gif or .webp an animation."),
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
    """Make a picture of clips: a row of frames for each, whose last tile shows the path."""
    with exit_codes():
        from trajdata._show.pictures import PREVIEW_FIELDS, write_animation, write_preview

        writers = {".png": write_preview, ".gif": write_animation, ".webp": write_animation}
        if out.suffix not in writers:
            raise ArgumentError(
                f"--out: given {str(out)!r}; allowed are names in .png, .gif, .webp"
            )
        if not out.absolute().parent.is_dir():
            raise ArgumentError(
                f"--out: given {str(out)!r}; allowed is a file in a folder that is there"
            )
        source: ShownSource
        shown: Sequence[int]
        if store is None:
            from trajdata._clips.source import ClipSource

            spec = chosen_spec(preset_name, spec_file, settings, difficulty)
            source = ClipSource(spec, seed, split, fields=PREVIEW_FIELDS)
            shown = range(first, first + clips)
        else:
            import numpy as np

            from trajdata._reading.committed import find_shards
            from trajdata._reading.stored import StoredSource

            shards = find_shards(store, unfinished=True)
            source = StoredSource(shards, PREVIEW_FIELDS)
            asked = np.arange(first, min(first + clips, source.clips))
            shown = asked[shards.held(asked)].tolist()
            if not shown:
                raise ArgumentError(
                    f"--first: given {first}; no clip from there on is committed in {store}"
                )
        writers[out.suffix](source, out, clips=shown)
        typer.echo(f"{out} shows {counted(len(shown), 'clip')}.")
