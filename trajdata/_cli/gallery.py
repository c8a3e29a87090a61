"""``trajdata gallery``: a page of moving clips, whose truth can be switched on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trajdata._cli.exits import exit_codes
from trajdata._cli.options import Seed, Split
from trajdata._cli.specs import Difficulty
from trajdata._spec.presets import preset, presets

__all__ = ["gallery"]


def gallery(
    *,
    out: Annotated[Path, typer.Option(help="The folder; index.html is written there.")] = Path(
        "gallery"
    ),
    preset_names: Annotated[
        list[str] | None,
        typer.Option(
            "--preset",
            help=f"A preset to show; may be repeated: {', '.join(presets())}. All if not given.",
        ),
    ] = None,
    clips: Annotated[int, typer.Option(help="Clips of each preset.", min=1, max=64)] = 8,
    difficulty: Difficulty = 0.0,
    seed: Seed = 0,
    split: Split = "train",
) -> None:
    """Write a static page of moving clips, whose truth can be switched on. It loads nothing."""
    with exit_codes():
        from trajdata._clips.source import ClipSource
        from trajdata._show.gallery import GALLERY_FIELDS, write_gallery

        specs = {name: preset(name, difficulty=difficulty) for name in preset_names or presets()}
        sources = {
            name: ClipSource(spec, seed, split, fields=GALLERY_FIELDS)
            for name, spec in specs.items()
        }
        note = f"Seed {seed}, split {split}, difficulty {difficulty:g}."
        page = write_gallery(sources, out, clips=clips, note=note)
        typer.echo(f"The gallery is in {page}; open it in a browser.")
