"""States: what they say, what they refuse, and what all of a loader's say together."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trajdata import SpecMismatchError
from trajdata._loading.partition import Partition
from trajdata._loading.state import (
    Pass,
    ResumePoint,
    StreamOrder,
    check_state,
    make_state,
    resume_point,
)

STREAM = StreamOrder("f" * 64, seed=3, split="val", length=24, fresh=True, shuffle=False)


def states(partition, workers, batches, start=0, epoch=5):
    """The states of all workers of a loader that has given out that many batches."""
    parts = [partition.positions(start, n) for n in range(batches)]
    return {
        f"worker_{w}": {
            "dataset_state": make_state(
                STREAM,
                partition,
                Pass(epoch, start, w, workers, sum(len(p) for p in parts[w::workers])),
            )
        }
        for w in range(workers)
    }


def test_a_state_is_a_small_dict_of_plain_values():
    state = make_state(STREAM, Partition(24, 4), Pass(2, 0, worker=1, workers=2, given=4))
    assert all(isinstance(value, (int, str, type(None))) for value in state.values())
    assert len(repr(state)) < 500
    # Worker 1 has given the second batch of four.
    assert state["consumed"] == 8


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 4), st.integers(0, 2))
def test_all_workers_together_say_how_many_clips_are_consumed(workers, world, batches, begun):
    partition = Partition(24, 2, rank=world - 1, world_size=world)
    start = begun * world
    batches = min(batches, partition.rank_batches(start))
    state = {"_snapshot": {"_worker_snapshots": states(partition, workers, batches, start)}}
    assert resume_point(state) == ResumePoint(5, min(24, start + batches * 2 * world))


def test_steps_that_a_loader_took_since_its_snapshot_are_counted():
    state = {"a": states(Partition(24, 2), 2, 3), "_steps_since_snapshot": 2}
    assert resume_point(state) == ResumePoint(5, 10)
    assert resume_point({**state, "_steps_since_snapshot": 100}).start == 24


def test_the_state_of_one_worker_of_several_is_not_enough():
    state = states(Partition(24, 2), 2, 3)
    with pytest.raises(ValueError, match=r"states of workers \[0\] of 2"):
        resume_point(state["worker_0"])


def test_clips_dealt_without_regard_to_the_batches_have_no_resume_point():
    # Runs of one clip, but a DataLoader that collates four: worker 0 gave 0, 2, 4 and 6.
    progress = [Pass(0, 0, w, 2, given=clips) for w, clips in ((0, 4), (1, 0))]
    state = {w.worker: make_state(STREAM, Partition(24, 1), w) for w in progress}
    with pytest.raises(ValueError, match=r"batch_size is the collate_size \(1\)"):
        resume_point(state)


def test_a_rank_in_the_middle_of_a_run_has_no_resume_point():
    partition = Partition(24, 4, rank=0, world_size=2)
    state = make_state(STREAM, partition, Pass(0, 0, given=3))
    with pytest.raises(ValueError, match="collate_size"):
        resume_point(state)
    assert resume_point(make_state(STREAM, Partition(24, 4), Pass(0, 0, given=3))).start == 3


def test_a_state_of_an_epoch_whose_last_batch_was_dropped_is_at_its_end():
    partition = Partition(27, 4, 0, 2, multiple=8)
    assert resume_point(states(partition, 2, 3)) == ResumePoint(5, 24)
    assert resume_point({"a": states(partition, 2, 3), "_steps_since_snapshot": 9}).start == 24


def test_a_dict_without_a_state_is_refused():
    for other in ({}, {"epoch": 3}, {"_snapshot": {}}):
        with pytest.raises(ValueError, match="without the state of a TrajectoryDataset"):
            resume_point(other)
    with pytest.raises(ValueError, match=r"state: given a dict with the keys \['epoch'\]"):
        check_state({"epoch": 3}, STREAM)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("fingerprint", "0" * 64),
        ("seed", 4),
        ("split", "train"),
        ("length", 25),
        ("fresh", False),
        ("shuffle", True),
    ],
)
def test_a_state_of_another_stream_is_refused_with_the_difference_named(name, other):
    state = make_state(STREAM, Partition(24, 2), Pass(0, 0))
    check_state(state, STREAM)
    with pytest.raises(SpecMismatchError) as caught:
        check_state(state, dataclasses.replace(STREAM, **{name: other}))
    assert caught.value.differences == {name: (other, getattr(STREAM, name))}


def test_a_state_of_another_partition_is_refused_with_the_way_out():
    state = make_state(STREAM, Partition(24, 2), Pass(0, 0, 0, 2))
    check_state(state, STREAM, Partition(24, 2), (0, 2))
    others = [
        (Partition(24, 3), (0, 2), "batch 2; allowed is one of batch 3"),
        (Partition(24, 2, rank=1, world_size=2), (0, 2), "rank 0; allowed is one of rank 1"),
        (Partition(24, 2), (1, 2), "worker 0"),
        (Partition(24, 2), (0, 3), "workers 2; allowed is one of workers 3"),
    ]
    for partition, worker, message in others:
        with pytest.raises(ValueError, match=message) as caught:
            check_state(state, STREAM, partition, worker)
        assert "resume_point" in str(caught.value)
