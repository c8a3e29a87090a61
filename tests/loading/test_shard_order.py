"""An order that reads each shard once: shards by key, clips mixed within windows of shards."""

import os
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from trajdata import (
    ArgumentError,
    ClipSource,
    SpecMismatchError,
    TrajectoryDataset,
    bake_range,
    materialize,
    open_shards,
    read_through,
    resume_point,
)
from trajdata._loading.order import Order
from trajdata._loading.permutation import KeyedPermutation
from trajdata._loading.shard_order import ShardOrder

CLIPS, SHARD = 94, 8
SHARDS = 12


def plain(first, end, size, width, seed=0, epoch=0):
    """The same order, written as lists."""
    shards = list(range(first // size, (end - 1) // size + 1))
    ranks = KeyedPermutation(len(shards), seed, "train", epoch, 1)(np.arange(len(shards)))
    order, found = [shards[rank] for rank in ranks], []
    for window, at in enumerate(range(0, len(order), width)):
        clips = [
            clip
            for shard in order[at : at + width]
            for clip in range(max(first, shard * size), min(end, (shard + 1) * size))
        ]
        mix = KeyedPermutation(len(clips), seed, "train", epoch, 2 + window)
        found += [clips[place] for place in mix(np.arange(len(clips)))]
    return found


@given(
    st.integers(0, 200),
    st.integers(1, 300),
    st.integers(1, 40),
    st.integers(1, 12),
    st.integers(0, 2**62),
    st.integers(0, 2**62),
)
@settings(max_examples=150)
def test_it_is_the_order_that_lists_make(first, length, size, width, seed, epoch):
    order = ShardOrder(seed, "train", epoch, first, first + length, size, width)
    due = plain(first, first + length, size, width, seed, epoch)
    assert order.indices(np.arange(length)).tolist() == due
    assert sorted(due) == list(range(first, first + length))
    # Any places, in any order, alone and in company.
    places = np.random.default_rng(0).permutation(length)[:7]
    assert order.indices(places).tolist() == [due[place] for place in places]


@given(st.integers(1, 300), st.integers(1, 40), st.integers(1, 12))
@settings(max_examples=60)
def test_each_shard_is_read_in_one_window_only(length, size, width):
    order = ShardOrder(1, "val", 3, 0, length, size, width)
    clips = order.indices(np.arange(length)).tolist()
    windows = [order.window_of(clip) for clip in clips]
    assert windows == sorted(windows)
    assert set(windows) == set(range(order.windows))
    seen = [order.window_shards(window) for window in range(order.windows)]
    assert sorted(shard for shards in seen for shard in shards) == list(order.shards)
    assert all(len(shards) <= width for shards in seen)
    assert order.window_shards(order.windows) == []
    for clip, window in zip(clips, windows, strict=True):
        assert clip // size in seen[window]


def test_a_large_epoch_takes_no_table():
    order = ShardOrder(0, "train", 5, 10**15, 2 * 10**15, 2**20, 64)
    clips = order.indices(np.array([0, 1, 10**15 - 1]))
    assert len(set(clips.tolist())) == 3
    assert ((clips >= 10**15) & (clips < 2 * 10**15)).all()


@given(st.integers(1, 2**63 - 1), st.integers(0, 2**32 - 1), st.data())
@settings(max_examples=60)
def test_a_permutation_can_be_asked_backwards(n, purpose, data):
    positions = np.array(data.draw(st.lists(st.integers(0, n - 1), max_size=20)), np.int64)
    permutation = KeyedPermutation(n, 7, "train", 3, purpose)
    assert np.array_equal(permutation.inverse(permutation(positions)), positions)


def test_each_purpose_epoch_and_seed_has_an_order_of_its_own():
    def order(seed=0, epoch=0, width=3):
        return tuple(
            ShardOrder(seed, "train", epoch, 0, 90, 8, width).indices(np.arange(90)).tolist()
        )

    assert len({order(), order(seed=1), order(epoch=1), order(width=4)}) == 4
    purposes = [KeyedPermutation(90, 0, "train", 0, purpose) for purpose in range(5)]
    assert len({tuple(permutation(np.arange(90))) for permutation in purposes}) == 5


@pytest.fixture(scope="module")
def baked(tmp_path_factory, tiny_spec):
    folder = tmp_path_factory.mktemp("stored") / "out"
    materialize(ClipSource(tiny_spec), folder, clips=CLIPS, shard_clips=SHARD)
    return folder


def of(stored, **changes):
    return TrajectoryDataset(
        stored, **{"batch_size": 4, "shuffle_shards": 3, "length": 88, **changes}
    )


def shown(dataset, workers=0):
    loader = DataLoader(dataset, batch_size=None, num_workers=workers)
    return [clip for batch in loader for clip in batch["index"].tolist()]


@pytest.fixture
def stored(baked):
    return open_shards(baked, fields=("video", "index"))


def test_a_dataset_shows_every_clip_of_its_epoch_once_in_that_order(stored):
    dataset = of(stored, length=None)
    first, second = shown(dataset), shown(dataset)
    assert first == plain(0, CLIPS, SHARD, 3)
    assert second == plain(0, CLIPS, SHARD, 3, epoch=1)
    fresh = of(stored, fresh=True, length=44, epoch=1)
    assert shown(fresh) == plain(44, 88, SHARD, 3, epoch=1)


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_the_batches_are_the_same_for_every_number_of_workers(stored, workers):
    assert shown(of(stored), workers) == plain(0, 88, SHARD, 3)


@pytest.mark.parametrize("drop_last", [False, True])
def test_ranks_share_the_order(stored, drop_last):
    length = 94 if drop_last else 88
    parts = [
        [
            batch["index"].tolist()
            for batch in of(stored, length=length, drop_last=drop_last, rank=rank, world_size=2)
        ]
        for rank in range(2)
    ]
    together = [clip for pair in zip(*parts, strict=True) for part in pair for clip in part]
    assert together == plain(0, length, SHARD, 3)[:88]


def test_it_goes_on_from_a_start_and_from_a_state(stored):
    due = plain(0, 88, SHARD, 3)
    assert shown(of(stored, start=20)) == due[20:]
    dataset = of(stored)
    passing = iter(dataset)
    for _ in range(7):
        next(passing)
    state = dataset.state_dict()
    again = of(stored)
    again.load_state_dict(state)
    assert shown(again) == due[28:]
    point = resume_point(state)
    assert shown(of(stored, epoch=point.epoch, start=point.start, batch_size=6)) == due[28:]


def test_a_state_of_another_order_names_what_differs(stored, baked, tmp_path, tiny_spec):
    state = of(stored).state_dict()
    with pytest.raises(SpecMismatchError, match="shuffle_shards: asked for 4, it holds 3"):
        of(stored, shuffle_shards=4).load_state_dict(state)
    with pytest.raises(SpecMismatchError, match="shuffle_shards: asked for None, it holds 3"):
        of(stored, shuffle_shards=None).load_state_dict(state)
    materialize(ClipSource(tiny_spec), tmp_path / "other", clips=CLIPS, shard_clips=16)
    with pytest.raises(SpecMismatchError, match="shard_clips: asked for 16, it holds 8"):
        of(open_shards(tmp_path / "other")).load_state_dict(state)
    # Where shards are not shuffled, it does not matter how many clips they have.
    of(open_shards(tmp_path / "other"), shuffle_shards=None).load_state_dict(
        of(stored, shuffle_shards=None).state_dict()
    )


def test_an_unfinished_store_that_is_read_through_has_shards_too(tmp_path, tiny_spec):
    live = ClipSource(tiny_spec, fields=("index",))
    bake_range(tmp_path / "part", range(3), live, clips=CLIPS, shard_clips=SHARD)
    through = read_through(live, tmp_path / "part")
    assert shown(of(through, fresh=False)) == plain(0, 88, SHARD, 3)
    assert shown(of(through, length=48, epoch=4)) == plain(192, 240, SHARD, 3, epoch=4)


def test_single_clips_come_in_that_order_too(stored):
    dataset = of(stored, batch_size=None)
    assert [int(clip["index"]) for clip in dataset] == plain(0, 88, SHARD, 3)


def test_what_cannot_be_had_is_an_error_that_says_what_can(stored, tiny_spec):
    with pytest.raises(ArgumentError, match=r"no shards; allowed is trajdata.open_shards"):
        of(ClipSource(tiny_spec))
    with pytest.raises(ArgumentError, match="with shuffle=True, which mixes the whole epoch"):
        of(stored, shuffle=True)
    for wrong in (0, -1, 1.5, True, "3"):
        with pytest.raises(ArgumentError, match="shuffle_shards: given"):
            of(stored, shuffle_shards=wrong)
    with pytest.raises(ArgumentError, match="with length None; only a length"):
        Order(0, "train", None, fresh=True, shuffle=False, shuffle_shards=2, shard_clips=8)
    with pytest.raises(ArgumentError, match=r"length: given .* with shuffle_shards"):
        Order(0, "train", 2**62 + 1, fresh=True, shuffle=False, shuffle_shards=2, shard_clips=8)


class Counting:
    """A source that notes the shards that each batch reads and what it is told to fetch."""

    def __init__(self, stored):
        self._stored, self.read, self.told = stored, [], []

    def __getattr__(self, name):
        return getattr(self._stored, name)

    def __getitem__(self, index):
        return self._stored[index]

    def batch(self, indices, *, out=None):
        self.read.append({int(index) // SHARD for index in indices})
        return self._stored.batch(indices, out=out)

    def fetch_ahead(self, shards):
        self.told.append(shards)


def test_the_source_is_told_the_shards_of_this_window_and_the_next(stored):
    source = Counting(stored)
    for _ in TrajectoryDataset(source, batch_size=8, shuffle_shards=4):
        pass
    order = ShardOrder(0, "train", 0, 0, CLIPS, SHARD, 4)
    windows = [order.window_shards(window) for window in range(4)]
    assert source.told == [windows[0] + windows[1], windows[1] + windows[2], windows[2]]
    last = {shard: at for at, shards in enumerate(source.read) for shard in shards}
    first = {shard: at for at, shards in reversed(list(enumerate(source.read))) for shard in shards}
    assert set(first) == set(range(SHARDS))
    # From the first batch with a shard to its last one are no more than a window's batches.
    assert max(last[shard] - first[shard] for shard in first) <= 4


def test_a_cache_that_holds_two_windows_fetches_each_shard_once(baked, tmp_path, monkeypatch):
    from trajdata._store.folder import FolderStore

    fetched, read = [], FolderStore.read

    def noting(store, name, start, size):
        if name.endswith(".tar") and start == 0:
            fetched.append(name)
        return read(store, name, start, size)

    monkeypatch.setattr(FolderStore, "read", noting)
    # As where the first batch compiles: the next window is fetched long before this one is read.
    utime, now = os.utime, time.time_ns()
    monkeypatch.setattr(os, "utime", lambda file: utime(file, ns=(now + 10**12, now + 10**12)))
    size = (baked / "train-000000.tar").stat().st_size
    stored = open_shards(baked, cache_dir=tmp_path / "cache", cache_bytes=6 * size + 1000)
    assert shown(of(stored, length=None)) == plain(0, CLIPS, SHARD, 3)
    assert sorted(fetched) == [f"train-{shard:06d}.tar" for shard in range(SHARDS)]
