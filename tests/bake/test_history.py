"""The rate over time: bounded, and as much under the curve after thinning as before."""

import pytest

from trajdata._bake.history import MOST_POINTS, RatePoint, is_due, parse_history, with_point


def area(history):
    before = (0.0, *(point.seconds for point in history))
    return sum(
        (point.seconds - start) * point.clips_per_second
        for start, point in zip(before, history, strict=False)
    )


def test_a_long_history_is_thinned_and_loses_no_clip():
    history, clips = (), 0
    for second in range(1, 5001):
        rate = 100 + second % 7
        clips += rate
        if is_due(history, second):
            mean = (clips - (history[-1].clips if history else 0)) / (
                second - (history[-1].seconds if history else 0)
            )
            history = with_point(history, RatePoint(float(second), clips, mean))
        assert len(history) <= MOST_POINTS
    assert len(history) >= MOST_POINTS // 2 - 1
    assert area(history) == pytest.approx(history[-1].clips)
    assert [point.seconds for point in history] == sorted(point.seconds for point in history)
    assert history[-1].seconds > 4950


def test_one_point_too_many_leaves_half_as_many_and_the_last_as_it_is():
    history = tuple(RatePoint(float(k + 1), k, float(k % 2)) for k in range(MOST_POINTS))
    last = RatePoint(MOST_POINTS + 1.0, 7, 9.0)
    thinned = with_point(history, last)
    assert len(thinned) == MOST_POINTS // 2 + 1
    assert thinned[0] == RatePoint(2.0, 1, 0.5)
    assert thinned[-1] == last


def test_points_come_at_most_four_a_second_and_seldom_in_a_long_bake():
    history = (RatePoint(1.0, 1, 1.0),)
    assert is_due((), 0.001)
    assert not is_due(history, 1.2)
    assert is_due(history, 1.25)
    hour = (RatePoint(3600.0, 1, 1.0),)
    assert not is_due(hour, 3620.0)
    assert is_due(hour, 3631.0)


def test_what_json_holds_is_read_back():
    history = (RatePoint(0.5, 3, 6.0), RatePoint(1.5, 4, 1.0))
    assert parse_history([list(point) for point in history]) == history
    assert parse_history([]) == ()


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        "history",
        [1],
        [[1, 2]],
        [[1, 2, "3"]],
        [[1, 2, True]],
        [[1, 2, float("nan")]],
        [[1, 2, float("inf")]],
        [[1, -2, 3]],
        [[1, 10**400, 3]],
        [[2, 0, 0], [1, 0, 0]],
        [[1, 1, 1]] * (MOST_POINTS + 1),
    ],
)
def test_what_is_no_history_is_refused(value):
    with pytest.raises(ValueError, match="history: "):
        parse_history(value)
