"""Shake a path: independent displacements of every frame's position.

Each coordinate's displacement is the sum of four uniform numbers, centred and scaled (Irwin-Hall,
close to normal). Its standard deviation is the spec's ``jitter``, and it never exceeds
``JITTER_REACH`` of them, so that the frame can be kept free for it beforehand.
"""

from __future__ import annotations

from trajdata._arithmetic.philox import JITTER, unit, words
from trajdata._jit import kernel
from trajdata._spec.groups import JITTER_REACH

__all__ = ["shake_positions"]


@kernel
def shake_positions(key, indices, jitter, before, positions, shaken):  # type: ignore[no-untyped-def]
    """Fill ``shaken`` (float64 (B, O, T, 3), metres) from ``positions`` of the same shape.

    before: how many of the moments come before the first frame.
    """
    # The sum is within 2 of its mean, and its standard deviation is 1 / sqrt(3).
    scale = jitter * (0.5 * JITTER_REACH)
    for b in range(positions.shape[0]):
        for item in range(positions.shape[1]):
            for k in range(positions.shape[2]):
                for axis in range(3):
                    w = words(key, indices[b], item, JITTER, 3 * (k - before) + axis)
                    total = unit(w[0]) + unit(w[1]) + unit(w[2]) + unit(w[3])
                    shaken[b, item, k, axis] = positions[b, item, k, axis] + scale * (total - 2.0)
