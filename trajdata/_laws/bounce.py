"""Between walls: a ball that keeps its speed and is thrown back by the walls of a box.

X(t) = C + h f((a + b t) / h) U + k f((c + d t) / k) W, where f folds a straight way back and forth
between -1 and 1, and h and k are half the distances of the two pairs of walls. The box is turned
at random, so that neither walls nor bounces are upright.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from trajdata._arithmetic.folding import fold
from trajdata._arithmetic.philox import unit
from trajdata._arithmetic.trig import cos_sin
from trajdata._arithmetic.vectors import plane_near_view
from trajdata._jit import kernel
from trajdata._laws.registry import Law, PlaneSettings
from trajdata._settings import Fraction

__all__ = ["LAW"]

_NUMBERS = (
    *("x0_m", "y0_m", "z0_m", "half_u_m", "half_w_m", "at_u_m", "at_w_m"),
    *("speed_u_m_s", "speed_w_m_s", "ux", "uy", "uz", "wx", "wy", "wz"),
)
_PHRASE = (
    "is thrown back by the walls of a box, {half_u_m:.2f} m and {half_w_m:.2f} m from its middle, "
    "at {speed_m_s:.2f} m/s"
)
_EQUATION = (
    "f(s) = s folded into [-1, 1], "
    "p = {half_u_m:.3f} f(({at_u_m:.3f} {speed_u_m_s:~.3f} t) / {half_u_m:.3f}), "
    "q = {half_w_m:.3f} f(({at_w_m:.3f} {speed_w_m_s:~.3f} t) / {half_w_m:.3f}), "
    "x(t) = {x0_m:.3f} {ux:~.3f} p {wx:~.3f} q, "
    "y(t) = {y0_m:.3f} {uy:~.3f} p {wy:~.3f} q, "
    "z(t) = {z0_m:.3f} {uz:~.3f} p {wz:~.3f} q"
)
_EDGE = 0.1
"""A bounce in the first or last tenth of the clip can hardly be seen."""


class BounceSettings(PlaneSettings):
    """The numbers of the box."""

    least_box: Fraction = Field(
        0.1, description="least distance of two walls on the picture, in shorter sides"
    )


@kernel
def propose(scene, settings, own, w, v, speed, numbers):  # type: ignore[no-untyped-def]
    ux, uy, uz, wx, wy, wz = plane_near_view(unit(w[0]), unit(w[1]), unit(w[2]), own.tilt_cosine)
    # 25 to 65 degrees to the walls: so both pairs are met.
    cosine, sine = cos_sin(0.436 + 0.698 * unit(w[3]))
    way = speed * settings.seconds
    half_u = (0.13 + 0.1 * unit(v[0])) * way
    half_w = (0.13 + 0.1 * unit(v[1])) * way
    at_u = (2.0 * unit(v[2]) - 1.0) * half_u
    at_w = (2.0 * unit(v[3]) - 1.0) * half_w
    numbers[0] = scene.x - at_u * ux - at_w * wx
    numbers[1] = scene.y - at_u * uy - at_w * wy
    numbers[2] = scene.z - at_u * uz - at_w * wz
    numbers[3], numbers[4], numbers[5], numbers[6] = half_u, half_w, at_u, at_w
    numbers[7], numbers[8] = speed * cosine, speed * sine
    numbers[9], numbers[10], numbers[11] = ux, uy, uz
    numbers[12], numbers[13], numbers[14] = wx, wy, wz


@kernel
def position(n, t):  # type: ignore[no-untyped-def]
    p = n[3] * fold((n[5] + n[7] * t) / n[3])
    q = n[4] * fold((n[6] + n[8] * t) / n[4])
    return (
        n[0] + p * n[9] + q * n[12],
        n[1] + p * n[10] + q * n[13],
        n[2] + p * n[11] + q * n[14],
    )


@kernel
def least(n, t0, t1, a, b, c):  # type: ignore[no-untyped-def]
    """The bound is the whole box's."""
    still = a * n[0] + b * n[1] + c * n[2]
    along_u = a * n[9] + b * n[10] + c * n[11]
    along_w = a * n[12] + b * n[13] + c * n[14]
    return still - n[3] * abs(along_u) - n[4] * abs(along_w)


@kernel
def _bounces(at, speed, half, t0, t1):  # type: ignore[no-untyped-def]
    """How often it meets the two walls between two moments."""
    first = np.floor(0.5 * ((at + speed * t0) / half + 1.0))
    return np.floor(0.5 * ((at + speed * t1) / half + 1.0)) - first


@kernel
def distinct(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
    """The box is wide enough, and both pairs of walls are met."""
    edge = _EDGE * (t1 - t0)
    return (
        2.0 * min(n[3], n[4]) >= own.least_box * n[2]
        and _bounces(n[5], n[7], n[3], t0 + edge, t1 - edge) >= 1.0
        and _bounces(n[6], n[8], n[4], t0 + edge, t1 - edge) >= 1.0
    )


LAW = Law(
    name="bounce",
    version=1,
    numbers=_NUMBERS,
    phrase=_PHRASE,
    equation=_EQUATION,
    propose=propose,
    position=position,
    least=least,
    distinct=distinct,
    settings=BounceSettings,
)
