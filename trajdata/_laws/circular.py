"""A circle in a tilted plane: X(t) = C + r (cos(w t + p) U + sin(w t + p) W).

U, W and the circle's axis are an orthonormal frame; the axis lies within the tilt of the view
axis, in either sense, so that the picture shows an ellipse run through one way or the other.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from trajdata._arithmetic.philox import unit
from trajdata._arithmetic.trig import TURN, cos_sin
from trajdata._arithmetic.vectors import basis, direction_near_view
from trajdata._errors import ArgumentError
from trajdata._jit import kernel
from trajdata._laws.registry import Law, LawSettings
from trajdata._settings import Fraction, Range, check_order

__all__ = ["LAW", "NUMBERS", "CircularSettings", "least", "position", "propose"]

NUMBERS = (
    *("x0_m", "y0_m", "z0_m", "orbit_radius_m", "angular_speed_rad_s", "phase_rad"),
    *("ux", "uy", "uz", "wx", "wy", "wz"),
)
_PHRASE = (
    "goes round a circle of radius {orbit_radius_m:.2f} m at {speed_m_s:.2f} m/s, "
    "{angular_speed_rad_s:.2f} rad/s"
)
_EQUATION = (
    "a = {angular_speed_rad_s:.3f} t {phase_rad:~.3f}, r = {orbit_radius_m:.3f}, "
    "x(t) = {x0_m:.3f} + r ({ux:.3f} cos a {wx:~.3f} sin a), "
    "y(t) = {y0_m:.3f} + r ({uy:.3f} cos a {wy:~.3f} sin a), "
    "z(t) = {z0_m:.3f} + r ({uz:.3f} cos a {wz:~.3f} sin a)"
)


class CircularSettings(LawSettings):
    """The numbers of the circle, which the helix has too."""

    turns: Range = Field((0.75, 1.1), description="turns in a clip")
    tilt_degrees: Annotated[float, Field(ge=0, le=80)] = Field(
        45.0, description="most angle between its axis and the view axis"
    )
    least_loop: Fraction = Field(0.1, description="least diameter on the picture, in shorter sides")

    @model_validator(mode="after")
    def _goes_round(self) -> CircularSettings:
        check_order("turns", self.turns)
        if self.turns[0] < 0.75:
            raise ArgumentError(f"turns: given {self.turns}; allowed are 0.75 turns or more")
        return self

    def columns(self) -> dict[str, float]:
        found = super().columns()
        found["tilt_cosine"] = cos_sin(found.pop("tilt_degrees") * (TURN / 360.0))[0]
        return found


@kernel
def propose(scene, settings, own, w, v, speed, numbers):  # type: ignore[no-untyped-def]
    x, y, z = direction_near_view(unit(w[0]), unit(w[1]), own.tilt_cosine)
    ux, uy, uz, wx, wy, wz = basis(x, y, z)
    turns = own.turns_low + unit(w[2]) * (own.turns_high - own.turns_low)
    omega = turns * TURN / settings.seconds
    phase = unit(w[3]) * TURN
    r = speed / omega
    cosine, sine = cos_sin(phase)
    numbers[0] = scene.x - r * (cosine * ux + sine * wx)
    numbers[1] = scene.y - r * (cosine * uy + sine * wy)
    numbers[2] = scene.z - r * (cosine * uz + sine * wz)
    numbers[3], numbers[4], numbers[5] = r, omega, phase
    numbers[6], numbers[7], numbers[8] = ux, uy, uz
    numbers[9], numbers[10], numbers[11] = wx, wy, wz


@kernel
def position(n, t):  # type: ignore[no-untyped-def]
    cosine, sine = cos_sin(n[4] * t + n[5])
    cosine, sine = n[3] * cosine, n[3] * sine
    return (
        n[0] + cosine * n[6] + sine * n[9],
        n[1] + cosine * n[7] + sine * n[10],
        n[2] + cosine * n[8] + sine * n[11],
    )


@kernel
def least(n, t0, t1, a, b, c):  # type: ignore[no-untyped-def]
    """The bound is the whole circle's: a clip shows most of it."""
    still = a * n[0] + b * n[1] + c * n[2]
    along_u = a * n[6] + b * n[7] + c * n[8]
    along_w = a * n[9] + b * n[10] + c * n[11]
    return still - n[3] * np.sqrt(along_u * along_u + along_w * along_w)


@kernel
def distinct(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
    """The circle is wide enough to be seen."""
    return 2.0 * n[3] >= own.least_loop * n[2]


LAW = Law(
    name="circular",
    version=1,
    numbers=NUMBERS,
    phrase=_PHRASE,
    equation=_EQUATION,
    propose=propose,
    position=position,
    least=least,
    distinct=distinct,
    shows_motion=True,
    settings=CircularSettings,
)
