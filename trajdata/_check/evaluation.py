"""Errors of predicted tracks, in distribution and out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.source import ClipSource
from trajdata._errors import ArgumentError
from trajdata._spec.model import ClipSpec

__all__ = ["TrackErrors", "evaluate", "track_errors"]

_Predict = Callable[[dict[str, Any]], Mapping[str, NDArray[Any]]]

_SHOWN = ("video", "label", "index", "pixels", "jittered")


@dataclass(frozen=True)
class TrackErrors:
    """Errors of predicted tracks. Each is the mean of a Euclidean distance over clips and frames.

    Attributes:
        clips: number of clips.
        position_px: error of the place on the picture, pixels; None if ``pixels`` was not
            predicted.
        velocity_px_s: error of the finite difference of consecutive places, pixels a second.
        position_m: error of the position, metres; None if ``trajectory`` was not predicted.
        velocity_m_s: error of the finite difference of consecutive positions, metres a second.
    """

    clips: int
    position_px: float | None
    velocity_px_s: float | None
    position_m: float | None
    velocity_m_s: float | None


def track_errors(
    predicted: NDArray[Any], truth: NDArray[Any], frame_seconds: float
) -> tuple[float, float]:
    """(position error, velocity error) of tracks (B, T, D) against the truth of the same shape.

    Args:
        predicted: positions, in any unit of length.
        truth: the true positions, in the same unit.
        frame_seconds: time from one frame to the next.

    Raises:
        ArgumentError: the shapes differ or are not (B, T, D) with T >= 2, a value is not finite, or
            the frame time is not positive.
    """
    predicted, truth = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    if predicted.shape != truth.shape or truth.ndim != 3 or truth.shape[1] < 2:
        raise ArgumentError(
            f"predicted: given shape {predicted.shape}; the truth has {truth.shape}, (B, T, D)"
        )
    if not np.isfinite(predicted).all():
        raise ArgumentError("predicted: given values that are not finite; all must be numbers")
    if not frame_seconds > 0:
        raise ArgumentError(f"frame_seconds: given {frame_seconds!r}; allowed are positive numbers")
    off = predicted - truth
    drift = np.diff(off, axis=1) / frame_seconds
    return (
        float(np.linalg.norm(off, axis=-1).mean()),
        float(np.linalg.norm(drift, axis=-1).mean()),
    )


def evaluate(
    predict: _Predict,
    spec: ClipSpec,
    *,
    seed: int = 0,
    splits: Sequence[str] | None = None,
    clips: int = 1024,
    batch_size: int = 128,
) -> dict[str, TrackErrors]:
    """Errors of a model's tracks on held-out splits, in distribution and out of it.

    Args:
        predict: called with a batch (``video`` uint8 (B, T, C, H, W), ``label``, ``index``);
            returns ``pixels`` (B, T, 2) in pixels, ``trajectory`` (B, T, 3) in metres, or both.
        spec: the spec of the clips that the model was trained on.
        seed: the seed of the clips.
        splits: which splits to take; by default ``test`` and every ``ood-`` split of the spec.
        clips: how many clips to take of each split.
        batch_size: clips in a call of ``predict``.

    Returns:
        split -> TrackErrors. The truth is where the object was rendered, which includes jitter.

    Raises:
        ArgumentError: ``clips`` or ``batch_size`` is below 1, a split is unknown, the spec has
            several cameras, or ``predict`` returned other names or other shapes.
    """
    if clips < 1 or batch_size < 1:
        raise ArgumentError(
            f"clips, batch_size: given {clips}, {batch_size}; allowed are numbers from 1"
        )
    if spec.views > 1:
        raise ArgumentError(f"spec: given {spec.views} cameras; tracks are those of one")
    if splits is None:
        splits = ("test", *(split for split in spec.splits if split.startswith("ood-")))
    step = spec.seconds / (spec.frames - 1)
    result = {}
    for split in splits:
        source = ClipSource(spec, seed, split, fields=_SHOWN)
        sums: dict[str, NDArray[np.float64]] = {}
        for first in range(0, clips, batch_size):
            batch = source.batch(range(first, min(first + batch_size, clips)))
            truth = {"pixels": batch.pop("pixels"), "trajectory": batch.pop("jittered")}
            tracks = predict({**batch})
            if not tracks or not set(tracks) <= set(truth):
                raise ArgumentError(
                    f"predict: returned {tuple(tracks)}; allowed are {tuple(truth)}"
                )
            for name, predicted in tracks.items():
                errors = np.array(track_errors(predicted, truth[name], step))
                part = errors * batch["index"].size
                sums[name] = sums.get(name, np.zeros(2)) + part
        means = {name: (total / clips).tolist() for name, total in sums.items()}
        result[split] = TrackErrors(
            clips, *means.get("pixels", (None, None)), *means.get("trajectory", (None, None))
        )
    return result
