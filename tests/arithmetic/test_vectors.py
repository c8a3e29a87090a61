import numpy as np
import pytest

from trajdata._arithmetic.vectors import basis, direction, direction_near_view

PAIRS = np.random.default_rng(0).random((2000, 2))


def test_a_basis_is_orthonormal_and_right_handed():
    for a, b in PAIRS[:200]:
        axis = np.array(direction(a, b))
        numbers = basis(*axis)
        u, w = np.array(numbers[:3]), np.array(numbers[3:])
        frame = np.stack([u, w, axis])
        assert np.abs(frame @ frame.T - np.eye(3)).max() < 1e-12
        assert np.abs(np.cross(u, w) - axis).max() < 1e-12


def test_directions_are_of_unit_length_and_uniform_on_the_sphere():
    found = np.array([direction(a, b) for a, b in PAIRS])
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-12
    # Archimedes: each coordinate is uniform on [-1, 1], so its variance is a third.
    assert np.abs(found.mean(axis=0)).max() < 4 / np.sqrt(3 * len(PAIRS))
    assert found.var(axis=0) == pytest.approx(1 / 3, abs=0.03)


def test_directions_near_the_view_keep_within_the_tilt_in_either_sense():
    tilt = np.cos(np.radians(45))
    found = np.array([direction_near_view(a, b, tilt) for a, b in PAIRS])
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-12
    assert np.abs(found[:, 2]).min() >= tilt - 1e-12
    assert (found[:, 2] > 0).mean() == pytest.approx(0.5, abs=0.05)
    # Uniform in solid angle: its z is uniform between the tilt's and 1.
    assert np.abs(found[:, 2]).mean() == pytest.approx((1 + tilt) / 2, abs=0.01)
