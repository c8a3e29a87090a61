"""Where curves, ticks and cells lie."""

import re

import numpy as np
import pytest

from trajdata._bake.history import RatePoint
from trajdata._bake.report.charts import rate_chart, shard_map, shard_ranges


def points(text):
    return [tuple(map(float, pair.split(","))) for pair in text.split()]


def test_a_curve_fills_its_square_and_its_ticks_are_round():
    chart = rate_chart((RatePoint(30.0, 1, 500.0), RatePoint(60.0, 2, 1000.0)))
    assert points(chart.line) == [(500, 500), (1000, 0)]
    assert points(chart.area) == [(500, 1000), (500, 500), (1000, 0), (1000, 1000)]
    assert [tick.text for tick in chart.y_ticks] == ["0", "500", "1,000"]
    assert [tick.place for tick in chart.y_ticks] == [100, 50, 0]
    assert [tick.text for tick in chart.x_ticks][:3] == ["0", "10 s", "20 s"]
    assert (chart.lowest, chart.highest, chart.last, chart.seconds) == (500, 1000, 1000, 60)


@pytest.mark.parametrize("seconds", [0.01, 0.3, 1, 7, 59, 61, 600, 3599, 5000, 86_400, 1e6, 5e7])
@pytest.mark.parametrize("rate", [0.0, 0.003, 0.7, 9, 99_999, 123_456])
def test_ticks_are_few_and_inside_whatever_the_time_and_rate(seconds, rate):
    chart = rate_chart((RatePoint(float(seconds), 1, float(rate)),))
    for ticks in (chart.x_ticks, chart.y_ticks):
        assert 1 <= len(ticks) <= 7
        assert all(0 <= tick.place <= 100.001 for tick in ticks)
        assert len({tick.text for tick in ticks}) == len(ticks)
    assert all(-0.1 <= y <= 1000 for _, y in points(chart.line))
    assert not re.search("nan|inf", chart.line + chart.area)


def test_a_history_of_one_stretch_is_a_level_line_and_an_empty_one_no_chart():
    assert points(rate_chart((RatePoint(2.0, 8, 4.0),)).line) == [(0, 0), (1000, 0)]
    assert rate_chart(()) is None


def test_each_of_a_few_shards_has_a_cell_of_its_own():
    drawn = shard_map(np.array([True, False, True, True]))
    assert [cell.x for cell in drawn.cells] == [0, 500, 750]
    assert all(cell.width == pytest.approx(225) and cell.height == 1000 for cell in drawn.cells)
    assert drawn.shards_a_cell == 1


@pytest.mark.parametrize("count", [1, 100, 101, 400, 401, 1000, 100_000, 250_000])
def test_the_map_covers_every_shard_once_and_stays_small(count):
    whole = shard_map(np.ones(count, np.bool_))
    assert max(cell.x + cell.width for cell in whole.cells) <= 1000.001
    if count > 100:
        assert len(whole.cells) == 1
        assert whole.cells[0].width == pytest.approx(1000)
    done = np.random.default_rng(count).random(count) < 0.5
    drawn = shard_map(done)
    assert len(drawn.cells) <= 400
    shown = sum(cell.width * cell.height for cell in drawn.cells) / 1e6
    assert count <= 100 or shown == pytest.approx(done.mean(), abs=0.01)
    assert shard_map(np.zeros(count, np.bool_)).cells == ()


def test_missing_shards_are_named_in_ranges_and_many_are_cut_short():
    done = np.ones(12, np.bool_)
    done[[0, 4, 5, 6, 11]] = False
    assert shard_ranges(done, 5) == (("0", "4 to 6", "11"), 0)
    assert shard_ranges(done, 2) == (("0", "4 to 6"), 1)
    assert shard_ranges(np.ones(3, np.bool_), 5) == ((), 0)
    assert shard_ranges(np.zeros(3, np.bool_), 5) == (("0 to 2",), 0)
