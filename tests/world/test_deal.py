import numpy as np
import pytest

from trajdata._arithmetic.philox import key_of
from trajdata._world.deal import deal


def labels_of(indices, classes=4, seed=0):
    labels = np.empty(len(indices), np.int64)
    deal(key_of(seed, 0), np.asarray(indices, np.int64), classes, labels)
    return labels


@pytest.mark.parametrize("classes", [1, 2, 3, 4, 7])
def test_on_every_prefix_the_class_counts_differ_by_at_most_one(classes):
    counts = np.cumsum(np.eye(classes, dtype=int)[labels_of(range(5000), classes)], axis=0)
    assert (counts.max(axis=1) - counts.min(axis=1)).max() <= 1


def test_the_label_of_an_index_does_not_depend_on_what_else_is_asked():
    whole = labels_of(range(400))
    order = np.random.default_rng(0).permutation(400)
    assert np.array_equal(labels_of(order), whole[order])


def test_no_period_of_the_index_gives_the_class_away():
    labels = labels_of(range(48_000))
    for period in range(1, 65):
        place = np.arange(labels.size) % period
        table = np.zeros((period, 4))
        np.add.at(table, (place, labels), 1)
        guessed = table.max(axis=1).sum() / labels.size
        # 0.25 is chance; picking the best of a table's cells lifts it by a few sigma.
        assert guessed < 0.25 + 4 * np.sqrt(0.25 * 0.75 * period / labels.size), period


def test_every_order_of_four_classes_is_dealt_equally_often():
    orders = labels_of(range(4 * 24_000)).reshape(-1, 4) @ np.array([64, 16, 4, 1])
    counts = np.unique(orders, return_counts=True)[1]
    assert counts.size == 24
    chi_square = ((counts - 1000) ** 2 / 1000).sum()
    assert chi_square < 60  # 23 degrees of freedom: P < 5e-5


def test_indices_near_2_to_the_63_are_dealt_too():
    block = np.arange(2**63 - 8, 2**63 - 1, dtype=np.uint64).astype(np.int64)
    assert set(labels_of(block)) <= {0, 1, 2, 3}
