"""Which law of a spec comes nearest to a path that was measured."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.source import ClipSource
from trajdata._scoring.fitting import Family, Lens, fit_family, sampled_family
from trajdata._spec.model import ClipSpec

__all__ = ["fit_laws", "named_laws", "residuals_px"]

_Array = NDArray[np.float64]

_POOL = 512
_POOL_SPLIT = "train"


@lru_cache(maxsize=16)
def _families(spec: ClipSpec, lens: Lens) -> tuple[Family, ...]:
    """For each law of a spec, motions among which fits begin."""
    source = ClipSource(spec, 0, _POOL_SPLIT)
    return tuple(sampled_family(source, label, lens, _POOL) for label in range(len(spec.laws)))


def fit_laws(spec: ClipSpec, measured: _Array, lens: Lens) -> tuple[_Array, _Array]:
    """Fit each law of a spec.

    Args:
        spec: of the laws.
        measured: float64 (B, 3 T), as ``Lens.whitened`` makes it.
        lens: that it was measured with.

    Returns:
        Sums of squares, float64 (B, L), and fitted paths, float64 (B, L, 3 T), in units of errors.
    """
    fits = [
        fit_family(family, measured, spec.frames, spec.seconds, lens)
        for family in _families(spec, lens)
    ]
    return np.stack([costs for costs, _ in fits], 1), np.stack([paths for _, paths in fits], 1)


def named_laws(spec: ClipSpec, costs: _Array, tolerance: float) -> tuple[NDArray[np.int64], _Array]:
    """The law that the criterion chooses, int64 (B,), and the margin, float64 (B,).

    It is n ln(q / n + tolerance) + k ln n, for n measured values, k numbers of the law and q the
    sum of squares: Schwarz's criterion for errors of a size that nobody knows, but of no less than
    the tolerance says, in units of the errors of real clips.

    Args:
        spec: of the laws.
        costs: float64 (B, L), sums of squares in units of the errors of real clips.
        tolerance: see ``Calibration``.
    """
    measured = 3 * spec.frames
    free = np.array([len(law.numbers) + 1 for law in spec.known_laws])
    criterion = measured * np.log(costs / measured + tolerance) + free * np.log(measured)
    order = np.sort(criterion, axis=1)
    margin = order[:, 1] - order[:, 0] if len(free) > 1 else np.full(len(costs), np.inf)
    return criterion.argmin(axis=1), margin


def residuals_px(measured: _Array, fitted: _Array, lens: Lens) -> _Array:
    """How far fitted places are from measured ones, root mean square, pixels: float64 (B, L)."""
    off = (fitted - measured[:, None]).reshape(*fitted.shape[:2], -1, 3)[..., :2]
    found: _Array = lens.place_error * np.sqrt(np.mean(off**2, axis=(2, 3)))
    return found
