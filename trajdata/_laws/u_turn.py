"""Out, half a circle, and back beside the way out, at one speed.

With s = t - m, the time from the middle of the turn, X(t) = C + r (cos(w s) U + sin(w s) W) while
|w s| is at most a quarter turn; before and after, straight on along the tangents, both along U.
"""

from __future__ import annotations

from pydantic import Field

from trajdata._arithmetic.philox import unit
from trajdata._arithmetic.trig import TURN, cos_sin
from trajdata._arithmetic.vectors import plane_near_view
from trajdata._jit import kernel
from trajdata._laws.registry import Law, PlaneSettings
from trajdata._settings import Fraction

__all__ = ["LAW"]

_NUMBERS = (
    *("x0_m", "y0_m", "z0_m", "turn_radius_m", "angular_speed_rad_s", "middle_s"),
    *("ux", "uy", "uz", "wx", "wy", "wz"),
)
_PHRASE = (
    "makes a U-turn of radius {turn_radius_m:.2f} m at {speed_m_s:.2f} m/s, "
    "half-way where t = {middle_s:.2f} s"
)
_EQUATION = (
    "a = {angular_speed_rad_s:.3f} (t - ({middle_s:.3f})), r = {turn_radius_m:.3f}, "
    "c = min(max(a, -pi/2), pi/2), p = r (cos c - abs(a - c)), q = r sin c, "
    "x(t) = {x0_m:.3f} {ux:~.3f} p {wx:~.3f} q, "
    "y(t) = {y0_m:.3f} {uy:~.3f} p {wy:~.3f} q, "
    "z(t) = {z0_m:.3f} {uz:~.3f} p {wz:~.3f} q"
)
_QUARTER = 0.25 * TURN
_ROUNDED = 1.0 + 1e-7


class UTurnSettings(PlaneSettings):
    """The numbers of the U-turn."""

    least_turn: Fraction = Field(
        0.08, description="least distance of the ways out and back on the picture, in shorter sides"
    )
    least_leg: Fraction = Field(
        0.15, description="least length of each of the two, in lengths of the whole path"
    )


@kernel
def _places(radius, omega, since):  # type: ignore[no-untyped-def]
    """Where it is along U and along W, at a time from the middle of the turn."""
    angle = omega * since
    curved = min(max(angle, -_QUARTER), _QUARTER)
    cosine, sine = cos_sin(curved)
    return radius * (cosine - abs(angle - curved)), radius * sine


@kernel
def propose(scene, settings, own, w, v, speed, numbers):  # type: ignore[no-untyped-def]
    ux, uy, uz, wx, wy, wz = plane_near_view(unit(w[0]), unit(w[1]), unit(w[2]), own.tilt_cosine)
    radius = speed * settings.seconds * (0.07 + 0.08 * unit(v[0]))
    omega = speed / radius
    middle = scene.start + settings.seconds * (0.35 + 0.3 * unit(v[1]))
    p, q = _places(radius, omega, -middle)
    numbers[0] = scene.x - p * ux - q * wx
    numbers[1] = scene.y - p * uy - q * wy
    numbers[2] = scene.z - p * uz - q * wz
    numbers[3], numbers[4], numbers[5] = radius, omega, middle
    numbers[6], numbers[7], numbers[8] = ux, uy, uz
    numbers[9], numbers[10], numbers[11] = wx, wy, wz


@kernel
def position(n, t):  # type: ignore[no-untyped-def]
    p, q = _places(n[3], n[4], t - n[5])
    return (
        n[0] + p * n[6] + q * n[9],
        n[1] + p * n[7] + q * n[10],
        n[2] + p * n[8] + q * n[11],
    )


@kernel
def fastest(n, t0, t1):  # type: ignore[no-untyped-def]
    return n[3] * n[4] * _ROUNDED


@kernel
def distinct(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
    """The turn is wide enough, and the ways out and back are long enough."""
    leg = own.least_leg * (t1 - t0)
    half = _QUARTER / n[4]
    return (
        2.0 * n[3] >= own.least_turn * n[2]
        and n[5] - half - t0 >= leg
        and t1 - (n[5] + half) >= leg
    )


LAW = Law(
    name="u_turn",
    version=1,
    numbers=_NUMBERS,
    phrase=_PHRASE,
    equation=_EQUATION,
    propose=propose,
    position=position,
    fastest=fastest,
    distinct=distinct,
    settings=UTurnSettings,
)
