"""A spiral of Archimedes: X(t) = C + (r + k t) (cos(w t + p) U + sin(w t + p) W).

It winds outwards or inwards.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from trajdata._arithmetic.philox import unit
from trajdata._arithmetic.trig import TURN, cos_sin
from trajdata._arithmetic.vectors import plane_near_view
from trajdata._jit import kernel
from trajdata._laws.registry import Law, PlaneSettings
from trajdata._settings import Fraction, Range, check_order

__all__ = ["LAW"]

_NUMBERS = (
    *("x0_m", "y0_m", "z0_m", "spiral_radius_m", "widening_m_s", "angular_speed_rad_s"),
    *("phase_rad", "ux", "uy", "uz", "wx", "wy", "wz"),
)
_PHRASE = (
    "winds along a spiral at {angular_speed_rad_s:.2f} rad/s, whose radius is "
    "{spiral_radius_m:.2f} m where t = 0 and changes by {widening_m_s:.2f} m/s"
)
_EQUATION = (
    "a = {angular_speed_rad_s:.3f} t {phase_rad:~.3f}, "
    "r = {spiral_radius_m:.3f} {widening_m_s:~.3f} t, "
    "x(t) = {x0_m:.3f} + r ({ux:.3f} cos a {wx:~.3f} sin a), "
    "y(t) = {y0_m:.3f} + r ({uy:.3f} cos a {wy:~.3f} sin a), "
    "z(t) = {z0_m:.3f} + r ({uz:.3f} cos a {wz:~.3f} sin a)"
)


class SpiralSettings(PlaneSettings):
    """The numbers of the spiral."""

    turns: Range = Field((1.1, 1.6), description="turns in a clip")
    growth: Range = Field((2.0, 3.2), description="ratio of largest to least radius in a clip")
    least_loop: Fraction = Field(
        0.12, description="least largest diameter on the picture, in shorter sides"
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> SpiralSettings:
        check_order("turns", self.turns)
        check_order("growth", self.growth)
        return self


@kernel
def propose(scene, settings, own, w, v, speed, numbers):  # type: ignore[no-untyped-def]
    ux, uy, uz, wx, wy, wz = plane_near_view(unit(w[0]), unit(w[1]), unit(w[2]), own.tilt_cosine)
    phase = unit(w[3]) * TURN
    omega = (own.turns_low + unit(v[0]) * (own.turns_high - own.turns_low)) * TURN
    omega /= settings.seconds
    growth = own.growth_low + unit(v[1]) * (own.growth_high - own.growth_low)
    if unit(v[2]) < 0.5:
        growth = 1.0 / growth
    # With the radius at the first frame as the unit: at the anchor, and its change in a second.
    widening = (growth - 1.0) / settings.seconds
    there = 1.0 - widening * scene.start
    first = speed / np.sqrt(widening * widening + there * omega * (there * omega))
    r = first * there
    cosine, sine = cos_sin(phase)
    numbers[0] = scene.x - r * (cosine * ux + sine * wx)
    numbers[1] = scene.y - r * (cosine * uy + sine * wy)
    numbers[2] = scene.z - r * (cosine * uz + sine * wz)
    numbers[3], numbers[4], numbers[5], numbers[6] = r, first * widening, omega, phase
    numbers[7], numbers[8], numbers[9] = ux, uy, uz
    numbers[10], numbers[11], numbers[12] = wx, wy, wz


@kernel
def position(n, t):  # type: ignore[no-untyped-def]
    r = n[3] + n[4] * t
    cosine, sine = cos_sin(n[5] * t + n[6])
    cosine, sine = r * cosine, r * sine
    return (
        n[0] + cosine * n[7] + sine * n[10],
        n[1] + cosine * n[8] + sine * n[11],
        n[2] + cosine * n[9] + sine * n[12],
    )


@kernel
def least(n, t0, t1, a, b, c):  # type: ignore[no-untyped-def]
    """The bound is that of the circle with the largest radius."""
    still = a * n[0] + b * n[1] + c * n[2]
    along_u = a * n[7] + b * n[8] + c * n[9]
    along_w = a * n[10] + b * n[11] + c * n[12]
    widest = max(abs(n[3] + n[4] * t0), abs(n[3] + n[4] * t1))
    return still - widest * np.sqrt(along_u * along_u + along_w * along_w)


@kernel
def distinct(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
    """It is wide enough where it is widest."""
    return 2.0 * max(n[3] + n[4] * t0, n[3] + n[4] * t1) >= own.least_loop * n[2]


LAW = Law(
    name="spiral",
    version=1,
    numbers=_NUMBERS,
    phrase=_PHRASE,
    equation=_EQUATION,
    propose=propose,
    position=position,
    least=least,
    distinct=distinct,
    settings=SpiralSettings,
)
