"""The geometry of the page's charts, computed from plain numbers.

Curves and cells have coordinates in a square of 1000 x 1000, x to the right and y down, which the
page stretches to the chart's size. Ticks are in percent of the chart's width or height.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trajdata._bake.history import History

__all__ = ["Cell", "RateChart", "ShardMap", "Tick", "rate_chart", "shard_map", "shard_ranges"]

_SIDE = 1000
_MOST_CELLS = 400
_MOST_APART = 100
"""Up to this number of cells, the map shows a gap between neighbours."""

_MOST_X_TICKS = 6
_MOST_Y_TICKS = 4
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_TIME_STEPS = (
    *((step, 1, "s") for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30)),
    *((step * _MINUTE, _MINUTE, "min") for step in (1, 2, 5, 10, 15, 30)),
    *((step * _HOUR, _HOUR, "h") for step in (1, 2, 3, 6, 12)),
    *((step * _DAY, _DAY, "d") for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: ``place`` in percent from the left or the top, and its text."""

    place: float
    text: str


@dataclass(frozen=True)
class RateChart:
    """The rate over the time of all runs.

    Attributes:
        line, area: the curve and the area below it, as the points of an SVG polyline and polygon.
        x_ticks, y_ticks: ticks of the time axis and of the axis of clips a second.
        lowest, highest, last: rates, clips a second.
        seconds: the time at which the curve ends.
    """

    line: str
    area: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lowest: float
    highest: float
    last: float
    seconds: float


@dataclass(frozen=True)
class Cell:
    """A rectangle that stands for neighbouring shards: its left edge, its width, and a height that
    is in proportion to the share of them that is committed."""

    x: float
    width: float
    height: float


@dataclass(frozen=True)
class ShardMap:
    """Which shards are committed.

    Attributes:
        cells: the committed shards, from the first shard at the left to the last at the right.
        shards_a_cell: how many shards one column of the map stands for.
    """

    cells: tuple[Cell, ...]
    shards_a_cell: int


def rate_chart(history: History) -> RateChart | None:
    """The chart of a history, or None if the history has no point yet."""
    if not history:
        return None
    rates = [point.clips_per_second for point in history]
    end = max(history[-1].seconds, 1e-3)
    y_ticks, top = _rate_ticks(max(rates))
    places = [
        (_SIDE * point.seconds / end, _SIDE * (1 - point.clips_per_second / top))
        for point in history
    ]
    if len(places) == 1:  # one stretch: a level line
        places = [(0.0, places[0][1]), *places]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    area = f"{places[0][0]:.1f},{_SIDE} {line} {places[-1][0]:.1f},{_SIDE}"
    return RateChart(line, area, _time_ticks(end), y_ticks, min(rates), max(rates), rates[-1], end)


def shard_map(done: NDArray[np.bool_]) -> ShardMap:
    """The map of some shards. Its number of cells is bounded, however many shards there are.

    Args:
        done: bool (shards,), whether each shard is committed.
    """
    count = len(done)
    a_cell = -(-count // _MOST_CELLS)
    firsts = np.arange(0, count, a_cell)
    sizes = np.diff(np.append(firsts, count))
    shares = np.add.reduceat(done.astype(np.int64), firsts) / sizes
    unit = _SIDE * a_cell / count
    if len(shares) <= _MOST_APART:
        starts = np.arange(len(shares))
        ends, gap = starts + 1, 0.1
    else:
        changes = np.flatnonzero(np.diff(shares)) + 1
        starts = np.append(0, changes)
        ends, gap = np.append(changes, len(shares)), 0.0
    cells = tuple(
        Cell(start * unit, min(end * unit, _SIDE) - (start + gap) * unit, _SIDE * shares[start])
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        if shares[start]
    )
    return ShardMap(cells, a_cell)


def shard_ranges(done: NDArray[np.bool_], most: int) -> tuple[tuple[str, ...], int]:
    """The missing shards as ranges, such as "7" or "12 to 15", and how many ranges are left out.

    Args:
        done: as in ``shard_map``.
        most: the largest number of ranges to name.
    """
    missing = np.concatenate(([False], ~done, [False]))
    edges = np.flatnonzero(missing[1:] != missing[:-1])
    ranges = edges.reshape(-1, 2)
    named = tuple(
        f"{first}" if end - first == 1 else f"{first} to {end - 1}"
        for first, end in ranges[:most].tolist()
    )
    return named, max(0, len(ranges) - most)


def _time_ticks(end: float) -> tuple[Tick, ...]:
    step, unit, name = next(
        (found for found in _TIME_STEPS if end / found[0] <= _MOST_X_TICKS), _TIME_STEPS[-1]
    )
    count = min(int(end / step + 1e-9), _MOST_X_TICKS)
    return tuple(
        Tick(100 * k * step / end, f"{k * step / unit:g} {name}" if k else "0")
        for k in range(count + 1)
    )


def _rate_ticks(highest: float) -> tuple[tuple[Tick, ...], float]:
    """The ticks, and the rate at the top of the chart."""
    step = _round_step(highest / _MOST_Y_TICKS)
    count = max(1, -(-highest // step))
    top = count * step
    ticks = tuple(
        Tick(100 * (1 - k * step / top), f"{k * step:,g}" if step < 1 else f"{k * step:,.0f}")
        for k in range(int(count) + 1)
    )
    return ticks, top


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below ``least``."""
    if least <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(least))
    steps: Sequence[float] = [float(power * factor) for factor in (1, 2, 5, 10)]
    return next((step for step in steps if step >= least * (1 - 1e-9)), steps[-1])
