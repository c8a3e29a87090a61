"""The paths of the laws once more, from the named numbers, with NumPy and SciPy.

Written apart from the kernels and, where there is one, by another formula: what the two share is
the law, not its program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray

from trajdata._check.audit.extra import AUDIT_EXTRA
from trajdata._checks import needed
from trajdata._errors import ArgumentError

__all__ = ["KNOWN_PATHS", "paths_from_params"]

_special = needed("scipy.special", AUDIT_EXTRA)

_Array = NDArray[np.float64]
_Numbers = Callable[[str], _Array]
"""A number's name -> its values, float64 (B, 1)."""

_Path = Callable[[_Numbers, _Array], _Array]
"""(numbers, times (B, T)) -> X(t), float64 (B, T, 3), metres."""


def _vectors(number: _Numbers, names: Sequence[str]) -> _Array:
    """Three numbers as a vector, (B, 1, 3)."""
    return np.stack([number(name) for name in names], axis=-1)


def _anchored(number: _Numbers) -> _Array:
    return _vectors(number, ("x0_m", "y0_m", "z0_m"))


def _travel(number: _Numbers) -> _Array:
    return _vectors(number, ("vx_m_s", "vy_m_s", "vz_m_s"))


def _in_plane(number: _Numbers, along: _Array, across: _Array) -> _Array:
    """The point of a plane: along U, across along W."""
    u, w = _vectors(number, ("ux", "uy", "uz")), _vectors(number, ("wx", "wy", "wz"))
    return _anchored(number) + along[..., None] * u + across[..., None] * w


def _folded(way: _Array) -> _Array:
    return np.arcsin(np.sin(0.5 * np.pi * way)) / (0.5 * np.pi)


def _linear(number: _Numbers, t: _Array) -> _Array:
    return _anchored(number) + _travel(number) * t[..., None]


def _parabolic(number: _Numbers, t: _Array) -> _Array:
    pull = _vectors(number, ("ax_m_s2", "ay_m_s2", "az_m_s2"))
    return _linear(number, t) + 0.5 * pull * t[..., None] ** 2


def _circular(number: _Numbers, t: _Array) -> _Array:
    angle = number("angular_speed_rad_s") * t + number("phase_rad")
    r = number("orbit_radius_m")
    return _in_plane(number, r * np.cos(angle), r * np.sin(angle))


def _helical(number: _Numbers, t: _Array) -> _Array:
    return _circular(number, t) + _travel(number) * t[..., None]


def _bounce(number: _Numbers, t: _Array) -> _Array:
    half_u, half_w = number("half_u_m"), number("half_w_m")
    along = half_u * _folded((number("at_u_m") + number("speed_u_m_s") * t) / half_u)
    across = half_w * _folded((number("at_w_m") + number("speed_w_m_s") * t) / half_w)
    return _in_plane(number, along, across)


def _zigzag(number: _Numbers, t: _Array) -> _Array:
    across = number("side_m") * _folded(4 * t / number("period_s") + number("folded_at"))
    return _linear(number, t) + across[..., None] * _vectors(number, ("wx", "wy", "wz"))


def _pendulum(number: _Numbers, t: _Array) -> _Array:
    """By Jacobi's elliptic functions, where the kernel has a Fourier series."""
    modulus = np.sin(0.5 * number("widest_rad"))
    phase = number("angular_speed_rad_s") * t + number("phase_rad")
    quarter = _special.ellipk(modulus**2)
    _, cn, dn, _ = _special.ellipj(phase * quarter / (0.5 * np.pi), modulus**2)
    angle = 2 * np.arcsin(modulus * cn / dn)
    length = number("length_m")
    return _in_plane(number, length * np.cos(angle), length * np.sin(angle))


def _orbit(number: _Numbers, t: _Array) -> _Array:
    """By halving an interval, where the kernel has Newton's method."""
    e = number("eccentricity")
    mean = number("angular_speed_rad_s") * t + number("phase_rad")
    low, high = mean - 1, mean + 1
    for _ in range(60):
        middle = 0.5 * (low + high)
        is_below = middle - e * np.sin(middle) < mean
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    long, short = number("long_half_axis_m"), number("short_half_axis_m")
    return _in_plane(number, long * np.cos(low), short * np.sin(low))


def _spring(number: _Numbers, t: _Array) -> _Array:
    width = number("amplitude_m") * np.exp(-number("decay_1_s") * t)
    out = width * np.cos(number("angular_speed_rad_s") * t + number("phase_rad"))
    return _anchored(number) + out[..., None] * _vectors(number, ("ux", "uy", "uz"))


def _drag(number: _Numbers, t: _Array) -> _Array:
    slowing = number("slowing_s")
    excess = -slowing * np.expm1(-t / slowing)
    final = _vectors(number, ("fx_m_s", "fy_m_s", "fz_m_s")) * t[..., None]
    return (
        _anchored(number)
        + final
        + _vectors(number, ("ex_m_s", "ey_m_s", "ez_m_s")) * excess[..., None]
    )


def _lissajous(number: _Numbers, t: _Array) -> _Array:
    along, across = (
        number(f"reach_{axis}_m")
        * np.cos(number(f"speed_{axis}_rad_s") * t + number(f"phase_{axis}_rad"))
        for axis in "uw"
    )
    return _in_plane(number, along, across)


def _spiral(number: _Numbers, t: _Array) -> _Array:
    r = number("spiral_radius_m") + number("widening_m_s") * t
    angle = number("angular_speed_rad_s") * t + number("phase_rad")
    return _in_plane(number, r * np.cos(angle), r * np.sin(angle))


def _u_turn(number: _Numbers, t: _Array) -> _Array:
    since = t - number("middle_s")
    angle, r = number("angular_speed_rad_s") * since, number("turn_radius_m")
    straight = np.abs(angle) > 0.5 * np.pi
    along = np.where(straight, r * (0.5 * np.pi - np.abs(angle)), r * np.cos(angle))
    across = np.where(straight, r * np.sign(angle), r * np.sin(angle))
    return _in_plane(number, along, across)


def _stop_and_go(number: _Numbers, t: _Array) -> _Array:
    going, halt, since = number("going_s"), number("halt_s"), number("since_s")
    whole, rest = np.divmod(t + since, going + halt)
    gone = whole * going + np.minimum(rest, going) - since
    return _anchored(number) + gone[..., None] * _travel(number)


def _random_walk(number: _Numbers, t: _Array) -> _Array:
    """By truncated powers, where the kernel has the four polynomials."""
    s = (t - number("first_s")) / number("step_s")
    path = np.zeros((*t.shape, 3))
    for knot in range(9):
        x = s - knot + 1
        weight = sum((-1) ** j * comb(4, j) * np.maximum(x + 2 - j, 0) ** 3 for j in range(5)) / 6
        path += weight[..., None] * _vectors(number, [f"knot{knot}_{axis}_m" for axis in "xyz"])
    return path


KNOWN_PATHS: dict[str, _Path] = {
    "bounce": _bounce,
    "circular": _circular,
    "drag": _drag,
    "helical": _helical,
    "linear": _linear,
    "lissajous": _lissajous,
    "orbit": _orbit,
    "parabolic": _parabolic,
    "pendulum": _pendulum,
    "random_walk": _random_walk,
    "spiral": _spiral,
    "spring": _spring,
    "stop_and_go": _stop_and_go,
    "u_turn": _u_turn,
    "zigzag": _zigzag,
}
"""Name of a law -> its path."""


def paths_from_params(
    laws: Sequence[str],
    labels: NDArray[np.int64],
    params: Mapping[str, _Array],
    times: _Array,
) -> _Array:
    """X(t), float64 (B, T, 3) metres.

    Args:
        laws: of the spec.
        labels: (B,), indices into ``laws``.
        params: each (B,), as a clip's ``params``.
        times: (B, T), seconds from the anchor.

    Raises:
        ArgumentError: a law that is not known here.
    """
    path = np.empty((*times.shape, 3))
    for label, law in enumerate(laws):
        rows = labels == label
        if law not in KNOWN_PATHS:
            raise ArgumentError(f"law: given {law!r:.80}; allowed are {', '.join(KNOWN_PATHS)}")

        def number(name: str, rows: NDArray[np.bool_] = rows) -> _Array:
            return params[name][rows][:, None]

        path[rows] = KNOWN_PATHS[law](number, times[rows])
    return path
