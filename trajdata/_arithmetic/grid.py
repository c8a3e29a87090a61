"""The decimal grid on which a clip's numbers lie, so that its text gives them back exactly."""

from __future__ import annotations

import numpy as np

from trajdata._jit import kernel

__all__ = ["on_grid"]

_PER_UNIT = 1e9


@kernel
def on_grid(value):  # type: ignore[no-untyped-def]
    """The float64 nearest to the decimal number with nine places next to ``value``.

    Division is correctly rounded, so this is also what any correct parser makes of those digits.
    """
    return np.floor(value * _PER_UNIT + 0.5) / _PER_UNIT
