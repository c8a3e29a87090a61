"""TrajectoryMapDataset: random_split, shuffling, samplers, and errors."""

import pytest
import torch
from torch.utils.data import DataLoader, SequentialSampler, WeightedRandomSampler, random_split

from trajdata import FIELDS, TrajectoryDataset, TrajectoryMapDataset


@pytest.fixture(scope="module")
def clips(tiny_spec):
    return TrajectoryMapDataset(tiny_spec, length=30, fields=tuple(FIELDS))


def test_a_clip_is_the_one_that_the_stream_shows_there(tiny_spec, same, clips):
    stream = list(TrajectoryDataset(tiny_spec, length=30, fields=tuple(FIELDS)))
    assert len(clips) == 30
    assert same([clips[i] for i in range(30)], stream)
    assert same(clips[-1], clips[29])
    assert same(clips[torch.tensor(7)], clips[7])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_in_order_gives_the_batches_of_the_stream(tiny_spec, same, clips, workers):
    loader = DataLoader(clips, batch_size=8, num_workers=workers)
    stream = TrajectoryDataset(tiny_spec, length=30, batch_size=8, fields=tuple(FIELDS))
    assert len(loader) == 4
    assert same(list(loader), list(stream))


@pytest.mark.parametrize("workers", [0, 2])
def test_shuffling_shows_every_clip_once(same, clips, workers):
    shuffle = torch.Generator().manual_seed(1)
    loader = DataLoader(clips, batch_size=8, shuffle=True, num_workers=workers, generator=shuffle)
    batches = list(loader)
    order = [index for batch in batches for index in batch["index"].tolist()]
    assert sorted(order) == list(range(30))
    assert order != sorted(order)
    assert torch.equal(batches[1]["video"][3], clips[order[11]]["video"])


def test_a_random_split_shares_the_clips_out(clips):
    parts = random_split(clips, [20, 10], generator=torch.Generator().manual_seed(0))
    shown = [
        [i for batch in DataLoader(part, batch_size=6) for i in batch["index"].tolist()]
        for part in parts
    ]
    assert [len(part) for part in shown] == [20, 10]
    assert sorted(shown[0] + shown[1]) == list(range(30))


def test_samplers_choose_the_clips(clips):
    weights = [0.0] * 29 + [1.0]
    loader = DataLoader(clips, batch_size=5, sampler=WeightedRandomSampler(weights, 10))
    assert [i for batch in loader for i in batch["index"].tolist()] == [29] * 10
    loader = DataLoader(clips, batch_size=None, sampler=SequentialSampler(clips))
    assert [clip["index"] for clip in loader] == list(range(30))


def test_bare_tensors_for_trainers_that_shuffle_them(tiny_spec):
    clips = TrajectoryMapDataset(
        tiny_spec, length=9, as_tensor="video", layout="CTHW", dtype="float32"
    )
    batch = next(iter(DataLoader(clips, batch_size=4, shuffle=True)))
    assert (batch.shape, batch.dtype) == ((4, 3, 4, 16, 16), torch.float32)


def test_shards_by_index(tiny_spec, same, baked):
    settings = {"fields": ("video", "radius", "caption"), "layout": "THWC"}
    read = TrajectoryMapDataset.from_shards(baked, **settings)
    live = TrajectoryMapDataset(tiny_spec, seed=3, split="val", length=50, **settings)
    assert len(read) == 50
    assert same(read.__getitems__([49, 0, 7, 8]), live.__getitems__([49, 0, 7, 8]))


@pytest.mark.parametrize("index", [30, -31])
def test_an_index_outside_is_an_index_error(clips, index):
    with pytest.raises(IndexError, match="allowed are -30 to 29"):
        clips[index]


@pytest.mark.parametrize("length", [0, -1, 2.0, None])
def test_a_length_that_is_no_count_is_refused(tiny_spec, length):
    with pytest.raises(ValueError, match="length: given"):
        TrajectoryMapDataset(tiny_spec, length=length)
