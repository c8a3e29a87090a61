"""Independence: what is sampled must say nothing about the class."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trajdata._check.audit.extra import AUDIT_EXTRA
from trajdata._check.audit.findings import Finding, at_most
from trajdata._checks import needed
from trajdata._clips.source import ClipSource
from trajdata._laws.registry import COMMON_NUMBERS
from trajdata._spec.model import ClipSpec
from trajdata._world.sampling import LUMA

__all__ = [
    "BINS",
    "MOST_INFORMATION",
    "false_discoveries",
    "independence",
    "least_scenes",
    "matched_pairs",
    "mutual_information",
    "scene_factors",
    "without_separate",
]

_stats = needed("scipy.stats", AUDIT_EXTRA)

BINS = 8
MOST_INFORMATION = 0.001
"""Bits: the bound on the mutual information of label and factor."""

_CHUNK = 65_536


def least_scenes(spec: ClipSpec) -> int:
    """How many scenes keep chance below the bound on mutual information.

    The estimate's deviation is sqrt(2 d) / (2 N ln 2), with d = (classes - 1) (bins - 1) (of twice
    the estimate times N ln 2, which is chi-squared): this many make it a quarter of the bound.
    """
    freedom = (len(spec.laws) - 1) * (BINS - 1)
    return math.ceil(4 * math.sqrt(2 * freedom) / (2 * MOST_INFORMATION * math.log(2)))


def scene_factors(
    source: ClipSource, clips: int
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
    """(labels, factors): int64 (clips,), and every sampled factor of placement and looks by name,
    each float64 (clips,).

    ``place_x`` and ``place_y`` are the place of the anchor on the picture, from its centre, in
    units of the picture's shorter side.
    """
    labels = np.empty(clips, np.int64)
    columns: dict[str, NDArray[np.float64]] = {}
    for first in range(0, clips, _CHUNK):
        chunk = slice(first, min(first + _CHUNK, clips))
        scenes = source.scenes(range(chunk.start, chunk.stop))[:, 0]
        labels[chunk] = scenes["law"]
        own = {
            "place_x": scenes["x"] / scenes["z"],
            "place_y": scenes["y"] / scenes["z"],
            "depth": scenes["z"],
            "anchor_time": scenes["start"],
            "speed": scenes["speed"],
            "radius": scenes["radius"],
            "shape": scenes["shape"].astype(np.float64),
            "hue": scenes["hue"],
            "luma": scenes["luma"],
            "saturation": _spread(scenes, ""),
            "background_luma": sum(
                weight * scenes["back_" + name]
                for weight, name in zip(LUMA, ("red", "green", "blue"), strict=True)
            ),
            "background_saturation": _spread(scenes, "back_"),
            "light_x": scenes["light_x"],
            "light_y": scenes["light_y"],
            "light_z": scenes["light_z"],
        }
        for name, values in own.items():
            columns.setdefault(name, np.empty(clips, np.float64))[chunk] = values
    return labels, columns


def without_separate(
    spec: ClipSpec, factors: dict[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """The factors that say nothing about the class: not those that the spec keeps apart from laws
    on purpose. How saturated a colour can be depends on its hue."""
    separate = {
        **dict.fromkeys(("hue", "saturation"), spec.looks.separate_colours),
        "shape": spec.objects.separate_shapes,
    }
    return {name: values for name, values in factors.items() if not separate.get(name, False)}


def _spread(scenes: NDArray[np.void], prefix: str) -> NDArray[np.float64]:
    colour = np.stack([scenes[prefix + name] for name in ("red", "green", "blue")])
    spread: NDArray[np.float64] = colour.max(axis=0) - colour.min(axis=0)
    return spread


def matched_pairs(spec: ClipSpec, seed: int, clips: int) -> list[Finding]:
    """Render clips again under every law, and count the pairs that differ in what must not depend
    on the law."""
    source = ClipSource(spec, seed, fields=("video", "label", "index", "params"))
    differ = total = 0
    for index in range(clips):
        own = source[index]
        for law in spec.laws:
            pair = source.pair(index, law=law)
            same = all(own["params"][name] == pair["params"][name] for name in COMMON_NUMBERS)
            # No object reaches the corner, so this pixel shows the background.
            same &= bool((own["video"][:, :, 0, 0] == pair["video"][:, :, 0, 0]).all())
            differ += not same
            total += 1
    return [
        at_most(
            "independence",
            "matched pairs that differ in time, size, speed or background",
            differ,
            0,
            "pairs",
            total,
        )
    ]


def mutual_information(
    labels: NDArray[np.int64], values: NDArray[np.float64], bins: int = BINS
) -> float:
    """Mutual information of label and value in bits, from bins of equal frequency.

    This is the plug-in estimate minus its first-order bias (Miller 1955; Roulston 1999), which is
    (cells used - rows used - columns used + 1) / (2 N ln 2). If there is no dependence, the result
    may be slightly negative.
    """
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1]))
    cell = np.searchsorted(edges, values, side="right")
    table = np.zeros((int(labels.max()) + 1, edges.size + 1))
    np.add.at(table, (labels, cell), 1)
    n = table.sum()
    joint = table / n
    outer = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    used = joint > 0
    plug_in = float((joint[used] * np.log2(joint[used] / outer[used])).sum())
    rows, columns = (table.sum(axis=1) > 0).sum(), (table.sum(axis=0) > 0).sum()
    bias = (used.sum() - rows - columns + 1) / (2 * n * np.log(2))
    return plug_in - float(bias)


def false_discoveries(p_values: Sequence[float], rate: float) -> int:
    """How many tests reject at this false-discovery rate (Benjamini and Hochberg, 1995)."""
    adjusted = _stats.false_discovery_control(np.asarray(p_values), method="bh")
    return int((adjusted <= rate).sum())


def independence(
    labels: NDArray[np.int64], factors: dict[str, NDArray[np.float64]]
) -> list[Finding]:
    """Mutual information per factor; two-sample Kolmogorov-Smirnov tests per factor and pair."""
    findings = []
    p_values = []
    classes = range(int(labels.max()) + 1)
    for name, values in factors.items():
        findings.append(
            at_most(
                "independence",
                f"mutual information of label and {name}",
                mutual_information(labels, values),
                MOST_INFORMATION,
                "bit",
                labels.size,
            )
        )
        parts = [values[labels == k] for k in classes]
        for left, right in itertools.combinations(parts, 2):
            p_values.append(float(_stats.ks_2samp(left, right, method="asymp").pvalue))
    if p_values:
        findings.append(
            at_most(
                "independence",
                "Kolmogorov-Smirnov tests that reject, false-discovery rate 1 %",
                false_discoveries(p_values, 0.01),
                0,
                "tests",
                len(p_values),
            )
        )
    return findings
