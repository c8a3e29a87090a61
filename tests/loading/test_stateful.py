"""torchdata's StatefulDataLoader, stopped in the middle of an epoch and resumed."""

import json

import pytest

from trajdata import ClipSource, SpecMismatchError, TrajectoryDataset, resume_point

StatefulDataLoader = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader


WORKERS = (0, 1, 2, 3)


def dataset(source, **changes):
    return TrajectoryDataset(source, **{"length": 30, "batch_size": 4, "shuffle": True, **changes})


def loader(dataset_, workers, **settings):
    return StatefulDataLoader(dataset_, batch_size=None, num_workers=workers, **settings)


def stopped(loader_, batches):
    """(batches given out before the stop, state as it comes back from a JSON file)."""
    seen = [batch for _, batch in zip(range(batches), loader_, strict=False)]
    return seen, json.loads(json.dumps(loader_.state_dict()))


@pytest.fixture(scope="module")
def batches(source):
    return list(dataset(source, epoch=2))


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("done", [1, 5])
def test_the_same_workers_go_on_with_exactly_the_batches_left(source, same, batches, workers, done):
    seen, state = stopped(loader(dataset(source, epoch=2), workers), done)
    resumed_dataset = dataset(source)
    resumed = loader(resumed_dataset, workers)
    resumed.load_state_dict(state)
    assert same(seen + list(resumed), batches)
    # The state brought the epoch along, to the main process too; the next one is whole.
    assert resumed_dataset.epoch == 3
    assert same(list(resumed), list(dataset(source, epoch=3)))


@pytest.mark.parametrize("workers", [0, 2])
def test_the_pass_after_a_resumed_one_begins_at_the_first_clip(source, same, workers):
    fixed = {"fresh": False, "shuffle": False}
    _, state = stopped(loader(dataset(source, **fixed), workers), 3)
    resumed = loader(dataset(source, **fixed), workers)
    resumed.load_state_dict(state)
    whole = list(dataset(source, **fixed))
    assert same(list(resumed), whole[3:])
    assert same(list(resumed), whole)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_state_taken_at_the_end_of_an_epoch_starts_the_next_one(source, same, workers):
    first = loader(dataset(source), workers)
    assert len(list(first)) == 8
    state = first.state_dict()
    assert resume_point(state).start == 30
    resumed_dataset = dataset(source)
    resumed = loader(resumed_dataset, workers)
    resumed.load_state_dict(state)
    resumed_dataset.set_epoch(1)
    assert same(list(resumed), list(dataset(source, epoch=1)))


@pytest.mark.parametrize("before", WORKERS)
@pytest.mark.parametrize("after", [0, 2])
def test_another_number_of_workers_goes_on_from_the_resume_point(
    source, same, batches, before, after
):
    seen, state = stopped(loader(dataset(source, epoch=2), before), 5)
    point = resume_point(state)
    assert (point.epoch, point.start) == (2, 20)
    rest = loader(dataset(source, epoch=point.epoch, start=point.start), after)
    assert len(rest) == 3
    assert same(seen + list(rest), batches)


def test_a_resume_point_counts_the_steps_between_two_snapshots(source, same, batches):
    stopping = loader(dataset(source, epoch=2), 2, snapshot_every_n_steps=4)
    seen, state = stopped(stopping, 6)
    assert resume_point(state).start == 24
    resumed = loader(dataset(source), 2, snapshot_every_n_steps=4)
    resumed.load_state_dict(state)
    assert same(seen + list(resumed), batches)


def test_it_can_be_stopped_and_resumed_again_and_again(source, same, batches):
    seen, state = stopped(loader(dataset(source, epoch=2), 2), 2)
    for _ in range(2):
        resumed = loader(dataset(source), 2)
        resumed.load_state_dict(state)
        more, state = stopped(resumed, 2)
        seen += more
    assert resume_point(state).start == 24
    assert same(seen, batches[:6])


@pytest.mark.parametrize("workers", [0, 2])
def test_collated_single_clips_are_resumed_too(source, same, batches, workers):
    def clips():
        return dataset(source, batch_size=None, collate_size=4, epoch=2)

    seen, state = stopped(StatefulDataLoader(clips(), batch_size=4, num_workers=workers), 3)
    assert resume_point(state).start == 12
    resumed = StatefulDataLoader(clips(), batch_size=4, num_workers=workers)
    resumed.load_state_dict(state)
    assert same(seen + list(resumed), batches)


def test_persistent_workers_resume_and_go_on_to_the_next_epoch(source, same, batches):
    seen, state = stopped(loader(dataset(source, epoch=2), 2, persistent_workers=True), 3)
    resumed_dataset = dataset(source)
    resumed = loader(resumed_dataset, 2, persistent_workers=True)
    resumed.load_state_dict(state)
    assert same(seen + list(resumed), batches)
    resumed_dataset.set_epoch(3)
    assert same(list(resumed), list(dataset(source, epoch=3)))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_state_of_another_seed_is_refused_in_the_process_that_reads_it(tiny_spec, workers):
    _, state = stopped(loader(dataset(ClipSource(tiny_spec, 1)), workers), 2)
    resumed = loader(dataset(ClipSource(tiny_spec, 2)), workers)
    resumed.load_state_dict(state)
    # torch carries an error of such a class over from a worker as a RuntimeError with its text.
    kind = RuntimeError if workers else SpecMismatchError
    with pytest.raises(kind, match="seed: asked for 2, it holds 1"):
        next(iter(resumed))


def test_a_workers_state_is_small(source):
    _, state = stopped(loader(dataset(source), 2), 2)
    for worker in state["_snapshot"]["_worker_snapshots"].values():
        assert len(json.dumps(worker)) < 600
