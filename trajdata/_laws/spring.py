"""A damped spring: X(t) = C + A exp(-d t) cos(w t + p) U, to and fro on a line, ever less."""

from __future__ import annotations

from pydantic import Field, model_validator

from trajdata._arithmetic.exponential import exp
from trajdata._arithmetic.philox import unit
from trajdata._arithmetic.trig import TURN, cos_sin
from trajdata._arithmetic.vectors import direction
from trajdata._jit import kernel
from trajdata._laws.registry import Law, LawSettings
from trajdata._settings import Range, check_order

__all__ = ["LAW"]

_NUMBERS = (
    *("x0_m", "y0_m", "z0_m", "amplitude_m", "decay_1_s", "angular_speed_rad_s", "phase_rad"),
    *("ux", "uy", "uz"),
)
_PHRASE = (
    "swings on a damped spring, {amplitude_m:.2f} m wide where t = 0, {angular_speed_rad_s:.2f} "
    "rad/s, losing its width at {decay_1_s:.2f} /s"
)
_EQUATION = (
    "p = {amplitude_m:.3f} exp(-{decay_1_s:.3f} t) cos({angular_speed_rad_s:.3f} t "
    "{phase_rad:~.3f}), "
    "x(t) = {x0_m:.3f} {ux:~.3f} p, y(t) = {y0_m:.3f} {uy:~.3f} p, z(t) = {z0_m:.3f} {uz:~.3f} p"
)


class SpringSettings(LawSettings):
    """The numbers of the spring."""

    swings: Range = Field((1.3, 1.9), description="times that it swings to and fro in a clip")
    damping: Range = Field((0.8, 1.4), description="logarithm of the loss of width in a clip")

    @model_validator(mode="after")
    def _is_consistent(self) -> SpringSettings:
        check_order("swings", self.swings)
        check_order("damping", self.damping)
        return self


@kernel
def propose(scene, settings, own, w, v, speed, numbers):  # type: ignore[no-untyped-def]
    x, y, z = direction(unit(w[0]), unit(w[1]))
    phase = unit(w[3]) * TURN
    swings = own.swings_low + unit(v[0]) * (own.swings_high - own.swings_low)
    omega = swings * TURN / settings.seconds
    decay = own.damping_low + unit(v[1]) * (own.damping_high - own.damping_low)
    decay /= settings.seconds
    cosine, sine = cos_sin(phase)
    # The wider, the faster where it passes its anchor; at a turning point it would be endless.
    amplitude = speed / max(abs(decay * cosine + omega * sine), 1e-6)
    out = amplitude * cosine
    numbers[0], numbers[1], numbers[2] = scene.x - out * x, scene.y - out * y, scene.z - out * z
    numbers[3], numbers[4], numbers[5], numbers[6] = amplitude, decay, omega, phase
    numbers[7], numbers[8], numbers[9] = x, y, z


@kernel
def position(n, t):  # type: ignore[no-untyped-def]
    cosine, _ = cos_sin(n[5] * t + n[6])
    p = n[3] * exp(-n[4] * t) * cosine
    return n[0] + n[7] * p, n[1] + n[8] * p, n[2] + n[9] * p


@kernel
def least(n, t0, t1, a, b, c):  # type: ignore[no-untyped-def]
    """The bound is that of the width at the beginning."""
    still = a * n[0] + b * n[1] + c * n[2]
    return still - n[3] * exp(-n[4] * t0) * abs(a * n[7] + b * n[8] + c * n[9])


@kernel
def distinct(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
    """What makes it a spring, the swings and their loss, is sampled large enough."""
    return True


LAW = Law(
    name="spring",
    version=1,
    numbers=_NUMBERS,
    phrase=_PHRASE,
    equation=_EQUATION,
    propose=propose,
    position=position,
    least=least,
    distinct=distinct,
    settings=SpringSettings,
)
