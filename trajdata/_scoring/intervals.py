"""Figures with their intervals of 95 % confidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._errors import ArgumentError

__all__ = ["Figure", "mean_of", "need", "share_of"]

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


def need(package: str) -> Any:
    """A package of the extra ``scoring``.

    Raises:
        ArgumentError: it is not installed; names the extra.
    """
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ArgumentError(
            f"{package} is not installed; scores need pip install 'trajdata-video[scoring]'"
        ) from error


def share_of(right: NDArray[Any]) -> Figure:
    """The mean of values on 0..1, with Wilson's interval (Journal of the American Statistical
    Association 22, 1927); exact shares have values 0 and 1."""
    stats = need("scipy.stats")
    total, count = float(np.sum(right)), int(np.size(right))
    interval = stats.binomtest(round(total), count).proportion_ci(_CONFIDENCE, method="wilson")
    value = total / count
    return Figure(value, min(float(interval.low), value), max(float(interval.high), value))


def mean_of(values: NDArray[Any]) -> Figure:
    """The mean of one value a clip, with the normal interval."""
    value = float(np.mean(values))
    wide = _NORMAL * float(np.std(values)) / np.sqrt(max(np.size(values) - 1, 1))
    return Figure(value, value - float(wide), value + float(wide))
