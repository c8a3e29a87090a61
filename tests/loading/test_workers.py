"""Real DataLoaders: the same batches for any number of workers, however they are started."""

import warnings

import pytest
from torch.utils.data import DataLoader

from trajdata import TrajectoryDataset


@pytest.fixture(scope="module")
def batches(source):
    """What every loader must give out: a short last batch, shuffled, texts and numbers too."""
    return list(dataset(source))


def dataset(source, **changes):
    described = source.with_fields(("video", "index", "params", "caption"))
    return TrajectoryDataset(
        described, **{"length": 22, "batch_size": 4, "shuffle": True, **changes}
    )


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_the_batches_are_the_same_for_every_number_of_workers(source, same, batches, workers):
    loader = DataLoader(dataset(source), batch_size=None, num_workers=workers)
    assert len(loader) == 6
    assert same(list(loader), batches)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_the_batches_are_the_same_however_workers_are_started(source, same, batches, method):
    loader = DataLoader(
        dataset(source), batch_size=None, num_workers=2, multiprocessing_context=method
    )
    assert same(list(loader), batches)


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_collated_single_clips_are_the_same_batches_for_every_number_of_workers(
    source, same, batches, workers
):
    clips = dataset(source, batch_size=None, collate_size=4)
    loader = DataLoader(clips, batch_size=4, num_workers=workers)
    with warnings.catch_warnings():
        # torch warns so where a loader yields more batches than its len().
        warnings.filterwarnings("error", message="Length of IterableDataset")
        assert len(loader) == 6
        assert same(list(loader), batches)


@pytest.mark.parametrize("workers", [0, 3])
def test_dropping_the_last_batch_drops_only_the_short_one(source, same, batches, workers):
    clips = dataset(source, batch_size=None, collate_size=4)
    loader = DataLoader(clips, batch_size=4, num_workers=workers, drop_last=True)
    assert len(loader) == 5
    assert same(list(loader), batches[:5])


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [4, 5])
def test_collated_batches_are_the_same_and_their_len_exact_without_a_collate_size(
    source, workers, size
):
    clips = TrajectoryDataset(source, length=21)
    loader = DataLoader(clips, batch_size=size, num_workers=workers)
    batches = [batch["index"].tolist() for batch in loader]
    assert batches == [list(range(i, min(i + size, 21))) for i in range(0, 21, size)]
    assert len(loader) == len(batches)


@pytest.mark.slow
def test_a_long_epoch_of_single_clips_keeps_all_workers_busy_and_its_len_exact(source):
    run = 230_400
    clips = TrajectoryDataset(source.with_fields(["index"]), length=2 * run + 7)
    loader = DataLoader(clips, batch_size=4096 // 4, num_workers=2)
    firsts = [int(batch["index"][0]) for batch in loader]
    assert firsts[:3] == [0, run, 1024]
    assert len(firsts) == len(loader)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "persistent"), [("fork", True), ("fork", False), ("spawn", True)]
)
def test_setting_the_epoch_reaches_the_workers(source, same, persistent, method):
    loaded = dataset(source, start=10)
    loader = DataLoader(
        loaded,
        batch_size=None,
        num_workers=2,
        persistent_workers=persistent,
        multiprocessing_context=method,
    )
    for epoch in (0, 1, 3):
        loaded.set_epoch(epoch)
        alone = dataset(source, epoch=epoch, start=10 if epoch == 0 else 0)
        assert len(loader) == len(alone)
        assert same(list(loader), list(alone))


def test_an_endless_stream_flows_through_workers(source):
    loader = DataLoader(
        TrajectoryDataset(source, batch_size=3, start=7), batch_size=None, num_workers=2
    )
    with pytest.raises(TypeError):
        len(loader)
    seen = []
    for batch in loader:
        seen += batch["index"].tolist()
        if len(seen) >= 30:
            break
    assert seen == list(range(7, 37))


def test_a_start_stays_right_when_the_number_of_workers_changes(source, same, batches):
    seen = []
    first = dataset(source)
    for batch in DataLoader(first, batch_size=None, num_workers=3):
        seen.append(batch)
        if len(seen) == 2:
            break
    rest = dataset(source, start=first.start_after(len(seen)))
    loader = DataLoader(rest, batch_size=None, num_workers=2)
    assert len(loader) == 4
    assert same(seen + list(loader), batches)


def test_a_state_loaded_in_the_main_process_reaches_the_workers(source, same, batches):
    first = dataset(source)
    running = iter(first)
    seen = [next(running), next(running)]
    resumed = dataset(source)
    resumed.load_state_dict(first.state_dict())
    loader = DataLoader(resumed, batch_size=None, num_workers=3)
    assert len(loader) == 4
    assert same(seen + list(loader), batches)
