"""A random walk, smooth between its knots: X(t) = sum of b(s - k + 1) P_k, s = (t - T) / h.

b is the cubic B-spline on [-2, 2]. From knot to knot it goes one step of the same length in a
random direction. The knots divide the time window evenly, and the words behind them are addressed
by the knot's number: neither depends on frames.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from trajdata._arithmetic.philox import philox4x32, unit
from trajdata._arithmetic.vectors import direction
from trajdata._jit import kernel
from trajdata._laws.registry import Law, LawSettings

__all__ = ["LAW"]

_PARTS = 6
"""Of the time window; each is one cubic polynomial, of four knots."""

_KNOTS = _PARTS + 3
_NUMBERS = (
    *("first_s", "step_s"),
    *(f"knot{k}_{axis}_m" for k in range(_KNOTS) for axis in "xyz"),
)
_PHRASE = "wanders at random, at {speed_m_s:.2f} m/s where t = 0"
_EQUATION = (
    "X(t) = sum of b((t - ({first_s:.3f})) / {step_s:.3f} - k + 1) P_k, "
    "b the cubic B-spline on [-2, 2], "
    + ", ".join(
        f"P_{k} = ({{knot{k}_x_m:.3f}}, {{knot{k}_y_m:.3f}}, {{knot{k}_z_m:.3f}})"
        for k in range(_KNOTS)
    )
)


class RandomWalkSettings(LawSettings):
    """The numbers of the walk."""

    least_winding: Annotated[float, Field(ge=0, le=10)] = Field(
        0.9,
        description="least sum of what steps from knot to knot differ by on the picture, in "
        "shorter sides",
    )


@kernel
def _place(n, t):  # type: ignore[no-untyped-def]
    """The number of the first of the four knots, and how far t is in its part, of 1."""
    s = (t - n[0]) / n[1]
    part = min(max(np.floor(s), 0.0), _PARTS - 1.0)
    return np.int64(part), s - part


@kernel
def propose(scene, settings, own, w, v, speed, numbers):  # type: ignore[no-untyped-def]
    numbers[0], numbers[1] = scene.start, settings.seconds / _PARTS
    x, y, z = 0.0, 0.0, 0.0
    none = np.uint64(0)
    for k in range(_KNOTS):
        numbers[2 + 3 * k], numbers[3 + 3 * k], numbers[4 + 3 * k] = x, y, z
        # The attempt's own words are the key, the knot is the counter.
        a, b, _, _ = philox4x32(np.uint64(k), none, none, none, w[0], w[1])
        dx, dy, dz = direction(unit(a), unit(b))
        x, y, z = x + dx, y + dy, z + dz
    # Where it passes its anchor it has the scene's speed: the derivative of the spline.
    part, f = _place(numbers, 0.0)
    first, second, third = 0.5 * (1.0 - f) * (1.0 - f), 0.5 + f - f * f, 0.5 * f * f
    size = 0.0
    for axis in range(3):
        at = 2 + 3 * part + axis
        rate = (
            first * (numbers[at + 3] - numbers[at])
            + second * (numbers[at + 6] - numbers[at + 3])
            + third * (numbers[at + 9] - numbers[at + 6])
        )
        size += rate * rate
    scale = speed * numbers[1] / max(np.sqrt(size), 1e-6)
    for j in range(2, 2 + 3 * _KNOTS):
        numbers[j] *= scale
    x, y, z = position(numbers, 0.0)
    for k in range(_KNOTS):
        numbers[2 + 3 * k] += scene.x - x
        numbers[3 + 3 * k] += scene.y - y
        numbers[4 + 3 * k] += scene.z - z


@kernel
def position(n, t):  # type: ignore[no-untyped-def]
    part, f = _place(n, t)
    g = 1.0 - f
    a = g * g * g / 6.0
    b = (4.0 + f * f * (3.0 * f - 6.0)) / 6.0
    c = (4.0 + g * g * (3.0 * g - 6.0)) / 6.0
    d = f * f * f / 6.0
    k = 2 + 3 * part
    return (
        a * n[k] + b * n[k + 3] + c * n[k + 6] + d * n[k + 9],
        a * n[k + 1] + b * n[k + 4] + c * n[k + 7] + d * n[k + 10],
        a * n[k + 2] + b * n[k + 5] + c * n[k + 8] + d * n[k + 11],
    )


@kernel
def least(n, t0, t1, a, b, c):  # type: ignore[no-untyped-def]
    """A B-spline stays within the hull of its knots (de Boor, "A Practical Guide to Splines")."""
    lowest = a * n[2] + b * n[3] + c * n[4]
    for k in range(1, _KNOTS):
        lowest = min(lowest, a * n[2 + 3 * k] + b * n[3 + 3 * k] + c * n[4 + 3 * k])
    return lowest


@kernel
def distinct(scene, settings, own, n, t0, t1):  # type: ignore[no-untyped-def]
    """It winds: what the steps on the picture differ by from knot to knot adds up."""
    winding = 0.0
    for k in range(1, _KNOTS - 1):
        at = 2 + 3 * k
        x = n[at + 3] / n[at + 5] - 2.0 * n[at] / n[at + 2] + n[at - 3] / n[at - 1]
        y = n[at + 4] / n[at + 5] - 2.0 * n[at + 1] / n[at + 2] + n[at - 2] / n[at - 1]
        winding += np.sqrt(x * x + y * y)
    return winding >= own.least_winding


LAW = Law(
    name="random_walk",
    version=1,
    numbers=_NUMBERS,
    phrase=_PHRASE,
    equation=_EQUATION,
    propose=propose,
    position=position,
    least=least,
    distinct=distinct,
    settings=RandomWalkSettings,
)
