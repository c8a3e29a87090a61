"""Datasets over shards: the same batches as live ones, finished store or not."""

import pytest
from torch.utils.data import DataLoader

from trajdata import (
    DEFAULT_FIELDS,
    SpecMismatchError,
    TrajectoryDataset,
    TrajectoryMapDataset,
    open_shards,
    read_through,
)
from trajdata._clips.fields import TEXT_FIELDS
from trajdata._shards.layout import STANDARD_ARRAYS

SETTINGS = {"batch_size": 6, "shuffle": True}
ALL = (*DEFAULT_FIELDS, *STANDARD_ARRAYS, *TEXT_FIELDS)
"""What a store holds unless it was told otherwise."""


@pytest.fixture(scope="module")
def live(stored_stream):
    return stored_stream.with_fields(ALL)


@pytest.fixture(scope="module")
def stored(baked):
    return open_shards(baked, fields=ALL)


@pytest.fixture(scope="module")
def batches(live):
    return list(TrajectoryDataset(live, length=50, fresh=False, **SETTINGS))


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_shards_give_the_batches_of_the_live_stream(stored, same, batches, workers):
    loader = DataLoader(TrajectoryDataset(stored, **SETTINGS), batch_size=None, num_workers=workers)
    assert len(loader) == 9
    assert same(list(loader), batches)


@pytest.mark.slow
def test_shards_are_read_by_spawned_workers(stored, same, batches):
    dataset = TrajectoryDataset(stored, **SETTINGS)
    loader = DataLoader(dataset, batch_size=None, num_workers=1, multiprocessing_context="spawn")
    assert same(list(loader), batches)


def test_every_epoch_of_shards_shows_all_of_them(stored, live, same):
    settings = {"epoch": 2, "start": 30, "rank": 1, "world_size": 2, **SETTINGS}
    read = TrajectoryDataset(stored, **settings)
    rendered = TrajectoryDataset(live, length=50, fresh=False, **settings)
    assert same(list(read), list(rendered))
    read.set_epoch(7)
    rendered.set_epoch(7)
    assert len(read) == 5
    assert same(list(read), list(rendered))


def test_a_length_takes_the_first_clips_of_a_store(stored):
    dataset = TrajectoryDataset(stored, length=20, batch_size=8)
    assert [batch["index"].tolist() for batch in dataset] == [
        list(range(8)), list(range(8, 16)), list(range(16, 20)),
    ]  # fmt: skip


def test_a_length_beyond_the_store_is_refused(stored):
    with pytest.raises(
        ValueError, match="length: given 51; allowed are whole numbers from 1 to 50"
    ):
        TrajectoryDataset(stored, length=51)


def test_fresh_epochs_of_a_store_go_on_in_it_until_its_end(stored):
    dataset = TrajectoryDataset(stored, length=20, batch_size=20, fresh=True)
    dataset.set_epoch(1)
    assert [batch["index"].tolist() for batch in dataset] == [list(range(20, 40))]
    with pytest.raises(ValueError, match=r"epoch: given 2 .*the source has 50; .* fresh=False"):
        dataset.set_epoch(2)
    with pytest.raises(ValueError, match="epoch: given 2"):
        TrajectoryDataset(stored, length=20, fresh=True, epoch=2)


def test_a_state_goes_from_the_live_stream_to_the_shards(stored, live, same, batches):
    rendered = TrajectoryDataset(live, length=50, fresh=False, **SETTINGS)
    running = iter(rendered)
    seen = [next(running) for _ in range(4)]
    read = TrajectoryDataset(stored, **SETTINGS)
    read.load_state_dict(rendered.state_dict())
    assert same(seen + list(read), batches)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_store_that_is_not_finished_gives_the_same_batches(
    partly_baked, live, same, batches, workers
):
    dataset = TrajectoryDataset(
        read_through(live, partly_baked), length=50, fresh=False, **SETTINGS
    )
    loader = DataLoader(dataset, batch_size=None, num_workers=workers)
    assert same(list(loader), batches)


def test_epochs_beyond_the_store_are_rendered(baked, live, same):
    settings = {"length": 80, "batch_size": 7}
    mixed = TrajectoryDataset(read_through(live, baked), **settings)
    rendered = TrajectoryDataset(live, **settings)
    for epoch in (0, 1):
        for dataset in (mixed, rendered):
            dataset.set_epoch(epoch)
        assert same(list(mixed), list(rendered))


def test_a_map_dataset_reads_through_a_store(partly_baked, live, same):
    mixed = TrajectoryMapDataset(read_through(live, partly_baked), length=60)
    rendered = TrajectoryMapDataset(live, length=60)
    indices = [9, 0, 59, 16, 8]
    assert same(mixed.__getitems__(indices), rendered.__getitems__(indices))


def test_a_store_of_another_stream_is_refused_with_the_difference_named(baked, source):
    with pytest.raises(SpecMismatchError) as caught:
        read_through(source, baked)
    assert set(caught.value.differences) == {"seed", "split"}


def test_a_store_that_the_ranks_cannot_share_is_refused_or_cut(stored):
    ranks = {"batch_size": 4, "rank": 0, "world_size": 3}
    with pytest.raises(ValueError, match=r"length: given 50 with world_size 3.*48 and 51"):
        TrajectoryDataset(stored, **ranks)
    assert len(TrajectoryDataset(stored, drop_last=True, **ranks)) == 4
