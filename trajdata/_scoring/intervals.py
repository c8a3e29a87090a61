"""Figures with their intervals of 95 % confidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._checks import needed

__all__ = ["SCORING_EXTRA", "Figure", "mean_of", "share_of"]

SCORING_EXTRA = "pip install 'trajdata-video[scoring]'"
"""What brings the packages that scores need."""

_CONFIDENCE = 0.95
_NORMAL = 1.959963984540054
"""Standard deviations of a normal distribution that 95 % lie within."""


@dataclass(frozen=True)
class Figure:
    """A figure that was measured on clips, and the interval that has the true one in 95 % of cases.

    Attributes:
        value: as measured.
        low, high: ends of the interval.
    """

    value: float
    low: float
    high: float


def share_of(right: NDArray[Any]) -> Figure:
    """The mean of values on 0..1, with Wilson's interval (Journal of the American Statistical
    Association 22, 1927); exact shares have values 0 and 1."""
    stats = needed("scipy.stats", SCORING_EXTRA)
    total, count = float(np.sum(right)), int(np.size(right))
    interval = stats.binomtest(round(total), count).proportion_ci(_CONFIDENCE, method="wilson")
    value = total / count
    return Figure(value, min(float(interval.low), value), max(float(interval.high), value))


def mean_of(values: NDArray[Any]) -> Figure:
    """The mean of one value a clip, with the normal interval."""
    value = float(np.mean(values))
    wide = _NORMAL * float(np.std(values)) / np.sqrt(max(np.size(values) - 1, 1))
    return Figure(value, value - float(wide), value + float(wide))
