"""A Kepler orbit: X(t) = C + a cos(E) U + b sin(E) W, where E - e sin(E) = w t + p.

An ellipse about a centre of force in one of its foci, run through fast near it and slowly far from
it (Kepler's laws). Kepler's equation is solved by a fixed number of Newton steps.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from trajdata._arithmetic.philox import unit
from trajdata._arithmetic.trig import TURN, cos_sin
from trajdata._arithmetic.vectors import plane_near_view
from trajdata._errors import ArgumentError
from trajdata._jit import kernel
from trajdata._laws.registry import Law, PlaneSettings
from trajdata._settings import Fraction, Range, check_order

__all__ = ["LAW"]

_NUMBERS = (
    *("x0_m", "y0_m", "z0_m", "long_half_axis_m", "short_half_axis_m", "eccentricity"),
    *("angular_speed_rad_s", "phase_rad", "ux", "uy", "uz", "wx", "wy", "wz"),
)
_PHRASE = (
    "runs along a Kepler orbit with half-axes of {long_half_axis_m:.2f} m and "
    "{short_half_axis_m:.2f} m, {angular_speed_rad_s:.2f} rad/s on average"
)
_EQUATION = (
    "E - {eccentricity:.3f} sin E = {angular_speed_rad_s:.3f} t {phase_rad:~.3f}, "
    "p = {long_half_axis_m:.3f} cos E, q = {short_half_axis_m:.3f} sin E, "
    "x(t) = {x0_m:.3f} {ux:~.3f} p {wx:~.3f} q, "
    "y(t) = {y0_m:.3f} {uy:~.3f} p {wy:~.3f} q, "
    "z(t) = {z0_m:.3f} {uz:~.3f} p {wz:~.3f} q"
)
_NEWTON_STEPS = 6
"""Within 1e-14 for an eccentricity up to 0.8, from the starting value below."""


class OrbitSettings(PlaneSettings):
    """The numbers of the orbit."""

    turns: Range = Field((0.9, 1.25), description="turns in a clip")
    eccentricity: Range = Field((0.5, 0.75), description="eccentricity, from 0.3 to 0.8")
    least_loop: Fraction = Field(
        0.1, description="least width of the ellipse on the picture, in shorter sides"
    )

    @model_validator(mode="after")
    def _goes_round(self) -> OrbitSettings:
        check_order("turns", self.turns)
        check_order("eccentricity", self.eccentricity)
        if self.eccentricity[0] < 0.3 or self.eccentricity[1] > 0.8:
            raise ArgumentError(
                f"eccentricity: given {self.eccentricity}; allowed are numbers from 0.3 to 0.8"
            )
        return self


@kernel
def _anomaly(eccentricity, mean):  # type: ignore[no-untyped-def]
    """(cos E, sin E) of the eccentric anomaly E at a mean anomaly in radians."""
    mean -= TURN * np.floor(mean / TURN + 0.5)
    # Danby's starting value (Celestial Mechanics 31, 1983): Newton's method converges from it.
    e = mean + (0.85 * eccentricity if mean > 0.0 else -0.85 * eccentricity)
    for _ in range(_NEWTON_STEPS):
        cosine, sine = cos_sin(e)
        e -= (e - eccentricity * sine - mean) / (1.0 - eccentricity * cosine)
    return cos_sin(e)


@kernel
def propose(scene, settings, own, w, v, speed, numbers):  # type: ignore[no-untyped-def]
    ux, uy, uz, wx, wy, wz = plane_near_view(unit(w[0]), unit(w[1]), unit(w[2]), own.tilt_cosine)
    phase = unit(w[3]) * TURN
    omega = (own.turns_low + unit(v[0]) * (own.turns_high - own.turns_low)) * TURN
    omega /= settings.seconds
    low, high = own.eccentricity_low, own.eccentricity_high
    eccentricity = low + unit(v[1]) * (high - low)
    cosine, sine = _anomaly(eccentricity, phase)
    # Where it is (vis-viva): the speed is w a sqrt((1 + e cos E) / (1 - e cos E)).
    part = eccentricity * cosine
    long = speed / (omega * np.sqrt((1.0 + part) / (1.0 - part)))
    short = long * np.sqrt(1.0 - eccentricity * eccentricity)
    numbers[0] = scene.x - long * cosine * ux - short * sine * wx
    numbers[1] = scene.y - long * cosine * uy - short * sine * wy
    numbers[2] = scene.z - long * cosine * uz - short * sine * wz
    numbers[3], numbers[4], numbers[5] = long, short, eccentricity
    numbers[6], numbers[7] = omega, phase
    numbers[8], numbers[9], numbers[10] = ux, uy, uz
    numbers[11], numbers[12], numbers[13] = wx, wy, wz


@kernel
def position(n, t):  # type: ignore[no-untyped-def]
    cosine, sine = _anomaly(n[5], n[6] * t + n[7])
    cosine, sine = n[3] * cosine, n[4] * sine
    return (
        n[0] + cosine * n[8] + sine * n[11],
        n[1] + cosine * n[9] + sine * n[12],
        n[2] + cosine * n[10] + sine * n[13],
    )


@kernel
def least(n, t0, t1, a, b, c):  # type: ignore[no-untyped-def]
    """The bound is the whole ellipse's: a clip shows most of it."""
    still = a * n[0] + b * n[1] + c * n[2]
    along_u = n[3] * (a * n[8] + b * n[9] + c * n[10])
    along_w = n[4] * (a * n[11] + b * n[12] + c * n[13])
    return still - np.sqrt(along_u * along_u + along_w * along_w)


@kernel
def distinct(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
    """The ellipse is wide enough to be seen."""
    return 2.0 * n[4] >= own.least_loop * n[2]


LAW = Law(
    name="orbit",
    version=1,
    numbers=_NUMBERS,
    phrase=_PHRASE,
    equation=_EQUATION,
    propose=propose,
    position=position,
    least=least,
    distinct=distinct,
    settings=OrbitSettings,
)
