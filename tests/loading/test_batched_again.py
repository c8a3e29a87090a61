"""Whole batches that a DataLoader would batch again, and those that it would not."""

import pytest
from torch.utils.data import ChainDataset, DataLoader, IterableDataset

from trajdata import ArgumentError, Output, TrajectoryDataset

OUTPUTS = [Output(), Output(as_tuple=("video", "label")), Output(as_tensor="video")]


def whole(source, **changes):
    return TrajectoryDataset(source, length=64, batch_size=8, **changes)


@pytest.mark.slow
@pytest.mark.parametrize("output", OUTPUTS, ids=["dict", "tuple", "tensor"])
@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("size", [1, 64])
def test_whole_batches_in_a_loader_that_batches_are_refused(source, output, workers, size):
    loading = DataLoader(whole(source, output=output), batch_size=size, num_workers=workers)
    with pytest.raises(ArgumentError, match=r"given 8 to the dataset.*batch_size=None"):
        next(iter(loading))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_they_are_refused_however_workers_are_started(source, method):
    loading = DataLoader(whole(source), batch_size=4, num_workers=1, multiprocessing_context=method)
    with pytest.raises(ArgumentError, match="batch_size=None"):
        next(iter(loading))


def test_a_loader_that_keeps_states_is_refused_too(source):
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader
    for workers in (0, 1):
        with pytest.raises(ArgumentError, match="batch_size=None"):
            next(iter(stateful(whole(source), batch_size=4, num_workers=workers)))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_chain_of_them_is_refused_too(source, workers):
    chain = ChainDataset([whole(source), whole(source)])
    with pytest.raises(ArgumentError, match="batch_size=None"):
        next(iter(DataLoader(chain, batch_size=4, num_workers=workers)))


class OneByOne(IterableDataset):
    """What a user may do with whole batches: take them apart."""

    def __init__(self, inner):
        self.inner = inner

    def __iter__(self):
        for batch in self.inner:
            for row in range(len(batch["index"])):
                yield {name: values[row] for name, values in batch.items()}


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_that_a_user_takes_apart_may_be_batched(source, workers):
    loading = DataLoader(OneByOne(whole(source)), batch_size=16, num_workers=workers)
    assert [batch["video"].shape[0] for batch in loading] == [16] * 4


@pytest.mark.parametrize("workers", [0, 1])
def test_whole_batches_and_single_clips_pass_in_the_loaders_meant_for_them(source, workers):
    batches = DataLoader(whole(source), batch_size=None, num_workers=workers)
    assert [batch["video"].shape[0] for batch in batches] == [8] * 8
    clips = TrajectoryDataset(source, length=64)
    collated = DataLoader(clips, batch_size=16, num_workers=workers)
    assert [batch["video"].shape[0] for batch in collated] == [16] * 4
