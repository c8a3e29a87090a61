import numpy as np

from trajdata._arithmetic.grid import on_grid


def test_a_number_goes_to_the_nearest_of_the_grid():
    assert on_grid(0.1234567894) == 0.123456789
    assert on_grid(0.1234567896) == 0.12345679
    assert on_grid(-0.1234567894) == -0.123456789
    assert on_grid(-0.1234567896) == -0.12345679


def test_a_number_on_the_grid_stays_what_it_is():
    numbers = np.round(np.random.default_rng(0).uniform(-1e4, 1e4, 1000), 9)
    assert [on_grid(number) for number in numbers] == numbers.tolist()
