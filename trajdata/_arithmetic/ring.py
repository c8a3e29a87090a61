"""Regular polygons in place of circles, by halving arcs: + - * / and square roots alone."""

from __future__ import annotations

import math

from trajdata._arithmetic.trig import TURN

__all__ = ["ring"]

_HIGH = math.sqrt(0.75)


def ring(sides: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]], float]:
    """A polygon in place of the unit circle, counter-clockwise from (1, 0).

    Args:
        sides: 4 or 6, or twice that as often as one likes.

    Returns:
        The directions, of length 1, to its corners; those to the middles of its sides; and how far
        away the corners are, so that it has the circle's area.
    """
    corners = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)]
    if sides % 3 == 0:
        corners = [(1.0, 0.0), (-0.5, _HIGH), (-0.5, -_HIGH)]
    while len(corners) < sides:
        between = _between(corners)
        corners = [point for pair in zip(corners, between, strict=True) for point in pair]
    # A polygon whose corners are 1 away has the area sides / 2 times the sine of one side's angle.
    sine = corners[1][1]
    return corners, _between(corners), math.sqrt(TURN / (sides * sine))


def _between(corners: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The directions half-way from each one to the next."""
    found = []
    for (a, b), (c, d) in zip(corners, [*corners[1:], corners[0]], strict=True):
        x, y = a + c, b + d
        length = math.sqrt(x * x + y * y)
        found.append((x / length, y / length))
    return found
