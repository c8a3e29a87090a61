"""How good a model's predictions are, in distribution and out of it, side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._check.measures import (
    Sums,
    depth_sums,
    first_queries,
    flow_sums,
    mask_sums,
    object_sums,
    point_sums,
    track_sums,
)
from trajdata._clips.source import ClipSource
from trajdata._errors import ArgumentError
from trajdata._spec.identity import FORMAT
from trajdata._spec.model import ClipSpec

__all__ = ["EvaluationReport", "Scores", "evaluate"]

_Predict = Callable[[dict[str, Any]], Mapping[str, NDArray[Any]]]

_SHOWN = ("video", "label", "index")
_TRUTH = {
    "pixels": ("pixels",),
    "trajectory": ("jittered",),
    "object_pixels": ("positions", "present", "intrinsics", "extrinsics"),
    "object_positions": ("positions", "present"),
    "forward_flow": ("forward_flow", "segmentations"),
    "backward_flow": ("backward_flow", "segmentations"),
    "depth_map": ("depth_map",),
    "segmentations": ("segmentations",),
    "points": ("points", "occluded"),
    "occluded": ("points", "occluded"),
}
"""What may be predicted, and the fields that it is compared with."""


@dataclass(frozen=True)
class Scores:
    """The scores of predictions on one split; None for what was not predicted.

    Attributes:
        clips: number of clips.
        position_px: distance from the target's place on the picture, pixels. This and all other
            distances are Euclidean, and means over clips and frames.
        velocity_px_s: the same of the finite difference of consecutive places, pixels a second.
        position_m: distance from the target's position, metres.
        velocity_m_s: the same of the finite difference of consecutive positions, metres a second.
        objects_px: distance from the places of all objects, matched one to one, over the frames
            where object and track are there, pixels.
        objects_m: the same of positions, metres.
        objects_missed: share of the frames of all objects in which no matched track is there.
        objects_extra: share of the frames of all tracks in which no matched object is there.
        forward_flow_px: end-point error over all pixels, without the last frame.
        forward_flow_objects_px: the same over the pixels that show an object.
        backward_flow_px: end-point error over all pixels, without the first frame.
        backward_flow_objects_px: the same over the pixels that show an object.
        depth_abs_rel: mean of |error| / depth over all pixels.
        depth_rmse_m: root of the mean squared error over all pixels, metres.
        mask_iou: intersection over union of masks over a whole clip, matched one to one: the mean
            over objects, from 0 to 1.
        average_jaccard: TAP-Vid's average Jaccard, from 0 to 1.
        points_within: TAP-Vid's average share of points within 1 to 16 pixels, from 0 to 1.
        occlusion_accuracy: TAP-Vid's accuracy of occlusion, from 0 to 1.
    """

    clips: int
    position_px: float | None = None
    velocity_px_s: float | None = None
    position_m: float | None = None
    velocity_m_s: float | None = None
    objects_px: float | None = None
    objects_m: float | None = None
    objects_missed: float | None = None
    objects_extra: float | None = None
    forward_flow_px: float | None = None
    forward_flow_objects_px: float | None = None
    backward_flow_px: float | None = None
    backward_flow_objects_px: float | None = None
    depth_abs_rel: float | None = None
    depth_rmse_m: float | None = None
    mask_iou: float | None = None
    average_jaccard: float | None = None
    points_within: float | None = None
    occlusion_accuracy: float | None = None


@dataclass(frozen=True, eq=False)
class EvaluationReport(Mapping[str, Scores]):
    """What ``evaluate`` found: a mapping from split to ``Scores``. Printed, it is a table.

    Attributes:
        fingerprint: of the spec.
        seed: of the clips.
        splits: split -> its scores.
    """

    fingerprint: str
    seed: int
    splits: dict[str, Scores]

    def __getitem__(self, split: str) -> Scores:
        """The scores of a split.

        Raises:
            KeyError: it was not evaluated.
        """
        return self.splits[split]

    def __iter__(self) -> Iterator[str]:
        return iter(self.splits)

    def __len__(self) -> int:
        return len(self.splits)

    def as_json(self) -> dict[str, Any]:
        """For ``json.dumps``: what was predicted, by split."""
        return {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "seed": self.seed,
            "splits": {
                split: {name: value for name, value in asdict(own).items() if value is not None}
                for split, own in self.splits.items()
            },
        }

    def to_json(self) -> str:
        """``as_json`` as text."""
        return json.dumps(self.as_json(), indent=1)

    def __str__(self) -> str:
        names = [
            field.name
            for field in fields(Scores)
            if any(getattr(own, field.name) is not None for own in self.splits.values())
        ]
        rows = [["", *self.splits]]
        for name in names:
            values = [getattr(own, name) for own in self.splits.values()]
            rows.append([name, *("-" if value is None else f"{value:.4g}" for value in values)])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(
                [row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])],
            ).rstrip()
            for row in rows
        )


def evaluate(
    predict: _Predict,
    spec: ClipSpec,
    *,
    seed: int = 0,
    splits: Sequence[str] | None = None,
    clips: int = 1024,
    batch_size: int = 128,
    queries: bool = False,
) -> EvaluationReport:
    """Scores of a model's predictions on held-out splits, in distribution and out of it.

    Args:
        predict: called with a batch (``video`` uint8 (B, T, C, H, W), ``label``, ``index``);
            returns arrays by name, any of:

            - ``pixels`` (B, T, 2), pixels, and ``trajectory`` (B, T, 3), metres: the target's;
            - ``object_pixels`` (B, M, T, 2) or ``object_positions`` (B, M, T, 3): of all objects,
              any number M of tracks in any order, NaN where a track says that there is nothing
              (needs the extra ``audit``);
            - ``forward_flow``, ``backward_flow``, ``depth_map``: as the fields of these names;
            - ``segmentations`` (B, T, H, W), whole numbers, 0 for the background and the others in
              any order (needs the extra ``audit``);
            - ``points`` (B, K, T, 2) and ``occluded`` bool (B, K, T), both, with ``queries``.
        spec: the spec of the clips that the model was trained on.
        seed: the seed of the clips.
        splits: which splits to take; by default ``test`` and every ``ood-`` split of the spec.
        clips: how many clips to take of each split.
        batch_size: clips in a call of ``predict``.
        queries: whether a batch also has ``queries``, float32 (B, K, 3): of each point that is to
            be followed the first frame that shows it, and x and y there, pixels.

    Returns:
        split -> Scores. The truth is where objects were rendered, which includes jitter.

    Raises:
        ArgumentError: ``clips`` or ``batch_size`` is below 1, a split is unknown, the spec has
            several cameras, or ``predict`` returned other names or other shapes.
        MissingPackageError: tracks or masks must be matched, and SciPy is not installed.
    """
    if clips < 1 or batch_size < 1:
        raise ArgumentError(
            f"clips, batch_size: given {clips}, {batch_size}; allowed are numbers from 1"
        )
    if spec.views > 1:
        raise ArgumentError(f"spec: given {spec.views} cameras; tracks are those of one")
    if splits is None:
        splits = ("test", *(split for split in spec.splits if split.startswith("ood-")))
    scored = {}
    for split in splits:
        source = ClipSource(spec, seed, split, fields=_SHOWN)
        totals: Sums = {}
        for first in range(0, clips, batch_size):
            indices = range(first, min(first + batch_size, clips))
            batch: dict[str, Any] = {**source.batch(indices)}
            if queries:
                batch["queries"] = first_queries(*_truth(source, ("points",), indices).values())
            predicted = predict(dict(batch))
            _check_names(predicted, queries)
            truth = _truth(source, tuple(predicted), indices)
            for name, (part, weight) in _sums(predicted, truth, spec).items():
                known = totals.get(name, (0.0, 0.0))
                totals[name] = known[0] + part, known[1] + weight
        scored[split] = _scores(clips, totals)
    return EvaluationReport(spec.fingerprint, int(seed), scored)


def _check_names(predicted: Mapping[str, Any], queries: bool) -> None:
    if not predicted or not set(predicted) <= set(_TRUTH):
        raise ArgumentError(f"predict: returned {tuple(predicted)}; allowed are {tuple(_TRUTH)}")
    if {"object_pixels", "object_positions"} <= set(predicted):
        raise ArgumentError(
            "predict: returned object_pixels and object_positions; allowed is one of the two, by "
            "which tracks and objects are matched"
        )
    followed = {"points", "occluded"} & set(predicted)
    if followed and (len(followed) == 1 or not queries):
        raise ArgumentError(
            f"predict: returned {', '.join(sorted(followed))} with queries={queries}; points are "
            "scored with points and occluded together, and queries=True"
        )


def _truth(source: ClipSource, names: tuple[str, ...], indices: range) -> dict[str, Any]:
    """The fields that what was predicted is compared with, in order of ``_TRUTH``."""
    wanted = list(dict.fromkeys(field for name in names for field in _TRUTH[name]))
    return {**source.with_fields(wanted).batch(indices)}


def _sums(predicted: Mapping[str, Any], truth: dict[str, Any], spec: ClipSpec) -> Sums:
    step = spec.seconds / (spec.frames - 1)
    found: Sums = {}
    for name, value in predicted.items():
        if name == "pixels":
            found.update(track_sums("px", value, truth["pixels"], step))
        elif name == "trajectory":
            found.update(track_sums("m", value, truth["jittered"], step))
        elif name == "object_pixels":
            places, diagonal = _places(truth), float(np.hypot(spec.height, spec.width))
            found.update(object_sums("px", value, places, truth["present"], diagonal))
        elif name == "object_positions":
            reach = spec.camera.reach[1]
            found.update(object_sums("m", value, truth["positions"], truth["present"], reach))
        elif name in ("forward_flow", "backward_flow"):
            found.update(flow_sums(name, value, truth[name], truth["segmentations"]))
        elif name == "depth_map":
            found.update(depth_sums(value, truth["depth_map"]))
        elif name == "segmentations":
            found.update(mask_sums(value, truth["segmentations"]))
    if "points" in predicted:
        size = (spec.height, spec.width)
        found.update(point_sums(predicted, truth["points"], truth["occluded"], size))
    return found


def _places(truth: dict[str, Any]) -> NDArray[np.float64]:
    """Of all objects' centres on the first camera's picture: float64 (B, N, T, 2), pixels. Those of
    empty slots mean nothing."""
    view = truth["extrinsics"][:, 0].astype(np.float64)
    seen = np.einsum("btij,bntj->bnti", view[..., :3, :3], truth["positions"])
    seen += view[:, None, :, :3, 3]
    lens = truth["intrinsics"][:, 0].astype(np.float64)
    places = np.einsum("bij,bntj->bnti", lens, seen)
    # An empty slot is in the camera's centre.
    depth = np.where(truth["present"].any(axis=2)[:, :, None, None], places[..., 2:], 1.0)
    on_picture: NDArray[np.float64] = places[..., :2] / depth
    return on_picture


def _scores(clips: int, totals: Sums) -> Scores:
    values = {name: part / weight for name, (part, weight) in totals.items() if weight > 0}
    if "depth_mse" in values:
        values["depth_rmse_m"] = values.pop("depth_mse") ** 0.5
    return Scores(clips, **values)
