"""Sine and cosine from + and * alone, so that every machine gives the same bits.

Range reduction by quarter turns, then the Taylor polynomials on [-pi/4, pi/4] up to the 16th
power; the first term left out is below 5e-17 there.
"""

from __future__ import annotations

import numpy as np

from trajdata._jit import kernel

__all__ = ["TURN", "cos_sin"]

TURN = 6.283185307179586
"""Radians in a turn."""


@kernel
def cos_sin(angle):  # type: ignore[no-untyped-def]
    """(cosine, sine) of an angle in radians, absolute error below 4e-16 for |angle| < 100."""
    turns = angle * (1.0 / TURN)
    quarter = np.floor(turns * 4.0 + 0.5)
    x = (turns - quarter * 0.25) * TURN
    y = x * x
    sine = x * (
        1.0
        + y
        * (
            -1.0 / 6.0
            + y
            * (
                1.0 / 120.0
                + y
                * (
                    -1.0 / 5040.0
                    + y
                    * (
                        1.0 / 362880.0
                        + y * (-1.0 / 39916800.0 + y * (1.0 / 6227020800.0 - y / 1307674368000.0))
                    )
                )
            )
        )
    )
    cosine = 1.0 + y * (
        -0.5
        + y
        * (
            1.0 / 24.0
            + y
            * (
                -1.0 / 720.0
                + y
                * (
                    1.0 / 40320.0
                    + y
                    * (
                        -1.0 / 3628800.0
                        + y
                        * (1.0 / 479001600.0 + y * (-1.0 / 87178291200.0 + y / 20922789888000.0))
                    )
                )
            )
        )
    )
    quadrant = np.int64(quarter) & 3
    if quadrant == 0:
        return cosine, sine
    if quadrant == 1:
        return -sine, cosine
    if quadrant == 2:
        return -cosine, -sine
    return sine, -cosine
