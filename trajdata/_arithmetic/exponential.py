"""The exponential function from + and * alone, so that every machine gives the same bits.

Range reduction by powers of two, then the Taylor polynomial on [-ln 2 / 2, ln 2 / 2] up to the
13th power; the first term left out is below 5e-18 there.
"""

from __future__ import annotations

import numpy as np

from trajdata._jit import kernel

__all__ = ["exp"]

_LN2 = 0.6931471805599453
# ln 2 in two parts (Cody and Waite 1980). The first has 21 bits only, so that a whole number below
# 2**32 times it is exact.
_LN2_HIGH = 0.693147182464599609375
_LN2_LOW = -1.904654299957767878541823432e-9
_LARGEST = 700.0


@kernel
def exp(x):  # type: ignore[no-untyped-def]
    """e to the power of x, relative error below 5e-16; x beyond +-700 counts as +-700."""
    x = min(max(x, -_LARGEST), _LARGEST)
    twos = np.floor(x / _LN2 + 0.5)
    y = (x - twos * _LN2_HIGH) - twos * _LN2_LOW
    value = 1.0 + y * (1.0 / 13.0)
    for k in range(12, 0, -1):
        value = 1.0 + y * value / k
    power = 2.0 if twos >= 0.0 else 0.5
    left = np.int64(abs(twos))
    while left > 0:
        if left & 1:
            value *= power
        power *= power
        left >>= 1
    return value
