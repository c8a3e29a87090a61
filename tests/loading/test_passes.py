"""Which epoch a pass shows where nobody, or not everybody, calls set_epoch."""

import copy
import itertools
import multiprocessing
import os
import pickle
import warnings

import pytest
import torch
from torch.utils.data import ChainDataset, DataLoader, IterableDataset

from tests.patience import SECONDS
from trajdata import ArgumentError, TrajectoryDataset, open_shards

LENGTH, BATCH = 12, 3


def dataset(source, **changes):
    return TrajectoryDataset(source, **{"length": LENGTH, "batch_size": BATCH, **changes})


def loader(dataset_, workers=0, **settings):
    return DataLoader(dataset_, batch_size=None, num_workers=workers, **settings)


def shown(batches):
    return [index for batch in batches for index in batch["index"].tolist()]


def epoch(number):
    return list(range(number * LENGTH, (number + 1) * LENGTH))


HOW = [
    (0, {}),
    (1, {}),
    (2, {}),
    (2, {"persistent_workers": True}),
    (2, {"multiprocessing_context": "spawn"}),
    (2, {"multiprocessing_context": "forkserver", "persistent_workers": True}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "settings"), HOW)
def test_every_pass_shows_the_next_epoch_while_nobody_names_one(source, workers, settings):
    whole = dataset(source)
    loading = loader(whole, workers, **settings)
    for number in range(3):
        assert whole.epoch == number
        assert shown(loading) == epoch(number)


@pytest.mark.parametrize(("workers", "settings"), HOW[:4])
def test_a_pass_that_was_broken_off_is_not_shown_again(source, workers, settings):
    whole = dataset(source)
    loading = loader(whole, workers, **settings)
    for number in range(6):
        assert shown(itertools.islice(loading, number % 3)) == epoch(number)[: BATCH * (number % 3)]


@pytest.mark.parametrize("workers", [0, 2])
def test_the_loaders_may_change_from_pass_to_pass(source, workers):
    whole = dataset(source, shuffle=True)
    kept = loader(whole, 2, persistent_workers=True)
    order = [kept, kept, loader(whole, workers), kept, whole, loader(whole, 1)]
    # A persistent loader counts on from the pass it began with: what others showed in between
    # it does not see, so that it is the one exception.
    seen = [sorted(shown(each)) for each in order[:3]] + [sorted(shown(each)) for each in order[4:]]
    assert seen == [epoch(0), epoch(1), epoch(2), epoch(3), epoch(4)]


def test_passes_seeded_alike_are_told_apart(source):
    whole = dataset(source)
    for number in range(3):
        seeded = loader(whole, 2, generator=torch.Generator().manual_seed(0))
        assert shown(seeded) == epoch(number)


def test_two_loaders_at_once_show_two_epochs(source):
    whole = dataset(source)
    both_are_made = multiprocessing.Event()
    # The first loader's workers begin last.
    first = iter(loader(whole, 2, worker_init_fn=lambda worker: both_are_made.wait(SECONDS)))
    second = iter(loader(whole, 1))
    both_are_made.set()
    assert shown(second) == epoch(1)
    assert shown(first) == epoch(0)


def test_another_datasets_loader_does_not_take_an_epoch(source):
    whole, validation = dataset(source), dataset(source, fresh=False)
    assert shown(loader(whole, 2)) == epoch(0)
    assert shown(loader(validation, 2)) == epoch(0)
    assert shown(loader(whole, 2)) == epoch(1)


class Wrapped(IterableDataset):
    def __init__(self, inner):
        self.parts = {"inner": [inner]}

    def __iter__(self):
        yield from self.parts["inner"][0]


@pytest.mark.parametrize("wrapped", [Wrapped, lambda whole: ChainDataset([whole])])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_dataset_that_is_wrapped_goes_on_as_well(source, wrapped, workers):
    whole = wrapped(dataset(source))
    for number in range(3):
        assert shown(loader(whole, workers)) == epoch(number)


def test_a_state_loader_goes_on_as_well(source):
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader
    for workers, persistent in ((0, False), (2, False), (2, True)):
        loading = stateful(
            dataset(source), batch_size=None, num_workers=workers, persistent_workers=persistent
        )
        assert [shown(loading) for _ in range(3)] == [epoch(number) for number in range(3)]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("persistent", [False, True])
def test_after_a_resumed_pass_comes_the_epoch_after_its_own(source, workers, persistent):
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader
    settings = {
        "batch_size": None,
        "num_workers": workers,
        "persistent_workers": persistent and workers > 0,
    }
    first = stateful(dataset(source, epoch=4), **settings)
    seen = shown(itertools.islice(first, 2))
    resumed = stateful(dataset(source), **settings)
    resumed.load_state_dict(first.state_dict())
    assert seen + shown(resumed) == epoch(4)
    assert shown(resumed) == epoch(5)
    assert shown(resumed) == epoch(6)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_state_loaded_into_the_dataset_is_used_once(source, workers):
    first = dataset(source, epoch=2)
    running = iter(first)
    next(running)
    resumed = dataset(source)
    resumed.load_state_dict(first.state_dict())
    loading = loader(resumed, workers)
    assert [shown(loading) for _ in range(3)] == [epoch(2)[BATCH:], epoch(3), epoch(4)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_start_is_used_once(source, workers):
    loading = loader(dataset(source, start=6, epoch=1), workers)
    assert [shown(loading) for _ in range(2)] == [epoch(1)[6:], epoch(2)]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_an_epoch_that_was_named_is_shown_again_only_with_a_warning(source, workers):
    whole = dataset(source)
    loading = loader(whole, workers)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number in (3, 1):
            whole.set_epoch(number)
            assert shown(loading) == epoch(number)
        assert noted(caught) == 0
        assert shown(loading) == epoch(1)
        assert noted(caught) == 1


@pytest.mark.slow
def test_persistent_workers_say_on_standard_error_that_an_epoch_is_shown_again(source, capfd):
    whole = dataset(source)
    # A forked one would have the test's own recorder of warnings.
    loading = loader(whole, 2, persistent_workers=True, multiprocessing_context="spawn")
    for number in (3, 1):
        whole.set_epoch(number)
        assert shown(loading) == epoch(number)
    assert "is shown again" not in capfd.readouterr().err
    assert shown(loading) == epoch(1)
    del loading
    assert capfd.readouterr().err.count("epoch 1 of a TrajectoryDataset is shown again") == 1


def noted(caught):
    return sum("is shown again" in str(warning.message) for warning in caught)


def test_epochs_that_show_the_same_clips_anyway_may_be_repeated(source):
    whole = dataset(source, fresh=False)
    whole.set_epoch(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert shown(whole) == shown(whole) == epoch(0)


def test_an_order_that_is_shuffled_is_another_one_in_every_pass_of_a_store(baked):
    whole = TrajectoryDataset(open_shards(baked), batch_size=10, shuffle=True)
    one, other = shown(loader(whole, 2)), shown(loader(whole, 2))
    assert one != other
    assert sorted(one) == sorted(other) == list(range(50))


def test_fresh_passes_of_a_store_end_with_an_error_where_it_does(baked):
    whole = TrajectoryDataset(open_shards(baked), length=20, batch_size=10, fresh=True)
    assert shown(whole) + shown(whole) == list(range(40))
    with pytest.raises(ArgumentError, match=r"epoch: given 2 with fresh=True.*source has 50"):
        next(iter(whole))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_second_pass_over_an_endless_stream_is_refused(source, workers):
    endless = TrajectoryDataset(source, batch_size=BATCH)
    loading = loader(endless, workers)
    assert shown(itertools.islice(loading, 2)) == [0, 1, 2, 3, 4, 5]
    with pytest.raises(ArgumentError, match=r"length: given None.*iterated before.*fresh=False"):
        next(iter(loading))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_an_endless_stream_that_may_repeat_begins_again(source, workers):
    loading = loader(TrajectoryDataset(source, batch_size=BATCH, fresh=False), workers)
    for _ in range(2):
        assert shown(itertools.islice(loading, 2)) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_copy_goes_on_by_itself(source, copied):
    whole = dataset(source)
    assert shown(whole) == epoch(0)
    other = copied(whole)
    assert shown(whole) == epoch(1)
    assert shown(other) == epoch(1)


def rank_program(whole, answer):
    loading = loader(whole, 2, multiprocessing_context="fork")
    answer.put([shown(loading) for _ in range(2)])


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_ranks_that_are_started_with_the_dataset_count_each_for_itself(source, method):
    whole = dataset(source)
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    ranks = [context.Process(target=rank_program, args=(whole, answers)) for _ in range(2)]
    for rank in ranks:
        rank.start()
    try:
        found = [answers.get(timeout=SECONDS) for _ in ranks]
    finally:
        for rank in ranks:
            rank.join(30)
            rank.kill()
    assert found == [[epoch(0), epoch(1)]] * 2
    assert whole.epoch == 0
    assert os.getpid() == whole._passes._owner
