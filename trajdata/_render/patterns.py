"""What the surface of an object shows: its shade, and a pattern of darker parts where a spec asks
for one.

The pattern fills the object's own space, and so turns with it; where the surface cuts it, it is
seen. Its lattice has 4 x 4 x 4 points over the object's sphere, each dark or not at random.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._arithmetic.lattice import between_8
from trajdata._arithmetic.philox import PATTERN, words
from trajdata._jit import kernel
from trajdata._shapes.registry import find_shape

__all__ = ["patterns", "surface"]

_POINTS = 4
"""Of the lattice, along each axis."""
_DARK = np.uint64(2**31)


def surface(name: str, is_patterned: bool) -> Any:
    """The kernel (x, y, z, size, lx, ly, lz, pattern) -> how much of its colour a point of an
    object of this shape shows, see ``Shape.shine``. pattern: of the object; unused without one."""
    shine = find_shape(name).shine

    @kernel
    def plain(x, y, z, size, lx, ly, lz, pattern):  # type: ignore[no-untyped-def]
        return shine(x, y, z, size, lx, ly, lz)

    @kernel
    def patterned(x, y, z, size, lx, ly, lz, pattern):  # type: ignore[no-untyped-def]
        half = 0.5 * (_POINTS - 1)
        per = half / size
        part = between_8(pattern, half + per * x, half + per * y, half + per * z)
        return shine(x, y, z, size, lx, ly, lz) * part

    return patterned if is_patterned else plain


@kernel
def _weave(key, indices, strength, found):  # type: ignore[no-untyped-def]
    for b in range(found.shape[0]):
        for item in range(found.shape[1]):
            for k in range(_POINTS):
                for i in range(_POINTS):
                    w = words(key, indices[b], item, PATTERN, _POINTS * k + i)
                    for j in range(_POINTS):
                        is_dark = w[j] < _DARK
                        found[b, item, k, i, j] = 1.0 - strength if is_dark else 1.0


def patterns(
    key: NDArray[np.uint64], indices: NDArray[np.int64], items: int, strength: float
) -> NDArray[np.float64]:
    """The patterns of B clips' objects, float64 (B, O, 4, 4, 4) by z, y, x: which share of its
    colour each point of the lattice shows.

    Args:
        key: of the stream.
        indices: int64 (B,).
        items: O.
        strength: the share that dark points lack, 0..1.
    """
    found = np.empty((indices.shape[0], items, _POINTS, _POINTS, _POINTS), np.float64)
    _weave(key, indices, strength, found)
    return found
