"""What the tests of loading share: equality of batches, and a folder of shards."""

import shutil

import numpy as np
import pytest
import torch

from trajdata import ClipSource, materialize


@pytest.fixture(scope="session")
def same():
    """A function: whether two batches, or lists of batches, hold the same types and values."""

    def compare(left, right):
        if type(left) is not type(right):
            return False
        if isinstance(left, dict):
            return list(left) == list(right) and all(compare(left[k], right[k]) for k in left)
        if isinstance(left, (list, tuple)):
            return len(left) == len(right) and all(map(compare, left, right))
        if isinstance(left, torch.Tensor):
            return left.dtype == right.dtype and torch.equal(left, right)
        if isinstance(left, np.ndarray):
            return left.dtype == right.dtype and np.array_equal(left, right)
        return left == right

    return compare


@pytest.fixture(scope="session")
def source(tiny_spec):
    """The live stream of the tiny spec."""
    return ClipSource(tiny_spec)


@pytest.fixture(scope="session")
def stored_stream(tiny_spec):
    """The live stream that is also in the folder ``baked``."""
    return ClipSource(tiny_spec, 3, "val")


@pytest.fixture(scope="session")
def baked(tiny_spec, tmp_path_factory):
    """A finished folder: clips 0 .. 49 of seed 3, split val, in shards of 8."""
    folder = tmp_path_factory.mktemp("baked") / "out"
    materialize(ClipSource(tiny_spec, 3, "val"), folder, clips=50, shard_clips=8, threads=1)
    return folder


@pytest.fixture
def partly_baked(baked, tmp_path):
    """The same folder as a bake leaves it that was stopped with shards 1 and 4 missing."""
    folder = tmp_path / "out"
    shutil.copytree(baked, folder)
    (folder / "index.json").unlink()
    for shard in ("000001", "000004"):
        (folder / f"val-{shard}.tar").unlink()
        (folder / ".trajdata" / "commits" / f"{shard}.json").unlink()
    return folder
