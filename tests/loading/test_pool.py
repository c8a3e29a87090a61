"""Memory of batches in the trainer's own process: used again, and never under who keeps it."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from trajdata import Output, TrajectoryDataset
from trajdata._loading.arrays import ArrayShape
from trajdata._loading.pool import Pool

BATCH = 64
CLIPS = 20 * BATCH
FORMATS = [Output(), Output(dtype="float32", layout="CTHW"), Output(dtype="bfloat16")]


@pytest.fixture(params=FORMATS, ids=["uint8", "float32", "bfloat16"])
def dataset(source, request):
    """Twenty batches of more than the 64 KiB from which on a pool is used."""
    found = TrajectoryDataset(
        source, length=CLIPS, batch_size=BATCH, fresh=False, output=request.param
    )
    assert next(iter(found))["video"].nbytes > 1 << 16
    return found


def addresses(batches):
    return [batch["video"].data_ptr() for batch in batches]


def test_the_memory_of_a_dropped_batch_is_used_again(dataset):
    found = set()
    for batch in DataLoader(dataset, batch_size=None):
        found.add(batch["video"].data_ptr())
    assert len(found) == 2  # one with the trainer while the next is made


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_batches_that_are_kept_never_change(source, threads):
    settings = {"length": CLIPS, "batch_size": BATCH, "fresh": False}
    due = [batch["video"].clone() for batch in TrajectoryDataset(source, **settings)]
    kept = list(TrajectoryDataset(source, prefetch_threads=threads, **settings))
    assert len(set(addresses(kept))) == len(kept)
    assert all(torch.equal(batch["video"], video) for batch, video in zip(kept, due, strict=True))


@pytest.mark.parametrize(
    "part",
    [
        lambda video: video[3],
        lambda video: video[:, 0].transpose(-1, -2),
        lambda video: video.view(-1)[5:900],
        lambda video: torch.from_numpy(video.view(torch.uint8).numpy()[1:4]),
        lambda video: video.detach(),
    ],
    ids=["a clip", "a transposed slice", "a flat view", "through NumPy", "detached"],
)
def test_a_part_that_is_kept_never_changes(dataset, part):
    kept, due = [], []
    for batch in dataset:
        kept.append(part(batch["video"]))
        due.append(kept[-1].clone())
        del batch
    assert all(torch.equal(one, other) for one, other in zip(kept, due, strict=True))


def test_two_passes_at_once_do_not_disturb_each_other(dataset):
    due = [batch["video"].clone() for batch in dataset]
    left, right = iter(dataset), iter(dataset)
    for video in due:
        one, other = next(left)["video"], next(right)["video"]
        assert torch.equal(one, video)
        assert torch.equal(other, video)


def test_no_more_than_was_said_is_kept_for_later():
    pool = Pool({"video": ArrayShape(np.dtype(np.uint8), (1 << 14,))}, clips=64, most=3)
    tracemalloc.start()
    try:
        held = [pool.places(64)["video"] for _ in range(10)]
        assert tracemalloc.get_traced_memory()[0] >= 10 << 20
        del held
        assert 3 << 20 <= tracemalloc.get_traced_memory()[0] < 4 << 20
    finally:
        tracemalloc.stop()


def test_small_arrays_are_left_to_the_allocator():
    pool = Pool({"label": ArrayShape(np.dtype(np.int64), ())}, clips=64, most=3)
    assert pool.places(64) == {}


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_copy_of_a_dataset_has_memory_of_its_own(dataset, copied):
    first = next(iter(dataset))
    other = copied(dataset)
    second = next(iter(other))
    assert torch.equal(first["video"], second["video"])
    assert first["video"].data_ptr() != second["video"].data_ptr()
