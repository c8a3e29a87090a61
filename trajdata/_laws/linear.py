"""Constant velocity: X(t) = X0 + V t."""

from __future__ import annotations

import numpy as np

from trajdata._arithmetic.philox import unit
from trajdata._arithmetic.vectors import direction
from trajdata._jit import kernel
from trajdata._laws.registry import Law

__all__ = ["LAW"]

_NUMBERS = ("x0_m", "y0_m", "z0_m", "vx_m_s", "vy_m_s", "vz_m_s")
_PHRASE = "moves in a straight line at {speed_m_s:.2f} m/s"
_EQUATION = (
    "x(t) = {x0_m:.3f} {vx_m_s:~.3f} t, "
    "y(t) = {y0_m:.3f} {vy_m_s:~.3f} t, "
    "z(t) = {z0_m:.3f} {vz_m_s:~.3f} t"
)


@kernel
def propose(scene, settings, own, w, v, speed, numbers):  # type: ignore[no-untyped-def]
    numbers[0], numbers[1], numbers[2] = scene.x, scene.y, scene.z
    x, y, z = direction(unit(w[0]), unit(w[1]))
    numbers[3], numbers[4], numbers[5] = speed * x, speed * y, speed * z


@kernel
def position(n, t):  # type: ignore[no-untyped-def]
    return n[0] + n[3] * t, n[1] + n[4] * t, n[2] + n[5] * t


@kernel
def least(n, t0, t1, a, b, c):  # type: ignore[no-untyped-def]
    still = a * n[0] + b * n[1] + c * n[2]
    drift = a * n[3] + b * n[4] + c * n[5]
    return still + min(drift * t0, drift * t1)


@kernel
def distinct(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
    """Its path on the picture is long enough."""
    x0, y0, z0 = position(n, t0)
    x1, y1, z1 = position(n, t1)
    dx = x1 / z1 - x0 / z0
    dy = y1 / z1 - y0 / z0
    return np.sqrt(dx * dx + dy * dy) >= settings.least_path


LAW = Law(
    name="linear",
    version=1,
    numbers=_NUMBERS,
    phrase=_PHRASE,
    equation=_EQUATION,
    propose=propose,
    position=position,
    least=least,
    distinct=distinct,
    shows_motion=True,
)
