"""Datasets over shards: the same batches as live ones, finished folder or not."""

import pytest
from torch.utils.data import DataLoader

from trajdata import FIELDS, SpecMismatchError, TrajectoryDataset, TrajectoryMapDataset
from trajdata._reading.read_through import live_clips

STREAM = {"seed": 3, "split": "val"}
SETTINGS = {"batch_size": 6, "shuffle": True, "fields": tuple(FIELDS)}


@pytest.fixture(scope="module")
def batches(tiny_spec):
    return list(TrajectoryDataset(tiny_spec, length=50, fresh=False, **STREAM, **SETTINGS))


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_shards_give_the_batches_of_the_live_stream(baked, same, batches, workers):
    dataset = TrajectoryDataset.from_shards(baked, **SETTINGS)
    loader = DataLoader(dataset, batch_size=None, num_workers=workers)
    assert len(loader) == 9
    assert same(list(loader), batches)


def test_shards_are_read_by_spawned_workers(baked, same, batches):
    dataset = TrajectoryDataset.from_shards(baked, **SETTINGS)
    loader = DataLoader(dataset, batch_size=None, num_workers=1, multiprocessing_context="spawn")
    assert same(list(loader), batches)


def test_every_epoch_of_shards_shows_all_of_them(baked, tiny_spec, same):
    read = TrajectoryDataset.from_shards(baked, epoch=2, start=30, rank=1, world_size=2, **SETTINGS)
    live = TrajectoryDataset(
        tiny_spec,
        length=50,
        fresh=False,
        epoch=2,
        start=30,
        rank=1,
        world_size=2,
        **STREAM,
        **SETTINGS,
    )
    assert same(list(read), list(live))
    read.set_epoch(7)
    live.set_epoch(7)
    assert len(read) == 5
    assert same(list(read), list(live))


def test_a_state_goes_from_the_live_stream_to_the_shards(baked, tiny_spec, same, batches):
    live = TrajectoryDataset(tiny_spec, length=50, fresh=False, **STREAM, **SETTINGS)
    running = iter(live)
    seen = [next(running) for _ in range(4)]
    read = TrajectoryDataset.from_shards(baked, **SETTINGS)
    read.load_state_dict(live.state_dict())
    assert same(seen + list(read), batches)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_cache_that_is_not_finished_gives_the_same_batches(
    partly_baked, tiny_spec, same, batches, workers
):
    clips = live_clips(tiny_spec, 3, "val", SETTINGS["fields"], partly_baked)
    assert [clips._cached.contains(i) for i in (0, 7, 8, 15, 16, 35, 49, 50)] == [
        *(True, True, False, False, True, False, True, False)
    ]
    dataset = TrajectoryDataset(
        tiny_spec, length=50, fresh=False, cache=partly_baked, **STREAM, **SETTINGS
    )
    loader = DataLoader(dataset, batch_size=None, num_workers=workers)
    assert same(list(loader), batches)


def test_a_cache_shorter_than_the_epoch_is_gone_on_from_live(baked, tiny_spec, same):
    settings = {"length": 80, "batch_size": 7, "fields": ("video", "label", "params", "equation")}
    cached = TrajectoryDataset(tiny_spec, cache=baked, **STREAM, **settings)
    live = TrajectoryDataset(tiny_spec, **STREAM, **settings)
    for dataset in (cached, live):
        dataset.set_epoch(0)
    assert same(list(cached), list(live))
    for dataset in (cached, live):
        dataset.set_epoch(1)
    assert same(list(cached), list(live))


def test_a_map_dataset_reads_through_a_cache(partly_baked, tiny_spec, same):
    cached = TrajectoryMapDataset(tiny_spec, length=60, cache=partly_baked, **STREAM)
    live = TrajectoryMapDataset(tiny_spec, length=60, **STREAM)
    mixed = [9, 0, 59, 16, 8]
    assert same(cached.__getitems__(mixed), live.__getitems__(mixed))


def test_the_cache_is_really_read(partly_baked, tiny_spec):
    # Shard 0's first video byte is changed behind the index's back: only a reader shows it.
    shard = partly_baked / "val-000000.tar"
    raw = bytearray(shard.read_bytes())
    place = 512 + 128
    raw[place] ^= 255
    shard.write_bytes(raw)
    settings = {"length": 50, "batch_size": 1, **STREAM}
    cached = next(iter(TrajectoryDataset(tiny_spec, cache=partly_baked, **settings)))
    live = next(iter(TrajectoryDataset(tiny_spec, **settings)))
    assert int((cached["video"] != live["video"]).sum()) == 1


def test_a_cache_of_another_stream_is_refused_with_the_difference_named(baked, tiny_spec):
    other = tiny_spec.replace(frames=5)
    for spec, seed, split, names in (
        (other, 3, "val", {"spec.frames"}),
        (tiny_spec, 4, "val", {"seed"}),
        (tiny_spec, 3, "train", {"split"}),
    ):
        with pytest.raises(SpecMismatchError) as caught:
            TrajectoryDataset(spec, seed=seed, split=split, cache=baked)
        assert set(caught.value.differences) == names
        assert str(baked) in str(caught.value)


def test_an_unfinished_folder_is_no_dataset_of_its_own(partly_baked, tmp_path):
    with pytest.raises(ValueError, match="5 of 7 shards"):
        TrajectoryDataset.from_shards(partly_baked, batch_size=4)
    with pytest.raises(ValueError, match="folder: given"):
        TrajectoryDataset.from_shards(tmp_path / "nothing", batch_size=4)


def test_a_folder_that_the_ranks_cannot_share_is_refused(baked):
    with pytest.raises(ValueError, match=r"length: given 50 with world_size 3.*48 and 51"):
        TrajectoryDataset.from_shards(baked, batch_size=4, rank=0, world_size=3)
