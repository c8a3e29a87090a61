"""Run all checks of an audit, and write what they found."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._check.audit import factors, fits, looks, rendering, streams, truth
from trajdata._check.audit.findings import Finding
from trajdata._clips.source import ClipSource
from trajdata._errors import ArgumentError
from trajdata._show.files import put_file
from trajdata._spec.identity import FORMAT
from trajdata._spec.model import ClipSpec

__all__ = ["AuditReport", "audit"]

_LEAST_CLIPS = 20_000
_TRUTH_CHUNK = 8192
_PAIRED_CLIPS = 500
_HASHED_BYTES = 3 << 30
_OUTLINE_BYTES = 1 << 30
_VARIANCE_BYTES = 1 << 27
_SUPERSAMPLED_PIXELS = 400 * 32 * 32


@dataclass(frozen=True)
class AuditReport:
    """What an audit found.

    Attributes:
        spec: the spec that was measured.
        seed: the seed of the clips.
        clips: how many clips were measured for the cheap figures.
        findings: figures and their bounds.
        told_apart: law -> other law -> share of the first law's clips, in percent, that a reader
            who fits both to a clip's places names rightly; see ``_check.audit.fits``.
        labels: labels of these clips, int64 (clips,), for plots.
        factors: sampled factors by name, each float64 (clips,), for plots.
    """

    spec: ClipSpec
    seed: int
    clips: int
    findings: tuple[Finding, ...]
    told_apart: dict[str, dict[str, float]]
    labels: NDArray[np.int64]
    factors: dict[str, NDArray[np.float64]]

    @property
    def passed(self) -> bool:
        """Whether every bound holds."""
        return all(finding.passed for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The report without its arrays."""
        return {
            "format": FORMAT,
            "spec": self.spec.as_json(),
            "fingerprint": self.spec.fingerprint,
            "seed": self.seed,
            "clips": self.clips,
            "passed": self.passed,
            "findings": [
                {**asdict(finding), "passed": finding.passed} for finding in self.findings
            ],
            "told_apart": self.told_apart,
        }

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Write ``audit.json`` and ``audit.png`` (a page of plots) into a folder."""
        from trajdata._check.audit.plots import plot

        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.as_json(), indent=1) + "\n"
        put_file(target / "audit.json", text.encode("ascii"))
        shape = " x ".join(str(side) for side in self.spec.video_shape)
        verdict = "every bound holds" if self.passed else "a bound is broken"
        title = f"{shape}, {self.clips:,} clips: {verdict}"
        plot(target / "audit.png", title, self.spec, self.seed, self.labels, self.factors)


def audit(
    spec: ClipSpec,
    *,
    clips: int = 20_000,
    seed: int = 0,
    on_group: Callable[[str], None] | None = None,
) -> AuditReport:
    """Measure whether a spec's clips keep the bounds that make them fit to learn motion from.

    Args:
        spec: the spec to measure.
        clips: how many clips to measure for the cheap figures (scenes, places, balance). Figures of
            pixels are measured on fewer clips if the clips are large; each finding has its sample.
        seed: the seed of the clips.
        on_group: called with the name of what is measured next, so that a long audit can be
            followed.

    Raises:
        ArgumentError: ``clips`` is below 20,000, the spec's camera moves or is not alone, or
            ``ClipSource`` refuses the spec or the seed.
    """
    if isinstance(clips, bool) or not isinstance(clips, int) or clips < _LEAST_CLIPS:
        raise ArgumentError(
            f"clips: given {clips!r}; allowed are whole numbers from {_LEAST_CLIPS} (with fewer, "
            "chance alone breaks the bound on mutual information)"
        )
    if not spec.camera.is_lone:
        raise ArgumentError(
            f"spec: given {spec.views} cameras, which {'move' if spec.camera.moves else 'rest'}; "
            "an audit measures clips of one camera at rest"
        )
    tell = on_group or (lambda group: None)
    source = ClipSource(spec, seed, fields=truth.TRUTH_FIELDS)
    tell("duplicates and stillness")
    hashed = min(clips, max(100, _HASHED_BYTES // (3 * spec.clip_bytes)))
    findings = rendering.duplicates_and_stillness(spec, seed, hashed)
    tell("motion, framing, truth and separation")
    findings += _worst(
        [
            check(spec, batch)
            for batch in _batches(source, clips)
            for check in (truth.motion, truth.framing, truth.reprojection, truth.separation)
        ]
    )
    tell("how well laws can be told apart")
    pairs = fits.told_apart(ClipSource(spec, seed))
    findings += fits.findings(pairs)
    tell("centroids and anti-aliasing")
    plane = spec.clip_bytes // spec.channels
    findings += rendering.centroids(source, min(clips, max(100, _OUTLINE_BYTES // (8 * plane))))
    if spec.noise.pixel_noise == 0 and not (spec.looks.shutter or spec.looks.trail):
        frames = max(20, _SUPERSAMPLED_PIXELS // (spec.height * spec.width))
        findings += rendering.anti_aliasing(source, frames)
    tell("looks")
    varied = max(100, _VARIANCE_BYTES // spec.clip_bytes)
    findings += looks.variance(source, min(clips, varied))
    tell("balance and independence")
    labels, sampled = factors.scene_factors(source, max(clips, factors.least_scenes(spec)))
    findings += streams.balance(spec, labels)
    findings += factors.independence(labels, factors.without_separate(spec, sampled))
    findings += factors.matched_pairs(spec, seed, _PAIRED_CLIPS)
    tell("held-out ranges")
    findings += streams.held_out(spec, seed, clips)
    return AuditReport(spec, seed, clips, tuple(findings), pairs, labels, sampled)


def _batches(source: ClipSource, clips: int) -> Iterator[dict[str, Any]]:
    for first in range(0, clips, _TRUTH_CHUNK):
        yield {**source.batch(range(first, min(first + _TRUTH_CHUNK, clips)))}


def _worst(parts: list[list[Finding]]) -> list[Finding]:
    """One finding for each name: the worst figure of all parts, and the sum of their samples."""
    merged: dict[str, Finding] = {}
    for finding in (finding for part in parts for finding in part):
        known = merged.get(finding.name)
        if known is None:
            merged[finding.name] = finding
            continue
        pick = max if finding.relation == "<=" else min
        merged[finding.name] = Finding(
            **{
                **asdict(finding),
                "figure": pick(known.figure, finding.figure),
                "sample": known.sample + finding.sample,
            }
        )
    return list(merged.values())
