"""A circle with travel along its axis: X(t) = C + V t + r (cos(w t + p) U + sin(w t + p) W).

V is along the axis, and the axis lies within the tilt of the view axis, so the object comes
nearer or goes away while it circles: its apparent size changes by a visible amount.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from trajdata._arithmetic.philox import unit
from trajdata._arithmetic.vectors import direction_near_view
from trajdata._jit import kernel
from trajdata._laws import circular
from trajdata._laws.registry import Law

__all__ = ["LAW"]

_NUMBERS = (*circular.NUMBERS, "vx_m_s", "vy_m_s", "vz_m_s", "axial_speed_m_s")
_PHRASE = (
    "winds along a helix of radius {orbit_radius_m:.2f} m at {speed_m_s:.2f} m/s, "
    "{axial_speed_m_s:.2f} m/s of it along the axis"
)
_EQUATION = (
    "a = {angular_speed_rad_s:.3f} t {phase_rad:~.3f}, r = {orbit_radius_m:.3f}, "
    "x(t) = {x0_m:.3f} {vx_m_s:~.3f} t + r ({ux:.3f} cos a {wx:~.3f} sin a), "
    "y(t) = {y0_m:.3f} {vy_m_s:~.3f} t + r ({uy:.3f} cos a {wy:~.3f} sin a), "
    "z(t) = {z0_m:.3f} {vz_m_s:~.3f} t + r ({uz:.3f} cos a {wz:~.3f} sin a)"
)


class HelicalSettings(circular.CircularSettings):
    """The numbers of the helix: those of the circle, and how far its depth must change."""

    least_growth: Annotated[float, Field(ge=1, le=4)] = Field(
        1.2, description="least ratio of the depths between which the axis runs"
    )


@kernel
def propose(scene, settings, own, w, v, speed, numbers):  # type: ignore[no-untyped-def]
    # 60 to 90 % of the speed goes along the axis, forwards or backwards.
    share = 0.6 + 0.3 * unit(v[0])
    axial = share * speed
    circular.propose(scene, settings, own, w, v, speed * np.sqrt(1.0 - share * share), numbers)
    x, y, z = direction_near_view(unit(w[0]), unit(w[1]), own.tilt_cosine)
    forward = axial if unit(v[1]) < 0.5 else -axial
    numbers[12], numbers[13], numbers[14] = forward * x, forward * y, forward * z
    numbers[15] = axial


@kernel
def position(n, t):  # type: ignore[no-untyped-def]
    x, y, z = circular.position(n, t)
    return x + n[12] * t, y + n[13] * t, z + n[14] * t


@kernel
def least(n, t0, t1, a, b, c):  # type: ignore[no-untyped-def]
    drift = a * n[12] + b * n[13] + c * n[14]
    return circular.least(n, t0, t1, a, b, c) + min(drift * t0, drift * t1)


@kernel
def distinct(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
    """The loop is wide enough, and the axis runs through enough depth."""
    first, last = n[2] + n[14] * t0, n[2] + n[14] * t1
    near, far = min(first, last), max(first, last)
    return 2.0 * n[3] >= own.least_loop * n[2] and far >= own.least_growth * near


LAW = Law(
    name="helical",
    version=1,
    numbers=_NUMBERS,
    phrase=_PHRASE,
    equation=_EQUATION,
    propose=propose,
    position=position,
    least=least,
    distinct=distinct,
    shows_motion=True,
    settings=HelicalSettings,
)
