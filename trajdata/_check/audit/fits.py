"""Whether a clip's law can be told from any other by fitting: for every pair of laws.

The truth of a clip, places and apparent radii, is what a perfect reader would measure. Every law
is fitted to it (see ``_scoring.fitting``), and a reader who measures with an error of
``READING_ERROR`` chooses between two laws by the Bayesian information criterion (Schwarz, Annals of
Statistics 6, 1978).
"""

from __future__ import annotations

import numpy as np

from trajdata._check.audit.findings import Finding, at_least
from trajdata._clips.source import ClipSource
from trajdata._scoring.fitting import Lens, fit_family, measured_motions, sampled_family

__all__ = ["READING_ERROR", "findings", "told_apart"]

READING_ERROR = 0.12
"""Standard deviation of a measured place or radius, in pixels."""

_CLIPS = 24
"""Of each law."""

_POOL = 1500
"""Motions of a law, among which fits begin with those that look most like the clip."""

_LEAST_SHARE = 90.0


def told_apart(source: ClipSource, clips: int = _CLIPS) -> dict[str, dict[str, float]]:
    """For each law and each other: the share of the first law's clips, in percent, that a reader
    who fits both names rightly. For a law and itself: the share of its clips to which a fit, begun
    at other motions of the law, comes within the reading error; it says how well fits end.

    Args:
        source: of the clips.
        clips: how many of each law.
    """
    spec = source.spec
    focal = float(min(spec.height, spec.width))
    lens = Lens(focal, spec.width, spec.height, READING_ERROR, READING_ERROR)
    labels = range(len(spec.laws))
    families = [sampled_family(source, label, lens, _POOL) for label in labels]
    free = [family.numbers.shape[1] for family in families]
    # What one number more must gain: of the criterion's ln(n), noise alone gives 1.
    price = np.log(3 * spec.frames) - 1
    found: dict[str, dict[str, float]] = {}
    for label, law in enumerate(spec.laws):
        _, asked = measured_motions(source, label, lens, range(_POOL, _POOL + clips))
        found[law] = {}
        for rival, name in enumerate(spec.laws):
            least, _ = fit_family(families[rival], asked, spec.frames, spec.seconds, lens)
            right = least + (free[rival] - free[label]) * price > 0
            if rival == label:
                right = least < asked.shape[1]  # Noise alone would leave about that much.
            found[law][name] = 100 * float(right.mean())
    return found


def findings(table: dict[str, dict[str, float]], clips: int = _CLIPS) -> list[Finding]:
    """For each law the rival that it is told from least often."""
    others = {law: {name: row[name] for name in row if name != law} for law, row in table.items()}
    worst = {law: min(row, key=lambda name: row[name]) for law, row in others.items() if row}
    own = {law: row[law] for law, row in table.items()}
    weakest = min(own, key=lambda law: own[law])
    return [
        at_least(
            "separation",
            f"clips that a fit of their own law comes to; least: {weakest}",
            own[weakest],
            _LEAST_SHARE,
            "%",
            clips,
        ),
    ] + [
        at_least(
            "separation",
            f"{law} told by a fit from any one other law; least from {rival}",
            table[law][rival],
            _LEAST_SHARE,
            "%",
            clips,
        )
        for law, rival in worst.items()
    ]
