"""Smooth numbers between those of a lattice: value noise.

Source: Ebert et al., "Texturing and modeling: a procedural approach", 3rd edition, 2002, chapter 2.
"""

from __future__ import annotations

import numpy as np

from trajdata._jit import kernel

__all__ = ["between_4", "between_8"]


@kernel
def _split(place, cells):  # type: ignore[no-untyped-def]
    """The cell that a place is in, one of the first ``cells``, and how far it is in it, eased so
    that slopes are 0 at the lattice's points."""
    cell = min(max(np.int64(np.floor(place)), 0), cells - 1)
    part = min(max(place - cell, 0.0), 1.0)
    return cell, part * part * (3.0 - 2.0 * part)


@kernel
def between_4(lattice, x, y):  # type: ignore[no-untyped-def]
    """The number at (x, y) of a lattice whose numbers (float64 (rows, columns)) stand at whole
    coordinates; beyond its rim those of the rim."""
    i, down = _split(y, lattice.shape[0] - 1)
    j, right = _split(x, lattice.shape[1] - 1)
    upper = lattice[i, j] + right * (lattice[i, j + 1] - lattice[i, j])
    lower = lattice[i + 1, j] + right * (lattice[i + 1, j + 1] - lattice[i + 1, j])
    return upper + down * (lower - upper)


@kernel
def between_8(lattice, x, y, z):  # type: ignore[no-untyped-def]
    """The same in space: the lattice is float64 (z, y, x)."""
    k, away = _split(z, lattice.shape[0] - 1)
    near, far = between_4(lattice[k], x, y), between_4(lattice[k + 1], x, y)
    return near + away * (far - near)
