"""Drag: a body that a fluid slows down to a terminal velocity.

The drag is in proportion to the speed (Stokes): X(t) = X0 + F t + (V - F) s (1 - exp(-t / s)), with
the velocity V at time 0, the terminal velocity F, and the time s in which the difference falls to
1 / e.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from trajdata._arithmetic.exponential import exp
from trajdata._arithmetic.philox import unit
from trajdata._arithmetic.vectors import direction
from trajdata._jit import kernel
from trajdata._laws.registry import Law, LawSettings
from trajdata._settings import Fraction

__all__ = ["LAW"]

_NUMBERS = (
    *("x0_m", "y0_m", "z0_m", "fx_m_s", "fy_m_s", "fz_m_s"),
    *("ex_m_s", "ey_m_s", "ez_m_s", "slowing_s"),
)
_PHRASE = (
    "is slowed down by drag within {slowing_s:.2f} s to its terminal velocity, at "
    "{speed_m_s:.2f} m/s where t = 0"
)
_EQUATION = (
    "p = {slowing_s:.3f} (1 - exp(-t / {slowing_s:.3f})), "
    "x(t) = {x0_m:.3f} {fx_m_s:~.3f} t {ex_m_s:~.3f} p, "
    "y(t) = {y0_m:.3f} {fy_m_s:~.3f} t {ey_m_s:~.3f} p, "
    "z(t) = {z0_m:.3f} {fz_m_s:~.3f} t {ez_m_s:~.3f} p"
)
_ROUNDED = 1.0 + 1e-7


class DragSettings(LawSettings):
    """The numbers of the drag."""

    least_slowing: Fraction = Field(
        0.09,
        description="least third difference of four places on the picture, in shorter sides; a "
        "parabola has none",
    )


@kernel
def propose(scene, settings, own, w, v, speed, numbers):  # type: ignore[no-untyped-def]
    numbers[0], numbers[1], numbers[2] = scene.x, scene.y, scene.z
    slowing = settings.seconds * (0.15 + 0.15 * unit(v[0]))
    # At the first frame the body is faster than at the end by 1.5 to 3 times the speed that it has
    # at its anchor, wherever in the clip that is.
    excess = (1.5 + 1.5 * unit(v[1])) * speed * exp(scene.start / slowing)
    x, y, z = direction(unit(w[0]), unit(w[1]))
    ex, ey, ez = direction(unit(w[2]), unit(w[3]))
    ex, ey, ez = excess * ex, excess * ey, excess * ez
    numbers[3], numbers[4], numbers[5] = speed * x - ex, speed * y - ey, speed * z - ez
    numbers[6], numbers[7], numbers[8] = ex, ey, ez
    numbers[9] = slowing


@kernel
def position(n, t):  # type: ignore[no-untyped-def]
    p = n[9] * (1.0 - exp(-t / n[9]))
    return (
        n[0] + n[3] * t + n[6] * p,
        n[1] + n[4] * t + n[7] * p,
        n[2] + n[5] * t + n[8] * p,
    )


@kernel
def _speed(n, t):  # type: ignore[no-untyped-def]
    left = exp(-t / n[9])
    x, y, z = n[3] + n[6] * left, n[4] + n[7] * left, n[5] + n[8] * left
    return np.sqrt(x * x + y * y + z * z)


@kernel
def fastest(n, t0, t1):  # type: ignore[no-untyped-def]
    """The velocity runs along a straight line, so it is largest at an end."""
    return max(_speed(n, t0), _speed(n, t1)) * _ROUNDED


@kernel
def distinct(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
    """Its slowing down is seen: no parabola goes through four places at even times."""
    third = (t1 - t0) / 3.0
    ax, ay, az = position(n, t0)
    bx, by, bz = position(n, t0 + third)
    cx, cy, cz = position(n, t1 - third)
    dx, dy, dz = position(n, t1)
    x = dx / dz - ax / az - 3.0 * (cx / cz - bx / bz)
    y = dy / dz - ay / az - 3.0 * (cy / cz - by / bz)
    return np.sqrt(x * x + y * y) >= own.least_slowing


LAW = Law(
    name="drag",
    version=1,
    numbers=_NUMBERS,
    phrase=_PHRASE,
    equation=_EQUATION,
    propose=propose,
    position=position,
    fastest=fastest,
    distinct=distinct,
    settings=DragSettings,
)
