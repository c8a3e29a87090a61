"""What a tokenizer's reconstructions have kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._checks import needed
from trajdata._clips.source_protocol import Source
from trajdata._errors import ArgumentError
from trajdata._scoring.clips_scored import (
    agreement,
    check_source,
    scored_batches,
    scored_sources,
)
from trajdata._scoring.intervals import SCORING_EXTRA, Figure, mean_of
from trajdata._scoring.laws import law_score
from trajdata._scoring.tracking import as_videos

__all__ = ["TokenizerScore", "evaluate_tokenizer"]

_Videos = Callable[[NDArray[np.uint8]], NDArray[Any]]


@dataclass(frozen=True)
class TokenizerScore:
    """Reconstructions beside the clips that they were made of, over all of them.

    Attributes:
        clips: number of clips.
        psnr_db: peak signal-to-noise ratio of a clip, mean over clips; a clip that is the same to
            the byte counts as 100 dB.
        ssim: structural similarity of a frame (Wang et al., IEEE Transactions on Image Processing
            13, 2004), mean over frames.
        position_px, radius_px: mean distance of the tracked centre, and of the tracked radius,
            from the truth.
        law_retention: share that name the law of the clip.
        real_law, shuffled_law: the same of the clips themselves, a ceiling, and of their frames in
            random order, a floor. Paths that no law comes near to count as guesses.
        real_position_px, real_radius_px: of the clips themselves.
    """

    clips: int
    psnr_db: Figure
    ssim: Figure
    position_px: Figure
    radius_px: Figure
    law_retention: Figure
    real_law: Figure
    shuffled_law: Figure
    real_position_px: Figure
    real_radius_px: Figure


def evaluate_tokenizer(
    reconstruct: _Videos,
    source: Source,
    *,
    clips: int = 1000,
    batch_size: int = 100,
    splits: Sequence[str] | None = None,
) -> dict[str, TokenizerScore]:
    """Score reconstructions: pixels, places, and whether the law can still be read back.

    Args:
        reconstruct: called with uint8 (B, T, C, H, W); returns videos of that shape, uint8 or
            floats on 0 to 255.
        source: of the clips, of one object; its split is scored first.
        clips: how many of each split.
        batch_size: clips in a call.
        splits: further splits, rendered; by default all of the spec that begin with ``ood-``.

    Returns:
        split -> TokenizerScore.

    Raises:
        ArgumentError: numbers below 1, a spec of several objects, or a ``reconstruct`` that returns
            another shape.
        MissingPackageError: scikit-image or SciPy is not installed.
    """
    similarity = needed("skimage.metrics", SCORING_EXTRA).structural_similarity
    calibration = check_source(source, clips, batch_size)
    spec, result = source.spec, {}
    for split, held in scored_sources(source, splits).items():
        rows: list[dict[str, NDArray[Any]]] = []
        for batch in scored_batches(held, calibration, clips, batch_size):
            made = np.asarray(reconstruct(batch.video.copy()))
            if made.shape != batch.video.shape:
                raise ArgumentError(
                    f"reconstruct: returned shape {made.shape}; allowed is that of what it was "
                    f"given, {batch.video.shape}"
                )
            videos = as_videos(made)
            score = law_score(videos, spec, calibration=calibration)
            rows.append(
                {
                    "psnr": _psnr(videos, batch.video),
                    "ssim": np.array(
                        [_ssim(similarity, *pair) for pair in zip(videos, batch.video, strict=True)]
                    ),
                    "position": _far(score.tracks.pixels, batch.pixels),
                    "radius": _off(score.tracks.radius, batch.radius, calibration),
                    "law": score.law,
                    "label": batch.label,
                    "real": batch.real.law,
                    "shuffled": batch.shuffled.law,
                    "real_position": _far(batch.real.tracks.pixels, batch.pixels),
                    "real_radius": _off(batch.real.tracks.radius, batch.radius, calibration),
                }
            )
        all_of = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
        label = all_of["label"]
        result[split] = TokenizerScore(
            clips=label.size,
            psnr_db=mean_of(all_of["psnr"]),
            ssim=mean_of(all_of["ssim"]),
            position_px=mean_of(all_of["position"]),
            radius_px=mean_of(all_of["radius"]),
            law_retention=agreement(all_of["law"], label, spec),
            real_law=agreement(all_of["real"], label, spec),
            shuffled_law=agreement(all_of["shuffled"], label, spec),
            real_position_px=mean_of(all_of["real_position"]),
            real_radius_px=mean_of(all_of["real_radius"]),
        )
    return result


def _psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
    """float64 (B,), dB."""
    off = one.astype(np.float64) - other
    square = np.maximum(np.mean(off**2, axis=(1, 2, 3, 4)), 255.0**2 * 1e-10)
    return np.asarray(10 * np.log10(255.0**2 / square))


def _ssim(similarity: Any, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Mean over the frames of a clip."""
    pairs = zip(one, other, strict=True)
    return float(np.mean([similarity(a, b, channel_axis=0, data_range=255) for a, b in pairs]))


def _far(found: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean distance of a clip's places, float64 (B,)."""
    return np.asarray(np.linalg.norm(found - truth, axis=-1).mean(axis=1))


def _off(
    found: NDArray[np.float64], truth: NDArray[np.float64], calibration: Any
) -> NDArray[np.float64]:
    """Mean error of a clip's radii, corrected as the calibration says, float64 (B,)."""
    corrected = calibration.radius_gain * found + calibration.radius_offset_px
    return np.asarray(np.abs(corrected - truth).mean(axis=1))
