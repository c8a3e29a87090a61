"""Folding: a straight way between two walls, laid out flat."""

from __future__ import annotations

import numpy as np

from trajdata._jit import kernel

__all__ = ["fold"]


@kernel
def fold(u):  # type: ignore[no-untyped-def]
    """The triangle wave of period 4 that is u on [-1, 1]: where a ball is that is thrown back and
    forth between walls at -1 and 1 at the speed 1, and was at 0 when u was."""
    shifted = u + 1.0
    return 1.0 - abs(shifted - 4.0 * np.floor(0.25 * shifted) - 2.0)
