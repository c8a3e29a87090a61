"""Which clip an epoch shows at a position."""

import numpy as np
import pytest

from trajdata._loading.order import Order


def shown(epoch, *, length=10, fresh=True, shuffle=False):
    order = Order(0, "train", length, fresh=fresh, shuffle=shuffle)
    return order.indices(epoch, range(10)).tolist()


def test_fresh_epochs_never_show_a_clip_twice():
    assert shown(0) == list(range(10))
    assert shown(3) == list(range(30, 40))


def test_epochs_that_are_not_fresh_show_the_same_clips():
    assert shown(0, fresh=False) == shown(5, fresh=False) == list(range(10))


@pytest.mark.parametrize("fresh", [True, False])
def test_shuffling_shows_the_clips_of_the_epoch_in_an_order_of_its_own(fresh):
    plain = [shown(epoch, fresh=fresh) for epoch in (0, 1)]
    mixed = [shown(epoch, fresh=fresh, shuffle=True) for epoch in (0, 1)]
    assert [sorted(order) for order in mixed] == plain
    assert mixed[0] != plain[0]
    assert [i % 10 for i in mixed[0]] != [i % 10 for i in mixed[1]]


def test_an_endless_stream_shows_the_clip_of_the_position():
    order = Order(0, "train", None, fresh=True, shuffle=False)
    assert np.array_equal(order.indices(0, range(7, 9)), [7, 8])


def test_fresh_epochs_end_where_the_source_does():
    order = Order(0, "val", 40, fresh=True, shuffle=False, clips=100)
    assert order.check_epoch(1) == 1
    with pytest.raises(ValueError, match=r"epoch: given 2 .*clips 80 to 119.*has 100.*0 to 1"):
        order.check_epoch(2)
    assert Order(0, "val", 40, fresh=False, shuffle=False, clips=100).check_epoch(2) == 2


def test_an_endless_stream_has_no_other_epoch_and_no_shuffle():
    with pytest.raises(ValueError, match=r"epoch: given 1 with length None.*give a length"):
        Order(0, "train", None, fresh=True, shuffle=False).check_epoch(1)
    with pytest.raises(ValueError, match=r"shuffle: given True with length None"):
        Order(0, "train", None, fresh=True, shuffle=True)


@pytest.mark.parametrize("epoch", [-1, 1.5, True, 2**63 // 10])
def test_an_epoch_without_clips_is_refused(epoch):
    with pytest.raises(ValueError, match=r"epoch: given .* whole numbers from 0 to"):
        Order(0, "train", 10, fresh=True, shuffle=False).check_epoch(epoch)


def test_the_last_epoch_of_a_stream_has_indices_below_two_to_the_63():
    order = Order(0, "train", 10, fresh=True, shuffle=False)
    last = 2**63 // 10 - 1
    assert order.check_epoch(last) == last
    assert order.indices(last, [9])[0] == last * 10 + 9


@pytest.mark.parametrize("name", ["fresh", "shuffle"])
def test_a_switch_that_is_no_bool_is_refused(name):
    switches = {"fresh": True, "shuffle": False, name: "yes"}
    with pytest.raises(ValueError, match=f"{name}: given 'yes'; allowed are True and False"):
        Order(0, "train", 10, **switches)
