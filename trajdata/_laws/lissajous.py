"""A Lissajous figure: X(t) = C + A cos(v t + p) U + B cos(w t + q) W, v : w = 1 : 2 or 2 : 3."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from trajdata._arithmetic.philox import unit
from trajdata._arithmetic.trig import TURN, cos_sin
from trajdata._arithmetic.vectors import plane_near_view
from trajdata._jit import kernel
from trajdata._laws.registry import Law, PlaneSettings
from trajdata._settings import Fraction

__all__ = ["LAW"]

_NUMBERS = (
    *("x0_m", "y0_m", "z0_m", "reach_u_m", "reach_w_m", "speed_u_rad_s", "speed_w_rad_s"),
    *("phase_u_rad", "phase_w_rad", "ux", "uy", "uz", "wx", "wy", "wz"),
)
_PHRASE = (
    "runs along a Lissajous figure, {reach_u_m:.2f} m at {speed_u_rad_s:.2f} rad/s by "
    "{reach_w_m:.2f} m at {speed_w_rad_s:.2f} rad/s"
)
_EQUATION = (
    "p = {reach_u_m:.3f} cos({speed_u_rad_s:.3f} t {phase_u_rad:~.3f}), "
    "q = {reach_w_m:.3f} cos({speed_w_rad_s:.3f} t {phase_w_rad:~.3f}), "
    "x(t) = {x0_m:.3f} {ux:~.3f} p {wx:~.3f} q, "
    "y(t) = {y0_m:.3f} {uy:~.3f} p {wy:~.3f} q, "
    "z(t) = {z0_m:.3f} {uz:~.3f} p {wz:~.3f} q"
)


class LissajousSettings(PlaneSettings):
    """The numbers of the figure."""

    least_reach: Fraction = Field(
        0.08, description="least width of the figure on the picture, in shorter sides"
    )


@kernel
def propose(scene, settings, own, w, v, speed, numbers):  # type: ignore[no-untyped-def]
    ux, uy, uz, wx, wy, wz = plane_near_view(unit(w[0]), unit(w[1]), unit(w[2]), own.tilt_cosine)
    phase_u, phase_w = unit(w[3]) * TURN, unit(v[0]) * TURN
    # The faster of the two swings at most 2.1 times in a clip, so that eight frames still show it.
    pace = (0.9 + 0.15 * unit(v[1])) * TURN / settings.seconds
    slow, fast = (1.0, 2.0) if unit(v[2]) < 0.5 else (1.4, 2.1)
    rate_u, rate_w = pace * slow, pace * fast
    ratio = 0.5 + 0.5 * unit(v[3])
    cosine_u, sine_u = cos_sin(phase_u)
    cosine_w, sine_w = cos_sin(phase_w)
    along, across = rate_u * sine_u, ratio * rate_w * sine_w
    reach_u = speed / max(np.sqrt(along * along + across * across), 1e-6)
    reach_w = ratio * reach_u
    p, q = reach_u * cosine_u, reach_w * cosine_w
    numbers[0] = scene.x - p * ux - q * wx
    numbers[1] = scene.y - p * uy - q * wy
    numbers[2] = scene.z - p * uz - q * wz
    numbers[3], numbers[4] = reach_u, reach_w
    numbers[5], numbers[6], numbers[7], numbers[8] = rate_u, rate_w, phase_u, phase_w
    numbers[9], numbers[10], numbers[11] = ux, uy, uz
    numbers[12], numbers[13], numbers[14] = wx, wy, wz


@kernel
def position(n, t):  # type: ignore[no-untyped-def]
    p, _ = cos_sin(n[5] * t + n[7])
    q, _ = cos_sin(n[6] * t + n[8])
    p, q = n[3] * p, n[4] * q
    return (
        n[0] + p * n[9] + q * n[12],
        n[1] + p * n[10] + q * n[13],
        n[2] + p * n[11] + q * n[14],
    )


@kernel
def least(n, t0, t1, a, b, c):  # type: ignore[no-untyped-def]
    """The bound is that of the rectangle that the figure fills."""
    still = a * n[0] + b * n[1] + c * n[2]
    along_u = a * n[9] + b * n[10] + c * n[11]
    along_w = a * n[12] + b * n[13] + c * n[14]
    return still - n[3] * abs(along_u) - n[4] * abs(along_w)


@kernel
def distinct(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
    """The figure is wide enough in both directions."""
    return 2.0 * n[4] >= own.least_reach * n[2]


LAW = Law(
    name="lissajous",
    version=1,
    numbers=_NUMBERS,
    phrase=_PHRASE,
    equation=_EQUATION,
    propose=propose,
    position=position,
    least=least,
    distinct=distinct,
    settings=LissajousSettings,
)
