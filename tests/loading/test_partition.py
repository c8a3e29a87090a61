"""Which positions a rank and a worker take: integers only, no processes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trajdata._loading.partition import Partition

sizes = st.integers(1, 9)


@st.composite
def cuts(draw):
    """(length, start, batch, world_size) that can be partitioned."""
    world = draw(st.integers(1, 4))
    units = draw(st.integers(1, 40))
    return units * world, draw(st.integers(0, units)) * world, draw(sizes), world


@st.composite
def dropping(draw):
    """The same where what is left over is dropped, with what it is a multiple of."""
    world, batch = draw(st.integers(1, 4)), draw(sizes)
    multiple = world * draw(st.sampled_from((1, batch)))
    length = draw(st.integers(multiple, 40 * multiple))
    return length, draw(st.integers(0, length)), batch, world, multiple


def ranks(length, batch, world):
    return [Partition(length, batch, rank=rank, world_size=world) for rank in range(world)]


def numbered(partition, start):
    return [partition.positions(start, n) for n in range(partition.rank_batches(start))]


def in_turn(workers):
    """What a DataLoader gives out: one batch of each worker in turn, until all have ended."""
    batches = itertools.chain.from_iterable(itertools.zip_longest(*workers))
    return [batch for batch in batches if batch is not None]


@given(cuts())
def test_the_ranks_together_cover_every_position_once_in_order(cut):
    length, start, batch, world = cut
    rows = zip(*(numbered(p, start) for p in ranks(length, batch, world)), strict=True)
    seen = [position for row in rows for part in row for position in part]
    assert seen == list(range(start, length))


@given(cuts())
def test_every_rank_has_as_many_batches_of_the_same_sizes(cut):
    length, start, batch, world = cut
    shapes = [[len(part) for part in numbered(p, start)] for p in ranks(length, batch, world)]
    assert all(shape == shapes[0] for shape in shapes)
    assert all(size == batch for size in shapes[0][:-1])
    assert sum(shapes[0]) == ranks(length, batch, world)[0].rank_clips(start)


@given(cuts(), st.integers(1, 5))
def test_workers_asked_in_turn_give_the_batches_in_order(cut, workers):
    length, start, batch, world = cut
    for partition in ranks(length, batch, world):
        dealt = [list(partition.worker_positions(start, w, workers)) for w in range(workers)]
        assert in_turn(dealt) == numbered(partition, start)


@given(cuts(), st.integers(1, 5), st.data())
def test_a_worker_goes_on_after_any_number_of_clips_given(cut, workers, data):
    length, start, batch, world = cut
    partition = Partition(length, batch, rank=world - 1, world_size=world)
    worker = data.draw(st.integers(0, workers - 1))
    whole = [p for part in partition.worker_positions(start, worker, workers) for p in part]
    given_clips = data.draw(st.integers(0, len(whole)))
    rest = [
        p for part in partition.worker_positions(start, worker, workers, given_clips) for p in part
    ]
    assert rest == whole[given_clips:]


@given(cuts(), st.integers(1, 5), st.data())
def test_consumed_is_the_start_that_goes_on_after_the_latest_batch(cut, workers, data):
    length, start, batch, world = cut
    partition = Partition(length, batch, rank=0, world_size=world)
    batches = numbered(partition, start)
    done = data.draw(st.integers(0, len(batches)))
    latest = 0
    for worker in range(workers):
        mine = sum(len(part) for part in batches[:done][worker::workers])
        latest = max(latest, partition.consumed(start, worker, workers, mine))
    assert latest == partition.after(start, done)
    left = [p for part in numbered(partition, latest) for p in part]
    assert left == [p for part in batches[done:] for p in part]


@given(cuts(), st.data())
def test_a_new_start_is_right_for_another_number_of_ranks(cut, data):
    length, start, batch, world = cut
    done = data.draw(st.integers(0, ranks(length, batch, world)[0].rank_batches(start)))
    consumed = ranks(length, batch, world)[0].after(start, done)
    alone = Partition(length, data.draw(sizes))
    assert [p for part in numbered(alone, consumed) for p in part] == list(range(consumed, length))


@given(dropping())
def test_what_the_ranks_cannot_share_is_dropped_at_the_end(cut):
    length, start, batch, world, multiple = cut
    parts = [Partition(length, batch, rank, world, multiple) for rank in range(world)]
    shown = [numbered(partition, start) for partition in parts]
    seen = [p for row in zip(*shown, strict=True) for part in row for p in part]
    end = length - (length - start) % multiple
    assert seen == list(range(start, end))
    assert len({sum(map(len, batches)) for batches in shown}) == 1
    assert parts[0].end(start) == end == parts[0].after(start, 10**6)
    if multiple == world * batch:
        assert all(len(part) == batch for batches in shown for part in batches)


def test_an_endless_stream_goes_on_for_ever():
    partition = Partition(None, 4, rank=1, world_size=2)
    assert partition.rank_clips(0) is None
    assert partition.rank_batches(0) is None
    parts = partition.worker_positions(3, 1, 2)
    assert list(itertools.islice(parts, 2)) == [range(15, 19), range(31, 35)]
    assert partition.after(3, 10**6) == 3 + 8 * 10**6


def test_a_length_that_the_ranks_cannot_share_is_refused_with_the_nearest_that_work():
    with pytest.raises(ValueError, match=r"length: given 10 .*are 8 and 12, or drop_last=True"):
        Partition(10, 4, rank=0, world_size=4)
    with pytest.raises(ValueError, match=r"length: given 3 with world_size 4.*are 4, or"):
        Partition(3, 4, rank=0, world_size=4)


def test_dropping_what_cannot_be_shared_must_leave_something():
    with pytest.raises(ValueError, match=r"length: given 7 with drop_last=True.* 8 or more"):
        Partition(7, 4, 0, 2, multiple=8)


def test_a_start_that_the_ranks_cannot_share_is_refused_with_the_nearest_that_work():
    with pytest.raises(ValueError, match=r"start: given 5 .* are 4 and 6"):
        Partition(12, 4, rank=0, world_size=2).check_start(5)
    assert Partition(12, 4, rank=0, world_size=2).check_start(12) == 12
    assert Partition(12, 4).check_start(5) == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": 0}, "length: given 0; allowed are whole numbers from 1"),
        ({"length": 2.5}, "length: given 2.5"),
        ({"batch": 0}, "batch: given 0; allowed are whole numbers from 1 on"),
        ({"batch": True}, "batch: given True"),
        ({"world_size": 0}, "world_size: given 0"),
        ({"rank": 2, "world_size": 2}, "rank: given 2; allowed are whole numbers from 0 to 1"),
        ({"rank": -1}, "rank: given -1"),
    ],
)
def test_a_number_out_of_range_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Partition(**{"length": 8, "batch": 2, **arguments})


@pytest.mark.parametrize("start", [-1, 13, 1.0, "3"])
def test_a_start_outside_the_epoch_is_refused(start):
    with pytest.raises(ValueError, match=r"start: given .* from 0 to 12"):
        Partition(12, 4).check_start(start)
