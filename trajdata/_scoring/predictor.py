"""How far predicted frames are from what happens, beside the simplest predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.source_protocol import Source
from trajdata._errors import ArgumentError
from trajdata._scoring.clips_scored import (
    agreement,
    check_source,
    scored_batches,
    scored_sources,
)
from trajdata._scoring.intervals import Figure, mean_of
from trajdata._scoring.laws import law_score
from trajdata._scoring.tracking import as_videos

__all__ = ["PredictorScore", "evaluate_predictor", "simple_predictions"]

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class PredictorScore:
    """Predicted frames beside simpler predictions from the same frames, over all clips.

    Errors are distances of the object's centre from the truth, one figure for each frame to come,
    pixels.

    Attributes:
        clips: number of clips.
        given: number of frames that predictions are made from.
        position_px: of the tracked centre in the predicted frames.
        real_position_px: of the tracked centre in the real frames: what tracking itself errs by.
        copy_last_px, constant_velocity_px, constant_acceleration_px: of the last centre that was
            tracked in the given frames, and of the line, and the parabola, through the last two and
            three; with two given frames the parabola is the line.
        beats_velocity: for each frame whether the prediction is nearer than constant velocity.
        law_retention: share of clips, given frames and predicted ones together, that name their
            law.
        real_law, shuffled_law: the same of the real clips, a ceiling, and of their frames in random
            order, a floor. Paths that no law comes near to count as guesses.
    """

    clips: int
    given: int
    position_px: tuple[Figure, ...]
    real_position_px: tuple[Figure, ...]
    copy_last_px: tuple[Figure, ...]
    constant_velocity_px: tuple[Figure, ...]
    constant_acceleration_px: tuple[Figure, ...]
    beats_velocity: tuple[bool, ...]
    law_retention: Figure
    real_law: Figure
    shuffled_law: Figure


def evaluate_predictor(
    predict: Callable[[NDArray[np.uint8]], NDArray[Any]],
    source: Source,
    *,
    given: int,
    clips: int = 1000,
    batch_size: int = 100,
    splits: Sequence[str] | None = None,
) -> dict[str, PredictorScore]:
    """Score predictions of the frames to come.

    Args:
        predict: called with the first frames, uint8 (B, given, C, H, W); returns the rest,
            (B, T - given, C, H, W), uint8 or floats on 0 to 255.
        source: of the clips, of one object; its split is scored first.
        given: how many frames; from 2 to T - 1.
        clips: how many of each split.
        batch_size: clips in a call.
        splits: further splits, rendered; by default all of the spec that begin with ``ood-``.

    Returns:
        split -> PredictorScore.

    Raises:
        ArgumentError: numbers out of range, a spec of several objects, or a ``predict`` that
            returns another shape.
    """
    calibration = check_source(source, clips, batch_size)
    spec, result = source.spec, {}
    if not 2 <= given < spec.frames:
        raise ArgumentError(f"given: {given} frames; allowed are 2 to {spec.frames - 1}")
    for split, held in scored_sources(source, splits).items():
        rows: list[dict[str, NDArray[Any]]] = []
        for batch in scored_batches(held, calibration, clips, batch_size):
            made = np.asarray(predict(batch.video[:, :given].copy()))
            due = batch.video[:, given:].shape
            if made.shape != due:
                raise ArgumentError(
                    f"predict: returned shape {made.shape}; allowed is that of the rest, {due}"
                )
            whole = np.concatenate([batch.video[:, :given], as_videos(made)], axis=1)
            score = law_score(whole, spec, calibration=calibration)
            seen, truth = batch.real.tracks.pixels, batch.pixels[:, given:]
            ways = {"predicted": score.tracks.pixels[:, given:], "real": seen[:, given:]}
            ways |= simple_predictions(seen[:, :given], spec.frames - given)
            rows.append(
                {
                    **{name: np.linalg.norm(way - truth, axis=-1) for name, way in ways.items()},
                    "law": score.law,
                    "label": batch.label,
                    "real_law": batch.real.law,
                    "shuffled": batch.shuffled.law,
                }
            )
        all_of = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
        label = all_of["label"]
        result[split] = PredictorScore(
            clips=label.size,
            given=given,
            position_px=_by_frame(all_of["predicted"]),
            real_position_px=_by_frame(all_of["real"]),
            copy_last_px=_by_frame(all_of["copy_last"]),
            constant_velocity_px=_by_frame(all_of["constant_velocity"]),
            constant_acceleration_px=_by_frame(all_of["constant_acceleration"]),
            beats_velocity=tuple(
                (all_of["predicted"].mean(0) < all_of["constant_velocity"].mean(0)).tolist()
            ),
            law_retention=agreement(all_of["law"], label, spec),
            real_law=agreement(all_of["real_law"], label, spec),
            shuffled_law=agreement(all_of["shuffled"], label, spec),
        )
    return result


def simple_predictions(seen: _Array, coming: int) -> dict[str, _Array]:
    """What the last places say of the frames to come, by name, each (B, coming, 2).

    Args:
        seen: float64 (B, given, 2), the places so far; at least two.
        coming: how many frames.
    """
    steps = np.arange(1.0, coming + 1)[:, None]
    last = seen[:, None, -1]
    velocity = last - seen[:, None, -2]
    change = velocity - (seen[:, None, -2] - seen[:, None, -3]) if seen.shape[1] > 2 else 0.0
    return {
        "copy_last": np.broadcast_to(last, (len(seen), coming, 2)),
        "constant_velocity": last + steps * velocity,
        "constant_acceleration": last + steps * velocity + 0.5 * steps * (steps + 1) * change,
    }


def _by_frame(errors: _Array) -> tuple[Figure, ...]:
    return tuple(mean_of(errors[:, k]) for k in range(errors.shape[1]))
