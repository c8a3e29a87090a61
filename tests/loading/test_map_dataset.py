"""TrajectoryMapDataset: random_split, shuffling, samplers, slices and errors."""

import pytest
import torch
from torch.utils.data import (
    DataLoader,
    SequentialSampler,
    WeightedRandomSampler,
    default_collate,
    random_split,
)

from trajdata import FIELDS, Output, TrajectoryDataset, TrajectoryMapDataset, open_shards


@pytest.fixture(scope="module")
def described(source):
    return source.with_fields(tuple(FIELDS))


@pytest.fixture(scope="module")
def clips(described):
    return TrajectoryMapDataset(described, length=30)


def test_a_clip_is_the_one_that_the_stream_shows_there(same, described, clips):
    stream = list(TrajectoryDataset(described, length=30))
    assert len(clips) == 30
    assert same([clips[i] for i in range(30)], stream)
    assert same(clips[-1], clips[29])
    assert same(clips[torch.tensor(7)], clips[7])


def test_everything_but_a_text_is_a_tensor(clips):
    clip = clips[5]
    assert tuple(clip) == tuple(FIELDS)
    for name, value in clip.items():
        if FIELDS[name].dtype == "str":
            assert isinstance(value, str)
        elif name == "params":
            assert all(number.shape == () for number in value.values())
            assert all(number.dtype == torch.float64 for number in value.values())
        else:
            assert value.dtype == getattr(torch, FIELDS[name].dtype)
    assert clip["label"].shape == clip["index"].shape == ()
    assert clip["index"] == 5


def test_a_slice_is_the_batch_of_its_clips(same, clips):
    for part in (slice(0, 4), slice(-3, None), slice(None, None, 7), slice(25, 99)):
        assert same(clips[part], default_collate([clips[i] for i in range(*part.indices(30))]))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_in_order_gives_the_batches_of_the_stream(same, described, clips, workers):
    loader = DataLoader(clips, batch_size=8, num_workers=workers)
    stream = TrajectoryDataset(described, length=30, batch_size=8)
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
    assert [int(clip["index"]) for clip in loader] == list(range(30))


def test_tuples_and_bare_tensors_for_trainers_that_shuffle_them(source):
    output = Output(as_tensor="video", layout="CTHW", dtype="float32")
    clips = TrajectoryMapDataset(source, length=9, output=output)
    batch = next(iter(DataLoader(clips, batch_size=4, shuffle=True)))
    assert (batch.shape, batch.dtype) == ((4, 3, 4, 16, 16), torch.float32)
    pairs = TrajectoryMapDataset(source, length=9, output=Output(as_tuple=("video", "label")))
    assert all(isinstance(value, torch.Tensor) for value in pairs[2])


def test_a_torchvision_user_finds_the_classes(tiny_spec, clips):
    assert clips.classes == tiny_spec.laws
    assert clips.class_to_idx["helical"] == clips.classes.index("helical")
    assert clips.spec == tiny_spec


def test_shards_by_index(same, baked, stored_stream):
    fields, output = ("video", "radius", "caption"), Output(layout="THWC")
    read = TrajectoryMapDataset(open_shards(baked, fields=fields), output=output)
    live = TrajectoryMapDataset(stored_stream.with_fields(fields), length=50, output=output)
    assert len(read) == 50
    assert same(read.__getitems__([49, 0, 7, 8]), live.__getitems__([49, 0, 7, 8]))
    assert same(read[45:], live[45:])
    assert len(TrajectoryMapDataset(open_shards(baked), length=20)) == 20


@pytest.mark.parametrize("index", [30, -31])
def test_an_index_outside_is_an_index_error(clips, index):
    with pytest.raises(IndexError, match="allowed are -30 to 29"):
        clips[index]


@pytest.mark.parametrize("length", [0, -1, 2.0, None])
def test_a_length_that_is_no_count_is_refused(source, length):
    with pytest.raises(ValueError, match="length: given"):
        TrajectoryMapDataset(source, length=length)


def test_more_clips_than_there_are_is_refused(baked):
    with pytest.raises(
        ValueError, match="length: given 51; allowed are whole numbers from 1 to 50"
    ):
        TrajectoryMapDataset(open_shards(baked), length=51)
