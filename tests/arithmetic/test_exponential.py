import numpy as np
import pytest

from trajdata._arithmetic.exponential import exp
from trajdata._arithmetic.folding import fold


def test_the_exponential_agrees_with_the_c_library_to_a_few_last_places():
    numbers = np.concatenate([np.linspace(-30, 30, 20001), np.linspace(-700, 700, 2001)])
    ours = np.array([exp(x) for x in numbers])
    assert np.abs(ours / np.exp(numbers) - 1).max() < 6e-16


def test_the_exponential_of_nothing_is_one_and_beyond_its_range_it_stays_finite():
    assert exp(0.0) == 1.0
    assert exp(-1e300) == exp(-700.0) > 0
    assert exp(1e300) == exp(700.0) < np.inf


@pytest.mark.parametrize(
    ("way", "place"), [(0, 0), (1, 1), (1.25, 0.75), (2, 0), (3, -1), (4, 0), (-1.5, -0.5), (9, 1)]
)
def test_a_way_is_folded_between_two_walls(way, place):
    assert fold(float(way)) == place
