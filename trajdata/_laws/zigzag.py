"""Turn upon turn: X(t) = C + V t + A f(4 t / P + p) W, where f folds a straight way into [-1, 1].

V and W are at right angles, so the speed stays the same and only its direction changes, to one
side and to the other in turn.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from trajdata._arithmetic.folding import fold
from trajdata._arithmetic.philox import unit
from trajdata._arithmetic.vectors import plane_near_view
from trajdata._jit import kernel
from trajdata._laws.registry import Law, PlaneSettings
from trajdata._settings import Fraction

__all__ = ["LAW"]

_NUMBERS = (
    *("x0_m", "y0_m", "z0_m", "vx_m_s", "vy_m_s", "vz_m_s"),
    *("side_m", "period_s", "folded_at", "wx", "wy", "wz"),
)
_PHRASE = (
    "zigzags at {speed_m_s:.2f} m/s, {side_m:.2f} m to either side, "
    "with two turns every {period_s:.2f} s"
)
_EQUATION = (
    "f(s) = s folded into [-1, 1], p = {side_m:.3f} f(4 t / {period_s:.3f} {folded_at:~.3f}), "
    "x(t) = {x0_m:.3f} {vx_m_s:~.3f} t {wx:~.3f} p, "
    "y(t) = {y0_m:.3f} {vy_m_s:~.3f} t {wy:~.3f} p, "
    "z(t) = {z0_m:.3f} {vz_m_s:~.3f} t {wz:~.3f} p"
)
_EDGE = 0.08
"""A turn in so much of the clip's beginning or end can hardly be seen."""


class ZigzagSettings(PlaneSettings):
    """The numbers of the zigzag."""

    least_side: Fraction = Field(
        0.08, description="least way from turn to turn across, on the picture, in shorter sides"
    )


@kernel
def propose(scene, settings, own, w, v, speed, numbers):  # type: ignore[no-untyped-def]
    ux, uy, uz, wx, wy, wz = plane_near_view(unit(w[0]), unit(w[1]), unit(w[2]), own.tilt_cosine)
    # 50 to 80 % of the speed goes along the way, the rest across it.
    share = 0.5 + 0.3 * unit(v[0])
    period = settings.seconds / (1.1 + 0.5 * unit(v[1]))
    side = 0.25 * period * speed * np.sqrt(1.0 - share * share)
    folded = 4.0 * unit(w[3])
    across = side * fold(folded)
    numbers[0] = scene.x - across * wx
    numbers[1] = scene.y - across * wy
    numbers[2] = scene.z - across * wz
    along = share * speed
    numbers[3], numbers[4], numbers[5] = along * ux, along * uy, along * uz
    numbers[6], numbers[7], numbers[8] = side, period, folded
    numbers[9], numbers[10], numbers[11] = wx, wy, wz


@kernel
def position(n, t):  # type: ignore[no-untyped-def]
    p = n[6] * fold(4.0 * t / n[7] + n[8])
    return (
        n[0] + n[3] * t + n[9] * p,
        n[1] + n[4] * t + n[10] * p,
        n[2] + n[5] * t + n[11] * p,
    )


@kernel
def least(n, t0, t1, a, b, c):  # type: ignore[no-untyped-def]
    still = a * n[0] + b * n[1] + c * n[2]
    drift = a * n[3] + b * n[4] + c * n[5]
    across = a * n[9] + b * n[10] + c * n[11]
    return still + min(drift * t0, drift * t1) - n[6] * abs(across)


@kernel
def distinct(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
    """It goes far enough to either side, and turns twice or more."""
    edge = _EDGE * (t1 - t0)
    first = np.floor(0.5 * (4.0 * (t0 + edge) / n[7] + n[8] + 1.0))
    turns = np.floor(0.5 * (4.0 * (t1 - edge) / n[7] + n[8] + 1.0)) - first
    return 2.0 * n[6] >= own.least_side * n[2] and turns >= 2.0


LAW = Law(
    name="zigzag",
    version=1,
    numbers=_NUMBERS,
    phrase=_PHRASE,
    equation=_EQUATION,
    propose=propose,
    position=position,
    least=least,
    distinct=distinct,
    settings=ZigzagSettings,
)
