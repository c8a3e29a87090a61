"""Constant acceleration, a projectile: X(t) = X0 + V t + A t^2 / 2.

The acceleration may point anywhere: the camera is rolled and pitched at random against gravity,
and gravity is not always the Earth's. So "falls downwards" tells nothing; the bow of the path does.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from trajdata._arithmetic.philox import unit
from trajdata._arithmetic.vectors import direction
from trajdata._jit import kernel
from trajdata._laws.registry import Law, LawSettings
from trajdata._settings import Fraction

__all__ = ["LAW"]

_NUMBERS = (
    *("x0_m", "y0_m", "z0_m", "vx_m_s", "vy_m_s", "vz_m_s"),
    *("ax_m_s2", "ay_m_s2", "az_m_s2", "acceleration_m_s2"),
)
_PHRASE = (
    "flies along a parabola, at {speed_m_s:.2f} m/s where t = 0, "
    "accelerated by {acceleration_m_s2:.2f} m/s^2"
)
_EQUATION = (
    "x(t) = {x0_m:.3f} {vx_m_s:~.3f} t {ax_m_s2:~.3f} t^2/2, "
    "y(t) = {y0_m:.3f} {vy_m_s:~.3f} t {ay_m_s2:~.3f} t^2/2, "
    "z(t) = {z0_m:.3f} {vz_m_s:~.3f} t {az_m_s2:~.3f} t^2/2"
)


class ParabolicSettings(LawSettings):
    """The numbers of the parabola."""

    least_sagitta: Fraction = Field(
        0.06, description="least bow of the path on the picture, in shorter sides"
    )


@kernel
def propose(scene, settings, own, w, v, speed, numbers):  # type: ignore[no-untyped-def]
    numbers[0], numbers[1], numbers[2] = scene.x, scene.y, scene.z
    x, y, z = direction(unit(w[0]), unit(w[1]))
    numbers[3], numbers[4], numbers[5] = speed * x, speed * y, speed * z
    # Over the clip the velocity changes by 1 to 3.2 times the speed.
    pull = (1.0 + 2.2 * unit(v[2])) * speed / settings.seconds
    x, y, z = direction(unit(v[0]), unit(v[1]))
    numbers[6], numbers[7], numbers[8] = pull * x, pull * y, pull * z
    numbers[9] = pull


@kernel
def position(n, t):  # type: ignore[no-untyped-def]
    h = 0.5 * t * t
    return (
        n[0] + n[3] * t + n[6] * h,
        n[1] + n[4] * t + n[7] * h,
        n[2] + n[5] * t + n[8] * h,
    )


@kernel
def least(n, t0, t1, a, b, c):  # type: ignore[no-untyped-def]
    still = a * n[0] + b * n[1] + c * n[2]
    drift = a * n[3] + b * n[4] + c * n[5]
    pull = a * n[6] + b * n[7] + c * n[8]
    lowest = min(t0 * (drift + 0.5 * pull * t0), t1 * (drift + 0.5 * pull * t1))
    if pull > 0.0:
        turning = -drift / pull
        if t0 < turning < t1:
            lowest = min(lowest, 0.5 * drift * turning)
    return still + lowest


@kernel
def distinct(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
    """Its path on the picture is long enough, and its middle lies off the chord."""
    x0, y0, z0 = position(n, t0)
    xm, ym, zm = position(n, 0.5 * (t0 + t1))
    x1, y1, z1 = position(n, t1)
    dx, dy = x1 / z1 - x0 / z0, y1 / z1 - y0 / z0
    mx, my = xm / zm - x0 / z0, ym / zm - y0 / z0
    nx, ny = dx - mx, dy - my
    chord = np.sqrt(dx * dx + dy * dy)
    path = np.sqrt(mx * mx + my * my) + np.sqrt(nx * nx + ny * ny)
    bow = abs(mx * dy - my * dx)
    return path >= settings.least_path and bow >= own.least_sagitta * chord and chord > 0.0


LAW = Law(
    name="parabolic",
    version=1,
    numbers=_NUMBERS,
    phrase=_PHRASE,
    equation=_EQUATION,
    propose=propose,
    position=position,
    least=least,
    distinct=distinct,
    shows_motion=True,
    settings=ParabolicSettings,
)
