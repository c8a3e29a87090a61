"""The clips that a model is scored on, and what every score says of the clips themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.source import ClipSource
from trajdata._clips.source_protocol import Source
from trajdata._errors import ArgumentError
from trajdata._scoring.calibration import Calibration, calibrate, check_scored
from trajdata._scoring.intervals import Figure, share_of
from trajdata._scoring.laws import UNNAMED, LawScores, law_score
from trajdata._spec.model import ClipSpec

__all__ = ["ScoredBatch", "agreement", "check_source", "scored_batches", "scored_sources"]

_SHUFFLED_SEED = 20_260_101
_FIELDS = ("video", "label", "index", "pixels", "radius")


@dataclass(frozen=True)
class ScoredBatch:
    """Clips with their truth.

    Attributes:
        video: uint8 (B, T, C, H, W).
        label: int64 (B,).
        pixels: float64 (B, T, 2), pixels.
        radius: float64 (B, T), pixels.
        real: the laws that the clips themselves name.
        shuffled: those that they name with their frames in random order.
    """

    video: NDArray[np.uint8]
    label: NDArray[np.int64]
    pixels: NDArray[np.float64]
    radius: NDArray[np.float64]
    real: LawScores
    shuffled: LawScores


def check_source(source: Source, clips: int, batch_size: int) -> Calibration:
    """The calibration of a source's spec.

    Raises:
        ArgumentError: numbers below 1, or a spec of several objects.
    """
    check_scored(source.spec)
    if clips < 1 or batch_size < 1:
        raise ArgumentError(
            f"clips, batch_size: given {clips}, {batch_size}; allowed are numbers from 1"
        )
    return calibrate(source.spec)


def scored_sources(source: Source, splits: Sequence[str] | None) -> dict[str, Source]:
    """By split, the clips to score on: the source itself and, rendered, the other splits.

    Args:
        source: of the clips in distribution.
        splits: others; by default all of the spec that begin with ``ood-``.
    """
    if splits is None:
        splits = [split for split in source.spec.splits if split.startswith("ood-")]
    others = {
        split: ClipSource(source.spec, source.seed, split, fields=_FIELDS) for split in splits
    }
    return {source.split: source.with_fields(_FIELDS), **others}


def scored_batches(
    source: Source, calibration: Calibration, clips: int, batch_size: int
) -> Iterator[ScoredBatch]:
    """The first clips of a source, with what they and their shuffled frames name."""
    dice = np.random.default_rng(_SHUFFLED_SEED)
    spec = source.spec
    for first in range(0, clips, batch_size):
        batch: Any = source.batch(range(first, min(first + batch_size, clips)))
        video = batch["video"]
        order = np.argsort(dice.random(video.shape[:2]), axis=1)
        shuffled = np.take_along_axis(video, order[:, :, None, None, None], axis=1)
        yield ScoredBatch(
            video,
            batch["label"],
            np.asarray(batch["pixels"], np.float64),
            np.asarray(batch["radius"], np.float64),
            law_score(video, spec, calibration=calibration),
            law_score(shuffled, spec, calibration=calibration),
        )


def agreement(named: NDArray[np.int64], asked: NDArray[np.int64], spec: ClipSpec) -> Figure:
    """Share of clips that name the law that was asked for. One that names none is a guess: it
    counts as 1 / L, for L laws."""
    guess = 1.0 / len(spec.laws)
    return share_of(np.where(named == UNNAMED, guess, named == asked))
