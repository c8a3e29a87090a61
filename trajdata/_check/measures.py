"""What a batch of predictions adds to each measure, in plain NumPy.

Every function returns measure -> (sum, weight): over batches both are added up, and a measure is
the one divided by the other. B is the batch, T frames, H x W pixels, N objects, K points. Where a
clip has several cameras, V stands before T.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._checks import needed
from trajdata._errors import ArgumentError

__all__ = [
    "Sums",
    "depth_sums",
    "first_queries",
    "flow_sums",
    "mask_sums",
    "object_sums",
    "point_sums",
    "track_errors",
    "track_sums",
]

Sums = dict[str, tuple[float, float]]
"""measure -> (sum, weight)."""

_THRESHOLDS = (1, 2, 4, 8, 16)
_TAPVID_SIDE = 256.0
"""TAP-Vid's distances are those in a frame of so many pixels a side."""


def _fits(name: str, predicted: Any, truth: NDArray[Any]) -> NDArray[np.float64]:
    """A prediction as float64 of the truth's shape.

    Raises:
        ArgumentError: another shape, or numbers that are not finite.
    """
    found = np.asarray(predicted, np.float64)
    if found.shape != truth.shape:
        raise ArgumentError(f"{name}: given shape {found.shape}; the truth has {truth.shape}")
    _check_finite(name, found)
    return found


def _check_finite(name: str, found: NDArray[np.float64]) -> None:
    if not np.isfinite(found).all():
        raise ArgumentError(f"{name}: given values that are not finite; all must be numbers")


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
    _check_finite("predicted", predicted)
    if not frame_seconds > 0:
        raise ArgumentError(f"frame_seconds: given {frame_seconds!r}; allowed are positive numbers")
    off = predicted - truth
    drift = np.diff(off, axis=1) / frame_seconds
    return (
        float(np.linalg.norm(off, axis=-1).mean()),
        float(np.linalg.norm(drift, axis=-1).mean()),
    )


def track_sums(
    unit: str, predicted: NDArray[Any], truth: NDArray[Any], frame_seconds: float
) -> Sums:
    """``position_UNIT`` and ``velocity_UNIT_s`` of the target's tracks (B, T, D)."""
    clips = float(len(truth))
    position, velocity = track_errors(predicted, truth, frame_seconds)
    return {
        f"position_{unit}": (position * clips, clips),
        f"velocity_{unit}_s": (velocity * clips, clips),
    }


def object_sums(
    unit: str,
    predicted: NDArray[Any],
    truth: NDArray[Any],
    present: NDArray[np.bool_],
    farthest: float,
) -> Sums:
    """``objects_UNIT``, ``objects_missed`` and ``objects_extra`` of the tracks of all objects.

    In each clip tracks and objects are matched one to one, so that the sum over them of the mean
    distance in the frames where the object is present is least.

    Args:
        unit: of length.
        predicted: (B, M, T, D), any number of tracks in any order; NaN where a track says that
            there is nothing.
        truth: (B, N, T, D).
        present: bool (B, N, T).
        farthest: what a distance counts at most, and one to nothing counts, when tracks are
            matched.

    Raises:
        ArgumentError: another shape.
        MissingPackageError: SciPy is not installed.
    """
    found = np.asarray(predicted, np.float64)
    clips, _, frames, axes = truth.shape
    if found.ndim != 4 or (found.shape[0], *found.shape[2:]) != (clips, frames, axes):
        raise ArgumentError(
            f"predicted: given shape {found.shape}; allowed is ({clips}, any number of tracks, "
            f"{frames}, {axes})"
        )
    optimize = needed("scipy.optimize", "pip install 'trajdata-video[audit]'")
    claimed: NDArray[np.bool_] = np.asarray(np.isfinite(found).all(axis=-1))
    total = matched = claims = 0.0
    for clip in range(clips):
        objects = np.flatnonzero(present[clip].any(axis=1))
        shown = present[clip, objects]
        off = found[clip][None] - truth[clip, objects][:, None].astype(np.float64)
        # Where a track says nothing its distance is no number.
        distance = np.where(claimed[clip][None], np.linalg.norm(off, axis=-1), np.inf)
        costs = np.minimum(distance, farthest) * shown[:, None]
        rows, columns = optimize.linear_sum_assignment(
            costs.sum(axis=-1) / shown.sum(axis=-1)[:, None]
        )
        both = shown[rows] & claimed[clip, columns]
        total += float(distance[rows, columns][both].sum())
        matched += float(both.sum())
        claims += float(claimed[clip].sum())
    there = float(present.sum())
    return {
        f"objects_{unit}": (total, matched),
        "objects_missed": (there - matched, there),
        "objects_extra": (claims - matched, claims),
    }


def flow_sums(
    name: str, predicted: NDArray[Any], truth: NDArray[Any], segmentations: NDArray[Any]
) -> Sums:
    """``NAME_px`` and ``NAME_objects_px``: the mean end-point error over all pixels, and over those
    that show an object.

    The last frame of forward flow and the first of backward flow are left out: no frame of the clip
    shows where those lead.

    Args:
        name: ``forward_flow`` or ``backward_flow``.
        predicted: (B, T, 2, H, W), pixels.
        truth: the same.
        segmentations: (B, T, H, W).

    Raises:
        ArgumentError: another shape, or numbers that are not finite.
    """
    off = _fits(name, predicted, truth) - truth
    inner = slice(None, -1) if name == "forward_flow" else slice(1, None)
    error = np.sqrt((off**2).sum(axis=-3))[..., inner, :, :]
    own = error[segmentations[..., inner, :, :] > 0]
    return {
        f"{name}_px": (float(error.sum()), float(error.size)),
        f"{name}_objects_px": (float(own.sum()), float(own.size)),
    }


def depth_sums(predicted: NDArray[Any], truth: NDArray[Any]) -> Sums:
    """``depth_abs_rel`` and ``depth_mse`` over all pixels (Eigen et al., NeurIPS 2014).

    Args:
        predicted: (B, T, H, W), metres, along the camera's axis.
        truth: the same.

    Raises:
        ArgumentError: another shape, or numbers that are not finite.
    """
    off = _fits("depth_map", predicted, truth) - truth
    return {
        "depth_abs_rel": (float((np.abs(off) / truth).sum()), float(off.size)),
        "depth_mse": (float((off**2).sum()), float(off.size)),
    }


def mask_sums(predicted: NDArray[Any], truth: NDArray[Any]) -> Sums:
    """``mask_iou``: the mean over objects of intersection over union, over all frames of a clip.

    In each clip predicted ids and objects are matched one to one, so that the sum is largest. An
    object without a match counts 0, and one that no pixel shows does not count.

    Args:
        predicted: whole numbers (B, T, H, W); 0 is the background, the others in any order.
        truth: ``segmentations``.

    Raises:
        ArgumentError: another shape, or no whole numbers.
        MissingPackageError: SciPy is not installed.
    """
    ids = np.asarray(predicted)
    if ids.shape != truth.shape or ids.dtype.kind not in "iub":
        raise ArgumentError(
            f"segmentations: given {ids.dtype} of shape {ids.shape}; allowed are whole numbers of "
            f"shape {truth.shape}"
        )
    optimize = needed("scipy.optimize", "pip install 'trajdata-video[audit]'")
    total = objects = 0.0
    for own, given in zip(truth, ids, strict=True):
        names, places = np.unique(given, return_inverse=True)
        most = int(own.max()) + 1
        both = np.bincount(
            own.ravel().astype(np.int64) * names.size + places.ravel(), minlength=most * names.size
        ).reshape(most, names.size)
        seen = both.sum(axis=1) > 0
        seen[0] = False
        union = both.sum(axis=1, keepdims=True) + both.sum(axis=0) - both
        shares = (both / np.maximum(union, 1))[seen][:, names != 0]
        rows, columns = optimize.linear_sum_assignment(shares, maximize=True)
        total += float(shares[rows, columns].sum())
        objects += float(seen.sum())
    return {"mask_iou": (total, objects)}


def first_queries(points: NDArray[Any], occluded: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The first frame in which each point is seen, and where it is there: float32 (B, K, 3), frame,
    x and y. Of a point that is never seen, the last frame."""
    frames = points.shape[2]
    seen = ~occluded
    first = np.where(seen.any(axis=2), seen.argmax(axis=2), frames - 1)
    there = np.take_along_axis(points, first[..., None, None], axis=2)[:, :, 0]
    return np.concatenate([first[..., None], there], axis=-1).astype(np.float32)


def point_sums(
    predicted: Mapping[str, NDArray[Any]],
    points: NDArray[Any],
    occluded: NDArray[np.bool_],
    size: tuple[int, int],
) -> Sums:
    """``average_jaccard``, ``points_within`` and ``occlusion_accuracy`` of TAP-Vid (Doersch et al.,
    NeurIPS 2022), each a mean over clips of what it is in a clip.

    Points are asked for in the first frame that shows them, and judged in the frames after it.
    Distances are taken as in a frame of 256 x 256. ``points_within`` is the share of visible points
    that are predicted within 1, 2, 4, 8 and 16 pixels, and ``average_jaccard`` also asks whether
    they are predicted to be visible; both are means over the five.

    Args:
        predicted: ``points`` (B, K, T, 2), pixels, and ``occluded`` bool (B, K, T).
        points: the truth, (B, K, T, 2).
        occluded: the truth, bool (B, K, T).
        size: (H, W).

    Raises:
        ArgumentError: another shape, numbers that are not finite, or flags that are no bool.
    """
    places = _fits("points", predicted["points"], points)
    hidden = np.asarray(predicted["occluded"])
    if hidden.shape != occluded.shape or hidden.dtype != bool:
        raise ArgumentError(
            f"occluded: given {hidden.dtype} of shape {hidden.shape}; allowed is bool "
            f"{occluded.shape}"
        )
    height, width = size
    scale = _TAPVID_SIDE / np.array([width, height])
    distance = np.sqrt((((places - points) * scale) ** 2).sum(axis=-1))
    first = first_queries(points, occluded)[..., 0]
    asked = np.arange(points.shape[2]) > first[..., None]
    visible, claimed = ~occluded & asked, ~hidden & asked
    near = distance[..., None] < np.array(_THRESHOLDS)
    right = (near & (visible & claimed)[..., None]).sum(axis=(1, 2))
    within = (near & visible[..., None]).sum(axis=(1, 2))
    # A claim is false where the point is hidden or elsewhere.
    false = (claimed[..., None] & ~(near & visible[..., None])).sum(axis=(1, 2))
    seen = visible.sum(axis=(1, 2))
    frames = asked.sum(axis=(1, 2))
    same = ((hidden == occluded) & asked).sum(axis=(1, 2))
    return {
        "average_jaccard": _ratios(right, seen[:, None] + false),
        "points_within": _ratios(within, np.broadcast_to(seen[:, None], within.shape)),
        "occlusion_accuracy": _ratios(same[:, None], frames[:, None]),
    }


def _ratios(parts: NDArray[Any], wholes: NDArray[Any]) -> tuple[float, float]:
    """The sum over clips of the mean of parts / wholes (B, n), and the number of those clips that
    have something to be judged by."""
    judged = (wholes > 0).all(axis=1)
    return float((parts[judged] / wholes[judged]).mean(axis=1).sum()), float(judged.sum())
