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
    first = next(iter(splits.values()))
    held = {field.name: getattr(first, field.name) for field in fields(first)}
    alone = [name for name, value in held.items() if isinstance(value, Figure)]
    lengths = [name for name in alone if name.endswith(("_px", "_db"))]
    shares = [name for name in alone if name not in lengths]
    panels = [shares, *([name] for name in lengths)]
    series = [
        name
        for name, value in held.items()
        if isinstance(value, tuple) and value and isinstance(value[0], Figure)
    ]
    heights = [0.5 + 0.3 * len(panel) for panel in panels] + [3.0] * len(splits) * bool(series)
    drawing = figure_class(figsize=(8, 1.0 + sum(heights)), layout="constrained")
    axes = drawing.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, part in zip(panels, axes, strict=False):
        for place, (split, score) in enumerate(splits.items()):
            _bars(part, panel, score, split, place / len(splits))
        part.set(yticks=range(len(panel)), yticklabels=panel, ylim=(len(panel) - 0.2, -0.2))
    axes[0].set(xlim=(-0.02, 1.02))
    if series:
        for part, (split, score) in zip(axes[len(panels) :], splits.items(), strict=True):
            _lines(part, series, score, split)
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


def _lines(part: Axes, series: list[str], score: _Score, split: str) -> None:
    for name in series:
        values = [figure.value for figure in getattr(score, name)]
        frames = range(1, len(values) + 1)
        part.plot(frames, values, marker="o", label=name)
    part.set(title=split or None, xlabel="frame to come", ylabel="pixels", xticks=frames)
    part.legend(fontsize=8)
