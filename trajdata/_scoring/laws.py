"""Which law a clip's object follows, by fits of each through the camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._errors import ArgumentError
from trajdata._scoring.calibration import Calibration, calibrate, check_scored
from trajdata._scoring.naming import fit_laws, named_laws, residuals_px
from trajdata._scoring.tracking import Tracks, as_videos, track
from trajdata._spec.model import ClipSpec

__all__ = ["UNNAMED", "LawScores", "check_videos", "law_score"]

_Array = NDArray[np.float64]

UNNAMED = -1
"""In the place of a law where none comes near."""
_LEAST_LIKENESS = 0.3
"""Share of a path's extent (root mean square about its mean) above which what a law leaves of it
says that the path is of no law. Real clips leave 0.002 to 0.04, frames in random order 0.2 to 0.8.
"""


@dataclass(frozen=True)
class LawScores:
    """What law each of B clips follows, of L.

    Attributes:
        laws: names of the laws, in the spec's order.
        law: int64 (B,), index of the law that the clip's path names; -1 where no law comes near.
        residual_px: float64 (B, L), how far the tracked path is from that of each law that is
            nearest to it: root mean square over coordinates and frames, pixels.
        margin: float64 (B,), by how much the second best law's criterion is above the best's.
        is_lawful: bool (B,), whether the best law is as near as it is for 99 of 100 real clips, and
            an object was found in every frame.
        tracks: what the laws were fitted to.
    """

    laws: tuple[str, ...]
    law: NDArray[np.int64]
    residual_px: _Array
    margin: _Array
    is_lawful: NDArray[np.bool_]
    tracks: Tracks


def law_score(
    video: NDArray[Any], spec: ClipSpec, *, calibration: Calibration | None = None
) -> LawScores:
    """Name the law of each clip from its pixels, and say how near to each law it comes.

    The object is tracked by subtraction of the background; each law of the spec is fitted to its
    places and radii by least squares through the camera, and the Bayesian information criterion
    (Schwarz, Annals of Statistics 6, 1978) chooses, for errors of at least the size that they have
    on real clips of the spec. No clip is left out.

    Args:
        video: uint8 (B, T, C, H, W), or (T, C, H, W) for one clip, of the spec's size.
        spec: of one object on a plain background.
        calibration: as ``calibrate`` makes it; by default that of the spec.

    Raises:
        ArgumentError: videos of another size, a spec of several objects, or a calibration of
            another spec.
    """
    check_scored(spec)
    videos = check_videos(video, spec)
    if calibration is None:
        calibration = calibrate(spec)
    elif calibration.fingerprint != spec.fingerprint:
        raise ArgumentError(
            f"calibration: given that of the spec {calibration.fingerprint}; allowed is that of "
            f"{spec.fingerprint}, as calibrate(spec) makes it"
        )
    tracks, lens = track(videos), calibration.lens(spec)
    measured = calibration.measured(tracks, spec)
    costs, fitted = fit_laws(spec, measured, lens)
    law, margin = named_laws(spec, costs, calibration.tolerance)
    residual = residuals_px(measured, fitted, lens)
    best = residual[np.arange(law.size), law]
    found = (tracks.confidence > 0).all(axis=1)
    lawful = found & (best <= calibration.residual_px)
    extent = np.sqrt(tracks.pixels.var(axis=1).mean(axis=1))
    law = np.where(best < _LEAST_LIKENESS * extent, law, UNNAMED)
    return LawScores(spec.laws, law, residual, margin, lawful, tracks)


def check_videos(video: NDArray[Any], spec: ClipSpec) -> NDArray[np.uint8]:
    """Videos as (B, T, C, H, W) uint8.

    Raises:
        ArgumentError: not of the spec's size.
    """
    videos = as_videos(video)
    if videos.shape[1:] != spec.video_shape:
        raise ArgumentError(
            f"video: given clips of shape {videos.shape[1:]}; allowed are those of the spec, "
            f"{spec.video_shape}: frames, channels, height, width"
        )
    return videos
