"""The command that reads laws back from videos."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from trajdata._cli.exits import exit_codes
from trajdata._cli.options import AsJson, print_json
from trajdata._cli.specs import Difficulty, Preset, SetSettings, SpecFile, chosen_spec
from trajdata._words import counted

__all__ = ["score"]


def score(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="An .npz with `video`, uint8 (B, T, C, H, W), and `label` if wanted; or one clip "
            "as .mp4 or another kind of video.",
        ),
    ],
    *,
    preset_name: Preset = None,
    spec_file: SpecFile = None,
    settings: SetSettings = None,
    difficulty: Difficulty = 0.0,
    as_json: AsJson = False,
) -> None:
    """Read back the law of motion of each clip from its pixels. The spec says how large clips are
    and which laws there may be."""
    with exit_codes(as_json):
        import numpy as np

        from trajdata._scoring.clips_scored import agreement
        from trajdata._scoring.files import read_videos
        from trajdata._scoring.laws import UNNAMED, law_score

        spec = chosen_spec(preset_name, spec_file, settings, difficulty)
        videos, labels = read_videos(file, spec)
        found = law_score(videos, spec)
        shares = {name: int(np.sum(found.law == law)) for law, name in enumerate(spec.laws)}
        told: dict[str, Any] = {
            "clips": len(videos),
            "laws": {**shares, "none": int(np.sum(found.law == UNNAMED))},
            "lawful": float(found.is_lawful.mean()),
        }
        if labels is not None:
            right = agreement(found.law, labels, spec)
            told["agreement"] = {"value": right.value, "low": right.low, "high": right.high}
        if as_json:
            named = [None if law == UNNAMED else spec.laws[law] for law in found.law]
            residual = found.residual_px.min(axis=1).round(4).tolist()
            print_json({**told, "law": named, "residual_px": residual})
            return
        typer.echo(f"{file}: {counted(len(videos), 'clip')}")
        for name, number in told["laws"].items():
            typer.echo(f"  {name:<14} {number:>7,}")
        typer.echo(f"As near to a law as 99 of 100 real clips: {100 * told['lawful']:.1f} %")
        if labels is not None:
            typer.echo(
                f"Named as labelled: {100 * right.value:.1f} % "
                f"({100 * right.low:.1f} to {100 * right.high:.1f})"
            )
