"""Shards of a bucket come through a cache that processes share and that never grows too big."""

import hashlib
import multiprocessing
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from filelock import FileLock
from torch.utils.data import DataLoader

from tests.cloud.proxy import chaos_proxy
from tests.patience import SECONDS, until
from trajdata import (
    ArgumentError,
    ClipSource,
    ShardError,
    TrajectoryDataset,
    materialize,
    open_shards,
    read_through,
)
from trajdata._store import cache as cache_module
from trajdata._store.bucket import BucketStore
from trajdata._store.cache import ShardCache

CLIPS, SHARD = 96, 8
SHARDS = CLIPS // SHARD


def blob(seed, size=100_000):
    data = random.Random(seed).randbytes(size)
    return data, hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def baked(tiny_spec, tmp_path_factory, s3_endpoint):
    """A baked prefix of the bucket, for all tests of this module."""
    from tests.cloud.server import BUCKET, KEY, SECRET

    url = f"s3://{BUCKET}/cache/{os.getpid()}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
        patch.setenv("AWS_ACCESS_KEY_ID", KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_REGION", "us-east-1")
        materialize(ClipSource(tiny_spec), url, clips=CLIPS, shard_clips=SHARD)
    return url


@pytest.fixture
def shard_bytes(baked, s3_environment):
    return BucketStore(baked).size("train-000000.tar")


def same(source, live, indices=tuple(range(CLIPS))):
    got, due = source.batch(list(indices)), live.batch(list(indices))
    return all(np.array_equal(got[name], due[name]) for name in ("video", "label", "index"))


@pytest.mark.parametrize("cached", [True, False])
def test_the_clips_are_those_of_the_stream(baked, s3_environment, tiny_spec, tmp_path, cached):
    where = {"cache_dir": tmp_path / "cache"} if cached else {}
    stored = open_shards(baked, fields=("video", "label", "index", "caption"), **where)
    live = ClipSource(tiny_spec, fields=("video", "label", "index", "caption"))
    assert stored.clips == CLIPS
    assert same(stored, live)
    assert stored[17]["caption"] == live[17]["caption"]
    assert same(pickle.loads(pickle.dumps(stored)), live)
    assert same(read_through(live, baked, **where), live, [0, 95, 96, 1000])


def test_each_shard_is_fetched_once_by_all_workers_together(
    baked, s3_environment, s3_endpoint, tiny_spec, tmp_path, monkeypatch
):
    with chaos_proxy(s3_endpoint) as (endpoint, chaos):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        for _ in range(2):
            stored = open_shards(baked, cache_dir=tmp_path / "cache")
            dataset = TrajectoryDataset(stored, batch_size=4, fresh=False)
            loader = DataLoader(dataset, batch_size=None, num_workers=3)
            seen = [int(index) for batch in loader for index in batch["index"]]
            assert seen == list(range(CLIPS))
        asked = {
            path: n
            for (method, path), n in chaos.paths.items()
            if path.endswith(".tar") and method == "GET"
        }
    assert set(asked.values()) == {1}
    assert len(asked) == SHARDS


def test_workers_that_shuffle_by_shards_fetch_each_once_into_a_cache_of_three_windows(
    baked, s3_environment, s3_endpoint, tiny_spec, tmp_path, monkeypatch, shard_bytes
):
    with chaos_proxy(s3_endpoint) as (endpoint, chaos):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        stored = open_shards(
            baked, cache_dir=tmp_path / "cache", cache_bytes=9 * shard_bytes + 1000
        )
        # Three workers are no more than nine batches apart, which is less than a window.
        dataset = TrajectoryDataset(stored, batch_size=2, shuffle_shards=3)
        loader = DataLoader(dataset, batch_size=None, num_workers=3)
        seen = [int(index) for batch in loader for index in batch["index"]]
        asked = {
            path: n
            for (method, path), n in chaos.paths.items()
            if path.endswith(".tar") and method == "GET"
        }
    assert sorted(seen) == list(range(CLIPS))
    assert seen != sorted(seen)
    assert set(asked.values()) == {1}
    assert len(asked) == SHARDS


@pytest.mark.slow
def test_the_bound_holds_and_the_bytes_are_right_in_a_cache_that_is_too_small(
    baked, s3_environment, tiny_spec, tmp_path, shard_bytes
):
    folder, most = tmp_path / "cache", int(2.5 * shard_bytes)
    program = (
        "import sys, random; from trajdata import *\n"
        "import numpy as np\n"
        "where, folder, most, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])\n"
        "spec = ClipSpec().replace(frames=4, height=16, width=16)\n"
        "live, stored = ClipSource(spec), open_shards(where, cache_dir=folder, cache_bytes=most)\n"
        "dice = random.Random(seed)\n"
        "for _ in range(40):\n"
        f"    indices = [dice.randrange({CLIPS}) for _ in range(3)]\n"
        "    assert np.array_equal(stored.batch(indices)['video'], live.batch(indices)['video'])\n"
    )
    command = [sys.executable, "-c", program, baked, str(folder), str(most)]
    processes = [subprocess.Popen([*command, str(seed)]) for seed in range(4)]
    cache, highest = ShardCache(folder, most), 0
    while any(process.poll() is None for process in processes):
        if folder.exists():
            highest = max(highest, cache.held_bytes)
        time.sleep(0.002)
    assert [process.returncode for process in processes] == [0] * 4
    assert shard_bytes <= highest <= most


@pytest.mark.slow
def test_a_reader_that_is_killed_while_it_fetches_is_no_obstacle(
    baked, s3_environment, tiny_spec, tmp_path
):
    program = (
        "import sys; from trajdata import open_shards\n"
        "stored = open_shards(sys.argv[1], cache_dir=sys.argv[2])\n"
        "print('open', flush=True)\n"
        f"for i in range({CLIPS}): stored[i]\n"
    )
    folder = tmp_path / "cache"
    for wait in (0.0, 0.01, 0.03):
        process = subprocess.Popen(
            [sys.executable, "-c", program, baked, str(folder)], stdout=subprocess.PIPE
        )
        process.stdout.readline()
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait(SECONDS)
        process.stdout.close()
    assert same(open_shards(baked, cache_dir=folder), ClipSource(tiny_spec))
    until(lambda: not list(folder.glob("*.part")), "what is fetched ahead is whole")


def test_a_shard_with_other_bytes_is_an_error_before_anybody_sees_them(bucket, tiny_spec, tmp_path):
    materialize(ClipSource(tiny_spec), bucket, clips=16, shard_clips=8)
    store = BucketStore(bucket)
    other = bytearray(store.view("train-000001.tar"))
    other[4000] ^= 1
    store.put("train-000001.tar", [memoryview(other)], len(other))
    for where in ({"cache_dir": tmp_path / "cache"}, {}):
        stored = open_shards(bucket, **where)
        assert stored[7]["index"] == 7
        with pytest.raises(ShardError, match=r"train-000001\.tar: expected SHA-256"):
            stored[8]
    assert len(list((tmp_path / "cache").glob("*.tar"))) == 1
    store.remove("train-000001.tar")
    with pytest.raises(ShardError, match=r"train-000001\.tar: expected"):
        open_shards(bucket, cache_dir=tmp_path / "cache")[8]


def test_a_bit_that_flips_on_the_way_is_read_again(
    baked, s3_environment, s3_endpoint, tiny_spec, tmp_path, monkeypatch
):
    with chaos_proxy(s3_endpoint) as (endpoint, chaos):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        stored = open_shards(baked, cache_dir=tmp_path / "cache")
        met = set()

        def flip_the_first(method, path, number):
            if method == "GET" and path.endswith(".tar") and path not in met:
                met.add(path)
                return "flipped"
            return None

        chaos.decide = flip_the_first
        assert same(stored, ClipSource(tiny_spec))
        assert len(met) == SHARDS


def test_a_file_that_is_mapped_is_not_evicted(tmp_path):
    cache = ShardCache(tmp_path / "cache", 250_000)
    blobs = [blob(seed) for seed in range(4)]
    (first, sha), *others = blobs
    assert cache.fetch(sha, len(first), [first], "somewhere")
    held = cache.map(sha, len(first))
    for data, other in others:
        assert cache.fetch(other, len(data), [data], "somewhere")
        assert cache.held_bytes <= 250_000
    assert cache.map(sha, len(first)) is not None
    assert bytes(held) == first
    second = cache.map(others[-1][1], len(first))
    assert second is not None
    data, sha_of_last = blob(9)
    assert not cache.fetch(sha_of_last, len(data), [data], "somewhere")  # all of it is in use
    del held
    assert cache.fetch(sha_of_last, len(data), [data], "somewhere")
    assert cache.map(sha, len(first)) is None


def test_the_shard_that_was_not_used_for_longest_goes_first(tmp_path):
    cache = ShardCache(tmp_path / "cache", 300_000)
    blobs = [blob(seed) for seed in range(4)]
    for data, sha in blobs[:3]:
        cache.fetch(sha, len(data), [data], "somewhere")
        time.sleep(0.01)
    cache.map(blobs[0][1], 100_000)
    time.sleep(0.01)
    cache.fetch(blobs[3][1], 100_000, [blobs[3][0]], "somewhere")
    assert [cache.map(sha, 100_000) is not None for _, sha in blobs] == [True, False, True, True]


def test_what_is_larger_than_the_bound_is_held_in_memory(
    baked, s3_environment, tiny_spec, tmp_path
):
    stored = open_shards(baked, cache_dir=tmp_path / "cache", cache_bytes=10)
    assert same(stored, ClipSource(tiny_spec))
    assert ShardCache(tmp_path / "cache", 10).held_bytes == 0


def test_memory_is_bounded_without_a_folder(baked, s3_environment, tiny_spec, shard_bytes):
    stored = open_shards(baked, cache_bytes=3 * shard_bytes)
    for index in range(0, CLIPS, SHARD):
        stored[index]
        held = sum(view.memory_bytes for view in stored._shards._open.values())
        assert 0 < held <= 3 * shard_bytes
    least = open_shards(baked, cache_bytes=0)
    assert same(least, ClipSource(tiny_spec))
    assert len(least._shards._open) == 1


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "1GB"])
def test_a_bound_that_is_no_number_of_bytes_is_refused(tmp_path, wrong):
    with pytest.raises(ArgumentError, match="cache_bytes: given"):
        ShardCache(tmp_path, wrong)


def test_many_threads_that_want_one_shard_fetch_it_once(tmp_path):
    data, sha = blob(1)
    asked, start = [], threading.Barrier(8)

    def fetch():
        def blocks():
            asked.append(1)
            time.sleep(0.05)
            yield data

        start.wait(SECONDS)
        assert ShardCache(tmp_path, 10**6).fetch(sha, len(data), blocks(), "somewhere")

    threads = [threading.Thread(target=fetch) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert len(asked) == 1


@pytest.mark.parametrize("held", ["shard", "room"])
def test_who_waits_too_long_for_another_process_holds_the_shard_in_memory(
    tmp_path, tiny_spec, monkeypatch, held
):
    materialize(ClipSource(tiny_spec), tmp_path / "out", clips=8, shard_clips=8)
    (promised,) = open_shards(
        tmp_path / "out", cache_dir=tmp_path / "x"
    )._shards.store._promised.values()
    monkeypatch.setattr(cache_module, "_PATIENCE_SECONDS", 0.2)
    (tmp_path / "cache").mkdir()
    name = f"{promised[:2]}.lock" if held == "shard" else "room.lock"
    with FileLock(tmp_path / "cache" / name, timeout=SECONDS):  # as a frozen process would
        assert same(
            open_shards(tmp_path / "out", cache_dir=tmp_path / "cache"),
            ClipSource(tiny_spec),
            range(8),
        )
    assert list((tmp_path / "cache").glob("*.tar")) == []


def test_a_cache_of_a_folder_is_as_good(tmp_path, tiny_spec):
    materialize(ClipSource(tiny_spec), tmp_path / "out", clips=16, shard_clips=8)
    stored = open_shards(tmp_path / "out", cache_dir=tmp_path / "cache")
    assert same(stored, ClipSource(tiny_spec), range(16))
    assert len(list((tmp_path / "cache").glob("*.tar"))) == 2


def test_what_is_read_next_is_not_given_up_for_what_is_read_after_it(tmp_path):
    cache = ShardCache(tmp_path / "cache", 250_000)
    (first, held_sha), (second, next_sha), (third, later_sha) = (blob(seed) for seed in range(3))
    assert cache.fetch(held_sha, len(first), [first], "somewhere")
    held = cache.map(held_sha, len(first))
    assert cache.fetch(next_sha, len(second), [second], "somewhere")
    wanted = later_sha, len(third), [third], "somewhere"
    assert not cache.fetch(*wanted, kept={next_sha}, wait=False)
    assert cache.map(next_sha, len(second)) is not None
    assert cache.fetch(*wanted, kept={next_sha})  # somebody waits for it
    assert cache.map(next_sha, len(second)) is None
    assert bytes(held) == first


def test_forked_workers_fetch_ahead_too(baked, s3_environment, tiny_spec, tmp_path):
    stored = open_shards(baked, cache_dir=tmp_path / "cache")
    stored[0]
    context = multiprocessing.get_context("fork")
    process = context.Process(target=lambda: stored[5 * SHARD] and time.sleep(SECONDS))
    process.start()
    try:
        until(lambda: len(list((tmp_path / "cache").glob("*.tar"))) >= 6, "it has fetched ahead")
    finally:
        process.kill()
        process.join(SECONDS)


def test_a_worker_that_ends_leaves_no_shard_half_fetched(
    baked, s3_environment, s3_endpoint, tmp_path, monkeypatch
):
    with chaos_proxy(s3_endpoint) as (endpoint, chaos):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        stored = open_shards(baked, cache_dir=tmp_path / "cache")
        chaos.decide = lambda method, path, number: "slow" if path.endswith(".tar") else None
        process = multiprocessing.get_context("fork").Process(target=lambda: stored[0])
        process.start()
        process.join(SECONDS)
        assert process.exitcode == 0
        fetched = [
            path for method, path in chaos.paths if method == "GET" and path.endswith(".tar")
        ]
    assert len(fetched) > 1  # one that was read, and one ahead
    assert len(list((tmp_path / "cache").glob("*.tar"))) == len(fetched)
    assert list((tmp_path / "cache").glob("*.part")) == []
