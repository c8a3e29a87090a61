"""Scores as JSON and as one picture."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from trajdata._checks import needed
from trajdata._errors import ArgumentError
from trajdata._scoring.generator import GeneratorScore
from trajdata._scoring.intervals import SCORING_EXTRA, Figure
from trajdata._scoring.predictor import PredictorScore
from trajdata._scoring.tokenizer import TokenizerScore

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_scores", "scores_json"]

_Score = TokenizerScore | GeneratorScore | PredictorScore
_SCORES = (TokenizerScore, GeneratorScore, PredictorScore)


def _by_split(scores: Mapping[str, _Score] | _Score) -> Mapping[str, _Score]:
    found = {"": scores} if isinstance(scores, _SCORES) else scores
    if not isinstance(found, Mapping) or not all(isinstance(x, _SCORES) for x in found.values()):
        raise ArgumentError(
            f"scores: given {type(scores).__name__}; allowed is what evaluate_tokenizer, "
            "evaluate_generator or evaluate_predictor returned"
        )
    return found


def scores_json(scores: Mapping[str, _Score] | _Score) -> dict[str, Any]:
    """Scores as plain numbers, lists and dictionaries, for ``json.dump``.

    Args:
        scores: as an ``evaluate_`` function returned them.

    Raises:
        ArgumentError: something else.
    """
    found = {split: asdict(score) for split, score in _by_split(scores).items()}
    return found.get("", found) if isinstance(scores, _SCORES) else found


def draw_scores(scores: Mapping[str, _Score] | _Score, path: str | os.PathLike[str]) -> None:
    """Draw every figure with its interval, one colour for each split; a PNG.

    Args:
        scores: as an ``evaluate_`` function returned them.
        path: of the file to write.

    Raises:
        ArgumentError: something else.
        MissingPackageError: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    splits = _by_split(scores)
    figure_class = needed("matplotlib.figure", SCORING_EXTRA).Figure
    names = [field.name for field in fields(next(iter(splits.values())))]
    first = next(iter(splits.values()))
    alone = [name for name in names if isinstance(getattr(first, name), Figure)]
    shares = [name for name in alone if getattr(first, name).high <= 1.0 and "_px" not in name]
    rest = [name for name in alone if name not in shares]
    series = [
        name
        for name in names
        if isinstance(getattr(first, name), tuple)
        and getattr(first, name)
        and isinstance(getattr(first, name)[0], Figure)
    ]
    panels = [panel for panel in (shares, *([name] for name in rest)) if panel]
    rows = len(panels) + bool(series)
    heights = [0.5 + 0.3 * len(panel) for panel in panels] + [3.0] * bool(series)
    drawing = figure_class(figsize=(8, 1.0 + sum(heights)), layout="constrained")
    axes = drawing.subplots(rows, 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, part in zip(panels, axes, strict=False):
        for place, (split, score) in enumerate(splits.items()):
            _bars(part, panel, score, split, place / len(splits))
        if panel is shares:
            part.set(xlim=(0, 1))
        part.set(yticks=range(len(panel)), yticklabels=panel)
        part.invert_yaxis()
    if series:
        score = first
        for name in series:
            held = getattr(score, name)
            axes[-1].plot(
                range(len(held)), [figure.value for figure in held], marker="o", label=name
            )
        axes[-1].set(xlabel="frame to come", ylabel="pixels")
        axes[-1].legend(fontsize=8)
    if len(splits) > 1:
        axes[0].legend(fontsize=8)
    drawing.savefig(path, dpi=120, format="png")


def _bars(part: Axes, panel: list[str], score: _Score, split: str, shift: float) -> None:
    held = [getattr(score, name) for name in panel]
    part.errorbar(
        [figure.value for figure in held],
        [place + 0.6 * shift for place in range(len(panel))],
        xerr=[
            [figure.value - figure.low for figure in held],
            [figure.high - figure.value for figure in held],
        ],
        fmt="o",
        capsize=3,
        label=split or None,
    )
