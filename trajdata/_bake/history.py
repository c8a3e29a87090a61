"""The rate of a bake over time, for all its runs together, in a bounded number of points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from trajdata._errors import ArgumentError

__all__ = ["MOST_POINTS", "History", "RatePoint", "is_due", "parse_history", "with_point"]

MOST_POINTS = 120
_LEAST_SECONDS = 0.25
_MOST = 1e15
"""No bake reaches this number. A larger one, or a NaN, means that the file is damaged."""


class RatePoint(NamedTuple):
    """The end of a stretch of a bake, which begins at the point before, or at the run's first clip.

    Attributes:
        seconds: run time up to this point, summed over all runs, without the time between runs.
        clips: clips of the store that had been rendered by then, committed or not.
        clips_per_second: mean rate over the stretch.
    """

    seconds: float
    clips: int
    clips_per_second: float


History = tuple[RatePoint, ...]


def is_due(history: History, seconds: float) -> bool:
    """Whether the last point is long enough ago for another one at ``seconds``."""
    if not history:
        return True
    return seconds - history[-1].seconds >= max(_LEAST_SECONDS, seconds / MOST_POINTS)


def with_point(history: History, point: RatePoint) -> History:
    """The history with one more point. If that exceeds ``MOST_POINTS``, every two neighbours are
    merged into one point.

    A merged point has the time and the clips of the later one, and the mean rate over both
    stretches, so that the area under the curve does not change.
    """
    longer = (*history, point)
    if len(longer) <= MOST_POINTS:
        return longer
    before = (0.0, *(point.seconds for point in longer))
    merged = [
        _merged(longer[at], longer[at + 1], before[at]) for at in range(0, len(longer) - 1, 2)
    ]
    return tuple(merged) if len(longer) % 2 == 0 else (*merged, longer[-1])


def parse_history(value: object) -> History:
    """Read a history out of parsed JSON: a list of [seconds, clips, clips per second].

    Raises:
        ArgumentError: the value is no such list, is too long, or its times decrease.
    """
    if not isinstance(value, list) or len(value) > MOST_POINTS:
        raise ArgumentError(f"history: allowed is a list of at most {MOST_POINTS} points")
    history = tuple(_parsed(item) for item in value)
    times = [point.seconds for point in history]
    if times != sorted(times):
        raise ArgumentError("history: a point is earlier than the one before it")
    return history


def _parsed(item: object) -> RatePoint:
    if not isinstance(item, list) or len(item) != 3 or not _are_numbers(item):
        raise ArgumentError(f"history: given {item!r:.80}; allowed are three numbers from 0")
    seconds, clips, rate = item
    return RatePoint(float(seconds), int(clips), float(rate))


def _are_numbers(values: Sequence[object]) -> bool:
    # A NaN fails the comparison too.
    return all(type(value) in (int, float) and 0 <= value < _MOST for value in values)  # type: ignore[operator]


def _merged(one: RatePoint, other: RatePoint, start: float) -> RatePoint:
    first, second = one.seconds - start, other.seconds - one.seconds
    whole = first + second
    if whole <= 0:
        return other
    rate = (one.clips_per_second * first + other.clips_per_second * second) / whole
    return RatePoint(other.seconds, other.clips, rate)
