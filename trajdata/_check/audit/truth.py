"""Truth: whether paths, places, sizes and pixels agree. They are computed here without kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._check.audit.findings import Finding, at_least, at_most
from trajdata._check.audit.paths import paths_from_params
from trajdata._spec.model import ClipSpec

__all__ = ["TRUTH_FIELDS", "framing", "motion", "reprojection", "separation"]

TRUTH_FIELDS = ("label", "index", "trajectory", "jittered", "pixels", "depth", "radius", "params")
"""The fields that these figures are computed from."""

_Batch = dict[str, Any]


def _frame_times(spec: ClipSpec, params: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Times of the frames, float64 (B, T), seconds from the anchor."""
    return params["start_s"][:, None] + spec.seconds * np.arange(spec.frames) / (spec.frames - 1)


def _path_from_params(spec: ClipSpec, batch: _Batch) -> NDArray[np.float64]:
    """X(t) of the frames, float64 (B, T, 3) metres, from the named numbers."""
    times = _frame_times(spec, batch["params"])
    path = np.empty((*times.shape, 3))
    for label, law in enumerate(spec.known_laws):
        rows = batch["label"] == label
        params = {name: batch["params"][name][rows] for name in law.numbers}
        if law.digest:
            # Of a user's law there is no second program: this tries whether its numbers suffice.
            numbers = np.stack([params[name] for name in law.numbers], axis=-1)
            path[rows] = [
                [law.position(n, t) for t in own]
                for n, own in zip(numbers, times[rows], strict=True)
            ]
        else:
            labels = np.zeros(int(rows.sum()), np.int64)
            path[rows] = paths_from_params((law.name,), labels, params, times[rows])
    return path


def _project(spec: ClipSpec, path: NDArray[np.float64]) -> NDArray[np.float64]:
    focal = min(spec.height, spec.width)
    centre = np.array([spec.width, spec.height]) / 2
    return focal * path[..., :2] / path[..., 2:] + centre


def reprojection(spec: ClipSpec, batch: _Batch) -> list[Finding]:
    """Places computed from the path, and the path computed from ``params``, against the truth."""
    count = batch["index"].size
    stored = _project(spec, batch["jittered"].astype(np.float64))
    path = _path_from_params(spec, batch)
    rendered_at = _project(spec, path) - _project(spec, batch["trajectory"].astype(np.float64))
    focal = min(spec.height, spec.width)
    size = batch["depth"].astype(np.float64) * batch["radius"]
    asked = focal * batch["params"]["object_radius_m"][:, None]
    return [
        at_most(
            "truth",
            "pixels against the rendered path reprojected",
            np.abs(stored - batch["pixels"]).max(),
            1e-3,
            "px",
            count,
        ),
        at_most(
            "truth",
            "path from params against trajectory",
            np.abs(rendered_at).max(),
            1e-4,
            "px",
            count,
        ),
        at_most(
            "truth",
            "depth x radius against focal length x size, relative",
            np.abs(size / asked - 1).max(),
            1e-5,
            "1",
            count,
        ),
    ]


def framing(spec: ClipSpec, batch: _Batch) -> list[Finding]:
    """The share of objects that lie wholly inside the frame, with their radius."""
    x, y = (batch["pixels"][..., axis].astype(np.float64) for axis in (0, 1))
    r = batch["radius"].astype(np.float64)
    inside = (x - r >= 0) & (x + r <= spec.width) & (y - r >= 0) & (y + r <= spec.height)
    return [
        at_least(
            "framing", "objects wholly inside the frame", 100 * inside.mean(), 100, "%", inside.size
        )
    ]


def motion(spec: ClipSpec, batch: _Batch) -> list[Finding]:
    """The length of the shortest path on the picture, in percent of the width."""
    steps = np.diff(batch["pixels"].astype(np.float64), axis=1)
    length = np.linalg.norm(steps, axis=-1).sum(axis=1) / spec.width
    return [
        at_least(
            "motion",
            "shortest path on the picture",
            100 * length.min(),
            8,
            "% of width",
            length.size,
        )
    ]


def separation(spec: ClipSpec, batch: _Batch) -> list[Finding]:
    """Whether the property that tells each law from the others can be seen: the change of size of a
    helix, the turns of a circle, the bow of a parabola, the straightness of a line."""
    path = _project(spec, _path_from_params(spec, batch))
    chord = path[:, -1] - path[:, 0]
    off = path - path[:, :1]
    bow = np.abs(off[..., 0] * chord[:, None, 1] - off[..., 1] * chord[:, None, 0]).max(axis=1)
    bow = bow / np.maximum(np.linalg.norm(chord, axis=1), 1e-12)
    depth = batch["trajectory"][..., 2]
    growth = depth.max(axis=1) / depth.min(axis=1)
    findings = []
    for label, law in enumerate(spec.laws):
        rows = batch["label"] == label
        count = int(rows.sum())
        if law == "helical" and spec.noise.jitter == 0:
            findings.append(
                at_least(
                    "separation",
                    "helix: ratio of largest to smallest apparent size",
                    growth[rows].min(),
                    1.1,
                    "1",
                    count,
                )
            )
        if law == "circular":
            turns = batch["params"]["angular_speed_rad_s"][rows] * spec.seconds / (2 * np.pi)
            findings.append(
                at_least("separation", "circle: turns", turns.min() + 1e-9, 0.75, "turns", count)
            )
        if law == "parabolic":
            findings.append(
                at_least(
                    "separation",
                    "parabola: bow off the chord, at 32 px",
                    bow[rows].min() * 32 / min(spec.height, spec.width),
                    1.0,
                    "px",
                    count,
                )
            )
        if law == "linear":
            findings.append(
                at_most("separation", "line: bow off the chord", bow[rows].max(), 1e-3, "px", count)
            )
    return findings
