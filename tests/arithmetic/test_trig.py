import numpy as np

from trajdata._arithmetic.trig import TURN, cos_sin


def test_cosine_and_sine_agree_with_the_c_library_to_a_few_last_places():
    angles = np.linspace(-100.0, 100.0, 20001)
    ours = np.array([cos_sin(angle) for angle in angles])
    assert np.abs(ours[:, 0] - np.cos(angles)).max() < 3e-14
    assert np.abs(ours[:, 1] - np.sin(angles)).max() < 3e-14
    near = np.abs(angles) <= TURN
    assert np.abs(ours[near, 0] - np.cos(angles[near])).max() < 2e-15


def test_quarter_turns_are_exact():
    assert [tuple(cos_sin(q * TURN / 4)) for q in range(4)] == [(1, 0), (0, 1), (-1, 0), (0, -1)]
