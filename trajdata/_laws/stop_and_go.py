"""On a line by fits and starts: constant velocity for a while, a halt, and so on in turn.

X(t) = X0 + V g(t), where g(t) is the time that the object has been going since time 0.
"""

from __future__ import annotations

import numpy as np

from trajdata._arithmetic.philox import unit
from trajdata._arithmetic.vectors import direction
from trajdata._jit import kernel
from trajdata._laws.registry import Law

__all__ = ["LAW"]

_NUMBERS = (
    *("x0_m", "y0_m", "z0_m", "vx_m_s", "vy_m_s", "vz_m_s"),
    *("going_s", "halt_s", "since_s"),
)
_PHRASE = (
    "goes straight on at {speed_m_s:.2f} m/s for {going_s:.2f} s and halts for {halt_s:.2f} s, "
    "in turn"
)
_EQUATION = (
    "n = floor((t {since_s:~.3f}) / ({going_s:.3f} {halt_s:~.3f})), "
    "g = min(t {since_s:~.3f} - n {halt_s:.3f}, (n + 1) {going_s:.3f}) - {since_s:.3f}, "
    "x(t) = {x0_m:.3f} {vx_m_s:~.3f} g, "
    "y(t) = {y0_m:.3f} {vy_m_s:~.3f} g, "
    "z(t) = {z0_m:.3f} {vz_m_s:~.3f} g"
)
_EDGE = 0.02


@kernel
def propose(scene, settings, own, w, v, speed, numbers):  # type: ignore[no-untyped-def]
    numbers[0], numbers[1], numbers[2] = scene.x, scene.y, scene.z
    x, y, z = direction(unit(w[0]), unit(w[1]))
    numbers[3], numbers[4], numbers[5] = speed * x, speed * y, speed * z
    going = settings.seconds * (0.34 + 0.12 * unit(v[0]))
    # Of eight frames two and more show the same place.
    halt = settings.seconds * (0.3 + 0.05 * unit(v[1]))
    # A halt that lies within the clip.
    begin = scene.start + 0.04 * settings.seconds + unit(w[2]) * (0.92 * settings.seconds - halt)
    since = going - begin
    since -= (going + halt) * np.floor(since / (going + halt))
    if since > going:
        # It would halt at its anchor, where it has its speed.
        since = going * unit(w[3])
    numbers[6], numbers[7], numbers[8] = going, halt, since


@kernel
def _going(n, t):  # type: ignore[no-untyped-def]
    since = t + n[8]
    halts = np.floor(since / (n[6] + n[7]))
    return min(since - halts * n[7], (halts + 1.0) * n[6]) - n[8]


@kernel
def position(n, t):  # type: ignore[no-untyped-def]
    g = _going(n, t)
    return n[0] + n[3] * g, n[1] + n[4] * g, n[2] + n[5] * g


@kernel
def least(n, t0, t1, a, b, c):  # type: ignore[no-untyped-def]
    """It never goes back, so it is at an end of its way at an end of the time."""
    still = a * n[0] + b * n[1] + c * n[2]
    drift = a * n[3] + b * n[4] + c * n[5]
    return still + min(drift * _going(n, t0), drift * _going(n, t1))


@kernel
def distinct(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
    """A whole halt lies within the clip, with some going before and after it."""
    edge = _EDGE * (t1 - t0)
    period = n[6] + n[7]
    # The first halt that begins after the first frame.
    halt = np.floor((t0 + edge + n[8] - n[6]) / period) * period + period + n[6] - n[8]
    return halt + n[7] <= t1 - edge


LAW = Law(
    name="stop_and_go",
    version=1,
    numbers=_NUMBERS,
    phrase=_PHRASE,
    equation=_EQUATION,
    propose=propose,
    position=position,
    least=least,
    distinct=distinct,
)
