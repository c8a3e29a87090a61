"""A pendulum that swings wide: X(t) = P + L (cos(a) U + sin(a) W), where a'' = -(g / L) sin(a).

The angle has a Fourier series in closed form (from Jacobi's elliptic functions; Whittaker and
Watson, "A Course of Modern Analysis", 22.6): with the nome q, which the widest angle gives,

    a(t) = 8 sum over odd k of (-1)^((k - 1) / 2) / k * q^(k / 2) / (1 + q^k) * cos(k (w t + p)).

Up to 120 degrees the first term left out is below 3e-12 rad. Gravity is not always the Earth's,
and U, in which it pulls, lies anywhere in the plane of the swing, as the camera is rolled.
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
from trajdata._settings import Range, check_order

__all__ = ["LAW"]

_NUMBERS = (
    *("x0_m", "y0_m", "z0_m", "length_m", "widest_rad", "nome", "angular_speed_rad_s"),
    *("phase_rad", "ux", "uy", "uz", "wx", "wy", "wz"),
)
_PHRASE = (
    "swings on a pendulum of {length_m:.2f} m, by {widest_rad:.2f} rad to either side, "
    "{angular_speed_rad_s:.2f} rad/s"
)
_EQUATION = (
    "q = {nome:.6f}, a = 8 sum over k = 1, 3, 5, ... of "
    "(-1)^((k-1)/2) / k q^(k/2) / (1 + q^k) cos(k ({angular_speed_rad_s:.3f} t {phase_rad:~.3f})), "
    "l = {length_m:.3f}, "
    "x(t) = {x0_m:.3f} + l ({ux:.3f} cos a {wx:~.3f} sin a), "
    "y(t) = {y0_m:.3f} + l ({uy:.3f} cos a {wy:~.3f} sin a), "
    "z(t) = {z0_m:.3f} + l ({uz:.3f} cos a {wz:~.3f} sin a)"
)
_TERMS = 10
_ROUNDED = 1e-7
"""More than the widest angle can be off by the rounding of its number and of the nome's."""


class PendulumSettings(PlaneSettings):
    """The numbers of the pendulum."""

    swings: Range = Field((1.0, 1.4), description="times that it swings to and fro in a clip")
    widest_degrees: Range = Field(
        (55.0, 100.0), description="widest angle to either side, from 30 to 120"
    )

    @model_validator(mode="after")
    def _swings_wide(self) -> PendulumSettings:
        check_order("swings", self.swings)
        check_order("widest_degrees", self.widest_degrees)
        if self.widest_degrees[0] < 30 or self.widest_degrees[1] > 120:
            raise ArgumentError(
                f"widest_degrees: given {self.widest_degrees}; allowed are 30 to 120 degrees"
            )
        return self


@kernel
def _angle(nome, phase):  # type: ignore[no-untyped-def]
    """(a, da / dphase) of a phase in radians."""
    cosine, sine = cos_sin(phase)
    turn_cosine = cosine * cosine - sine * sine
    turn_sine = 2.0 * sine * cosine
    root = np.sqrt(nome)
    power = nome
    angle = 0.0
    rate = 0.0
    odd = 1.0
    sign = 8.0
    for _ in range(_TERMS):
        size = sign * root / (1.0 + power)
        angle += size / odd * cosine
        rate -= size * sine
        cosine, sine = (
            cosine * turn_cosine - sine * turn_sine,
            sine * turn_cosine + cosine * turn_sine,
        )
        root *= nome
        power *= nome * nome
        odd += 2.0
        sign = -sign
    return angle, rate


@kernel
def _nome(widest):  # type: ignore[no-untyped-def]
    """The nome of the modulus sin(widest / 2), by its series (Whittaker and Watson, 21.8)."""
    cosine, _ = cos_sin(0.5 * widest)
    root = np.sqrt(cosine)
    e = 0.5 * (1.0 - root) / (1.0 + root)
    fourth = e * e * e * e
    return e * (1.0 + fourth * (2.0 + fourth * (15.0 + fourth * 150.0)))


@kernel
def propose(scene, settings, own, w, v, speed, numbers):  # type: ignore[no-untyped-def]
    ux, uy, uz, wx, wy, wz = plane_near_view(unit(w[0]), unit(w[1]), unit(w[2]), own.tilt_cosine)
    phase = unit(w[3]) * TURN
    swings = own.swings_low + unit(v[0]) * (own.swings_high - own.swings_low)
    low, high = own.widest_degrees_low, own.widest_degrees_high
    widest = (low + unit(v[1]) * (high - low)) * (TURN / 360.0)
    omega = swings * TURN / settings.seconds
    nome = _nome(widest)
    angle, rate = _angle(nome, phase)
    # The longer, the faster where it passes its anchor; at a turning point it would be endless.
    length = speed / max(omega * abs(rate), 1e-6)
    cosine, sine = cos_sin(angle)
    numbers[0] = scene.x - length * (cosine * ux + sine * wx)
    numbers[1] = scene.y - length * (cosine * uy + sine * wy)
    numbers[2] = scene.z - length * (cosine * uz + sine * wz)
    numbers[3], numbers[4], numbers[5] = length, widest, nome
    numbers[6], numbers[7] = omega, phase
    numbers[8], numbers[9], numbers[10] = ux, uy, uz
    numbers[11], numbers[12], numbers[13] = wx, wy, wz


@kernel
def position(n, t):  # type: ignore[no-untyped-def]
    angle, _ = _angle(n[5], n[6] * t + n[7])
    cosine, sine = cos_sin(angle)
    cosine, sine = n[3] * cosine, n[3] * sine
    return (
        n[0] + cosine * n[8] + sine * n[11],
        n[1] + cosine * n[9] + sine * n[12],
        n[2] + cosine * n[10] + sine * n[13],
    )


@kernel
def least(n, t0, t1, a, b, c):  # type: ignore[no-untyped-def]
    """The bound is the whole arc's: a clip shows at least one swing to and fro."""
    still = a * n[0] + b * n[1] + c * n[2]
    along_u = a * n[8] + b * n[9] + c * n[10]
    along_w = a * n[11] + b * n[12] + c * n[13]
    size = np.sqrt(along_u * along_u + along_w * along_w)
    cosine, sine = cos_sin(n[4] + _ROUNDED)
    if -along_u >= size * cosine:
        return still - n[3] * size
    return still + n[3] * (along_u * cosine - abs(along_w) * sine)


@kernel
def distinct(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
    """What makes it a pendulum, the angle and the swings, is sampled wide enough."""
    return True


LAW = Law(
    name="pendulum",
    version=1,
    numbers=_NUMBERS,
    phrase=_PHRASE,
    equation=_EQUATION,
    propose=propose,
    position=position,
    least=least,
    distinct=distinct,
    settings=PendulumSettings,
)
