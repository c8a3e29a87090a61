"""How bright a surface is under one light and an ambient share.

Source: J. H. Lambert, Photometria, 1760.
"""

from __future__ import annotations

from trajdata._jit import kernel

__all__ = ["AMBIENT", "DIFFUSE", "lambert"]

AMBIENT = 0.35
"""Share of its colour that a point shows where no light falls."""
DIFFUSE = 0.65
"""Share of its colour that a point shows more where the light falls straight on it."""


@kernel
def lambert(nx, ny, nz, lx, ly, lz):  # type: ignore[no-untyped-def]
    """The share of its colour that a surface shows, 0..1, by its normal and the way to the light,
    both of length 1."""
    return AMBIENT + DIFFUSE * min(max(nx * lx + ny * ly + nz * lz, 0.0), 1.0)
