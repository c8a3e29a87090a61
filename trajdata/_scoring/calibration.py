"""How well one spec's clips are measured: found once on clips whose truth is known, then frozen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.source import ClipSource
from trajdata._errors import ArgumentError
from trajdata._scoring.fitting import Lens
from trajdata._scoring.naming import fit_laws, named_laws, residuals_px
from trajdata._scoring.tracking import Tracks, track
from trajdata._spec.model import ClipSpec

__all__ = ["Calibration", "calibrate", "check_scored"]

_CLIPS = 1000
_SPLIT = "val"
_LEAST_ERROR = 0.01
_TOLERANCES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True)
class Calibration:
    """Errors of ``track`` on a spec's own clips. Frozen: what is scored does not change it.

    Attributes:
        fingerprint: of the spec.
        clips: number of ``val`` clips that it was found on.
        place_error_px: root mean square error of a coordinate of the centre, pixels.
        radius_error_px: the same of the radius, after the correction, pixels.
        radius_gain, radius_offset_px: the true radius is gain * tracked + offset, by least squares.
        tolerance: of the criterion that names laws: of several, the one with which the most of the
            clips are named rightly.
        residual_px: 99 of 100 real clips are fitted by their own law to within so much, root mean
            square over coordinates and frames, pixels.
    """

    fingerprint: str
    clips: int
    place_error_px: float
    radius_error_px: float
    radius_gain: float
    radius_offset_px: float
    tolerance: float
    residual_px: float

    def lens(self, spec: ClipSpec) -> Lens:
        """How positions are measured on clips of the ``spec``."""
        return Lens(
            float(min(spec.height, spec.width)),
            spec.width,
            spec.height,
            self.place_error_px,
            self.radius_error_px,
        )

    def measured(self, tracks: Tracks, spec: ClipSpec) -> NDArray[np.float64]:
        """Tracks in units of their errors, float64 (B, 3 T).

        Args:
            tracks: as ``track`` finds them.
            spec: of the clips.
        """
        radius = self.radius_gain * tracks.radius + self.radius_offset_px
        return self.lens(spec).whitened(tracks.pixels, radius)


def check_scored(spec: ClipSpec) -> None:
    """Raises:
    ArgumentError: the spec's clips show several objects or the views of several cameras, which
        ``track`` cannot tell apart, or a background of more than one colour, or trails.
    """
    if spec.views > 1 or spec.looks.has_ground or spec.looks.trail > 0:
        raise ArgumentError(
            f"spec: given {spec.views} cameras, the background {spec.looks.background!r} and "
            f"trails of {spec.looks.trail:g}; allowed are one camera, a background of one colour "
            "and no trails: all that differs from the background is taken as the object"
        )
    if spec.slots > 1:
        raise ArgumentError(
            f"spec: given one of up to {spec.slots} objects; allowed are specs of one object: a "
            "track is that of all that differs from the background"
        )


@lru_cache(maxsize=64)
def calibrate(spec: ClipSpec, seed: int = 0, clips: int = _CLIPS) -> Calibration:
    """Measure how well ``track`` does on clips of a spec, on its split ``val``.

    The same arguments give the same calibration, which is kept for this process.

    Args:
        spec: of one object.
        seed: of the clips.
        clips: how many; from 100.

    Raises:
        ArgumentError: several objects, or too few clips.
    """
    check_scored(spec)
    if clips < 100:
        raise ArgumentError(f"clips: given {clips}; allowed are numbers from 100")
    source = ClipSource(spec, seed, _SPLIT, fields=("video", "label", "pixels", "radius"))
    pixels, radius, shown, labels = [], [], [], []
    for first in range(0, clips, 256):
        batch = source.batch(range(first, min(first + 256, clips)))
        tracks = track(batch["video"])
        pixels.append(tracks.pixels - batch["pixels"])
        radius.append(np.stack([tracks.radius, batch["radius"]]))
        shown.append(tracks)
        labels.append(batch["label"])
    off = np.concatenate(pixels)
    found, true = np.concatenate(radius, axis=1).reshape(2, -1)
    gain, offset = np.polyfit(found, true, 1)
    rest = gain * found + offset - true
    errors = (np.sqrt(np.mean(off**2)), np.sqrt(np.mean(rest**2)))
    place, size = (max(float(error), _LEAST_ERROR) for error in errors)
    coarse = Calibration(
        spec.fingerprint, clips, place, size, float(gain), float(offset), 1.0, np.inf
    )
    tracked = Tracks(*(np.concatenate(parts) for parts in zip(*map(_parts, shown), strict=True)))
    return _with_laws(coarse, spec, tracked, np.concatenate(labels))


def _parts(tracks: Tracks) -> tuple[NDArray[np.float64], ...]:
    return tracks.pixels, tracks.radius, tracks.confidence


def _with_laws(
    coarse: Calibration, spec: ClipSpec, tracks: Tracks, labels: NDArray[np.int64]
) -> Calibration:
    measured, lens = coarse.measured(tracks, spec), coarse.lens(spec)
    costs, fitted = fit_laws(spec, measured, lens)
    own = residuals_px(measured, fitted, lens)[np.arange(labels.size), labels]
    right = [np.mean(named_laws(spec, costs, given)[0] == labels) for given in _TOLERANCES]
    # Of equally good ones the middle.
    best = np.flatnonzero(np.array(right) == max(right))
    tolerance = _TOLERANCES[best[len(best) // 2]]
    return replace(coarse, tolerance=tolerance, residual_px=float(np.quantile(own, 0.99)))
