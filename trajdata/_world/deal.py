"""Which class a clip belongs to.

Classes are dealt like cards: every block of n consecutive indices (n classes) holds each class
once, in a random order of its own. So on every prefix the class counts differ by at most one,
and no pattern in the index gives the class away.
"""

from __future__ import annotations

import numpy as np

from trajdata._arithmetic.philox import DEAL, words
from trajdata._jit import kernel

__all__ = ["deal"]


@kernel
def deal(key, indices, classes, labels):  # type: ignore[no-untyped-def]
    """Write the label of each index (int64 (B,)) into ``labels`` (int64 (B,))."""
    order = np.empty(classes, np.int64)
    dealt = np.int64(-1)
    for b in range(indices.shape[0]):
        block = indices[b] // classes
        if block != dealt:
            for j in range(classes):
                order[j] = j
            w = words(key, block, 0, DEAL, 0)
            for j in range(classes - 1, 0, -1):
                used = classes - 1 - j
                if used > 0 and used % 4 == 0:
                    w = words(key, block, 0, DEAL, used // 4)
                # Lemire's multiply-shift: a word to a whole number in [0, j].
                k = np.int64((w[used % 4] * np.uint64(j + 1)) >> np.uint64(32))
                order[j], order[k] = order[k], order[j]
            dealt = block
        labels[b] = order[indices[b] - block * classes]
