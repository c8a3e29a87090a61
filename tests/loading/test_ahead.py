"""Threads that make batches ahead in the trainer's own process."""

import itertools
import threading

import pytest

from tests.patience import SECONDS
from trajdata import TrajectoryDataset, open_shards
from trajdata._loading.ahead import made_ahead


def threads_at_work():
    return [t for t in threading.enumerate() if t.name.startswith("trajdata-prefetch")]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_batches_are_the_same_for_every_number_of_threads(source, same, threads):
    settings = {"length": 22, "batch_size": 4, "shuffle": True, "fresh": False}
    described = source.with_fields(("video", "caption"))
    alone = list(TrajectoryDataset(described, **settings))
    ahead = TrajectoryDataset(described, prefetch_threads=threads, **settings)
    assert same(list(ahead), alone)
    assert not threads_at_work()


def test_baked_clips_are_made_ahead_too(baked, same):
    stored = open_shards(baked)
    alone = list(TrajectoryDataset(stored, batch_size=8))
    assert same(list(TrajectoryDataset(stored, batch_size=8, prefetch_threads=2)), alone)


def test_the_next_batches_are_made_while_the_trainer_is_busy_with_one():
    made = [threading.Event() for _ in range(10)]

    def make(part):
        made[part].set()
        return part

    batches = made_ahead(make, range(10), threads=1)
    assert next(batches) == (0, 0)
    assert made[1].wait(SECONDS)
    assert made[2].wait(SECONDS)
    batches.close()


def test_no_more_is_made_ahead_than_is_said():
    taken = []

    def parts():
        for part in itertools.count():
            taken.append(part)
            yield part

    batches = made_ahead(str, parts(), threads=2)
    for number in range(5):
        assert next(batches) == (number, str(number))
        assert len(taken) <= number + 4
    batches.close()


def test_several_threads_work_at_once_and_the_order_stays():
    both = threading.Barrier(2, timeout=SECONDS)

    def make(part):
        both.wait()
        return -part

    assert list(made_ahead(make, range(6), threads=2)) == [(n, -n) for n in range(6)]


@pytest.mark.parametrize("threads", [0, 2])
def test_an_error_is_raised_at_the_batch_that_it_belongs_to(threads):
    def make(part):
        if part == 3:
            raise OSError("no such shard")
        return part

    batches = made_ahead(make, range(6), threads)
    assert [part for part, _ in itertools.islice(batches, 3)] == [0, 1, 2]
    with pytest.raises(OSError, match="no such shard"):
        next(batches)
    assert not threads_at_work()


def test_the_threads_end_with_a_pass_that_is_dropped_half_way(source):
    stream = iter(TrajectoryDataset(source, batch_size=4, prefetch_threads=3))
    next(stream)
    assert threads_at_work()
    del stream
    assert not threads_at_work()


def test_a_state_counts_what_was_given_out_and_not_what_was_made(source, same):
    settings = {"length": 24, "batch_size": 4}
    alone = list(TrajectoryDataset(source, **settings))
    first = TrajectoryDataset(source, prefetch_threads=2, **settings)
    stream = iter(first)
    seen = [next(stream), next(stream)]
    resumed = TrajectoryDataset(source, prefetch_threads=1, **settings)
    resumed.load_state_dict(first.state_dict())
    assert same(seen + list(resumed), alone)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 4, "prefetch_threads": -1}, "prefetch_threads: given -1; allowed are"),
        ({"batch_size": 4, "prefetch_threads": 1.5}, "prefetch_threads: given 1.5; allowed are"),
        ({"prefetch_threads": 1}, "prefetch_threads: given 1 with batch_size None; allowed is 0"),
    ],
)
def test_a_wrong_number_of_threads_is_refused(source, settings, message):
    with pytest.raises(ValueError, match=message):
        TrajectoryDataset(source, **settings)
