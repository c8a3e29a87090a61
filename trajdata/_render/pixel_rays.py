"""Where the rays of a pixel go through it: lattices of Fibonacci, whose points lie evenly however
an edge is turned (S. K. Zaremba, "Good lattice points, discrepancy, and numerical integration",
1966)."""

from __future__ import annotations

from trajdata._jit import bare_kernel

__all__ = ["FEW", "MANY", "ray_shift", "rays_for"]

FEW, MANY = 21, 34
"""Rays in a pixel of a large and of a small object."""
_SMALL_AREA = 80
"""Pixels of a box below which an object is small: most of what it shows is edges."""


@bare_kernel
def rays_for(area):  # type: ignore[no-untyped-def]
    """How many rays go through a pixel of an object whose box has so many pixels."""
    return MANY if area < _SMALL_AREA else FEW


@bare_kernel
def ray_shift(number, rays):  # type: ignore[no-untyped-def]
    """Where in a pixel a ray goes through it, from 0 to 1."""
    step = 21 if rays == MANY else 13
    return (number + 0.5) / rays, ((number * step) % rays + 0.5) / rays
