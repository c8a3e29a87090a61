"""The keyed permutation: a bijection for every n, other for every key."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trajdata._loading.permutation import KeyedPermutation

seeds = st.integers(0, 2**63 - 1)


def images(n, seed=0, split="train", epoch=0):
    return KeyedPermutation(n, seed, split, epoch)(np.arange(n))


@pytest.mark.parametrize("n", [*range(1, 70), 127, 128, 129, 1000, 4096, 4097, 30_000])
def test_it_is_a_bijection(n):
    assert np.array_equal(np.sort(images(n)), np.arange(n))


@given(st.integers(1, 3000), seeds, st.integers(0, 2**63 - 1))
@settings(max_examples=60)
def test_it_is_a_bijection_for_every_seed_and_epoch(n, seed, epoch):
    assert np.array_equal(np.sort(images(n, seed, "val", epoch)), np.arange(n))


@given(st.integers(1, 2**63 - 1), seeds, st.data())
@settings(max_examples=60)
def test_images_stay_inside_and_differ_where_positions_do_for_a_large_n(n, seed, data):
    positions = data.draw(st.lists(st.integers(0, n - 1), unique=True, min_size=1, max_size=50))
    found = KeyedPermutation(n, seed, "train", 0)(np.array(positions, np.int64))
    assert found.dtype == np.int64
    assert 0 <= found.min() <= found.max() < n
    assert len(set(found.tolist())) == len(positions)


def test_a_position_has_the_same_image_alone_and_in_company():
    whole = images(1000)
    permutation = KeyedPermutation(1000, 0, "train", 0)
    assert [permutation(np.array([j]))[0] for j in (0, 7, 999)] == whole[[0, 7, 999]].tolist()


def test_seed_split_and_epoch_each_give_another_order():
    orders = [
        images(1000),
        images(1000, seed=1),
        images(1000, split="val"),
        images(1000, epoch=1),
        np.arange(1000),
    ]
    for j, left in enumerate(orders):
        for right in orders[:j]:
            # A random pair of orders agrees in one place on average.
            assert np.count_nonzero(left == right) < 10


def test_neighbours_are_scattered():
    order = images(10_000).astype(float)
    assert abs(np.corrcoef(order, np.arange(10_000))[0, 1]) < 0.05
    assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 0.05


def test_every_order_of_four_occurs_about_as_often():
    counts = {}
    for epoch in range(2400):
        order = tuple(images(4, epoch=epoch).tolist())
        counts[order] = counts.get(order, 0) + 1
    # 100 expected of each of 24; the standard deviation is 10.
    assert len(counts) == 24
    assert max(abs(count - 100) for count in counts.values()) < 50


def test_the_order_is_pinned():
    assert images(10, seed=0, split="train", epoch=0).tolist() == PINNED
    far = KeyedPermutation(10**15, 1, "test", 3)(np.array([0, 1, 10**15 - 1]))
    assert far.tolist() == PINNED_FAR


PINNED = [1, 5, 4, 6, 2, 0, 7, 8, 3, 9]
PINNED_FAR = [348958623921191, 198975369688293, 770512654456665]


def test_a_position_outside_is_refused():
    permutation = KeyedPermutation(10, 0, "train", 0)
    for position in (-1, 10):
        with pytest.raises(ValueError, match=r"positions: given .* allowed are 0 to 9"):
            permutation(np.array([position]))
    assert permutation(np.empty(0, np.int64)).shape == (0,)


@pytest.mark.parametrize(("n", "epoch", "name"), [(0, 0, "n"), (2**63, 0, "n"), (3, -1, "epoch")])
def test_a_number_out_of_range_is_named(n, epoch, name):
    with pytest.raises(ValueError, match=f"^{name}: given"):
        KeyedPermutation(n, 0, "train", epoch)
