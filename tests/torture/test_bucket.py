"""A real S3 server behind a network that fails, and processes on it that are killed."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from itertools import count as counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from tests.cloud.proxy import FAULTS, chaos_proxy
from tests.cloud.server import BUCKET
from tests.patience import SECONDS
from tests.stores import names_in
from tests.torture.zygote import CLIPS, SHARD_CLIPS, SHARDS, SPEC
from trajdata import (
    ClipSource,
    ShardError,
    materialize,
    open_shards,
    repair,
    verify,
)
from trajdata._store import bucket as bucket_module
from trajdata._store.bucket import BucketStore
from trajdata._store.names import COMMITS

pytestmark = [
    pytest.mark.torture,
    pytest.mark.timeout(3000),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="these processes are forked"),
]

ROOT = Path(__file__).parents[2]
KILLS, RACES, TIGHT = 100, 50, 8
POINTS = (0, 2, 7)
"""Which request of an action meets the fault first."""
_prefixes = counter()


def fresh():
    return f"s3://{BUCKET}/torture/{next(_prefixes)}"


def everything(url):
    """Name -> SHA-256 of what must be the same after any history."""
    store = BucketStore(url)
    names = [name for name in names_in(store, "") if name.endswith((".tar", ".json"))]
    names = [name for name in names if name != "progress.json"]
    names += ["README.md", *(f"{COMMITS}/{name}" for name in names_in(store, COMMITS))]
    return {name: hashlib.sha256(store.view(name)).hexdigest() for name in names}


def bake(url):
    materialize(ClipSource(SPEC), url, clips=CLIPS, shard_clips=SHARD_CLIPS, threads=2)


@pytest.fixture(scope="module")
def live():
    return ClipSource(SPEC).batch(range(CLIPS))["video"]


@pytest.fixture
def due(s3_environment):
    url = fresh()
    bake(url)
    return url, everything(url)


@pytest.fixture
def zygote(s3_environment):
    """``start(job, url, folder)`` -> process id; ``ended(process id)`` -> exit code."""
    command = [sys.executable, "-m", "tests.torture.zygote"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        hang = threading.Timer(SECONDS, process.kill)
        hang.start()

        def ask(what):
            process.stdin.write(json.dumps(what) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        try:
            yield (lambda job, url, folder="": ask([job, url, str(folder)])), ask
        finally:
            hang.cancel()
            process.kill()


def kill(process):
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def act_bake(url, folder, live):
    bake(url)


def act_read(url, folder, live):
    stored = open_shards(url, cache_dir=folder)
    assert np.array_equal(stored.batch(range(CLIPS))["video"], live)


def act_read_through_memory(url, folder, live):
    assert np.array_equal(open_shards(url).batch(range(CLIPS))["video"], live)


def act_verify(url, folder, live):
    assert verify(url, full=True).ok


def act_repair(url, folder, live):
    repair(url)


def cut(url, shards):
    """What a bake that was killed after so many shards leaves."""
    store = BucketStore(url)
    for name in ("index.json", "README.md"):
        store.remove(name)
    for shard in range(shards, SHARDS):
        store.remove(f"{COMMITS}/{shard:06d}.json")


ACTIONS = {
    "bake": (act_bake, None),
    "resume": (act_bake, lambda url: cut(url, 5)),
    "read": (act_read, lambda url: None),
    "read without a cache": (act_read_through_memory, lambda url: None),
    "verify": (act_verify, lambda url: None),
    "repair": (act_repair, lambda url: BucketStore(url).remove("train-000004.tar")),
}


@contextmanager
def impatient(monkeypatch):
    """Requests that wait for less long, so that thousands of them can fail."""
    with monkeypatch.context() as patch:
        patch.setattr(bucket_module, "_FIRST_PAUSE_SECONDS", 0.01)
        patch.setattr(bucket_module, "_REQUEST_SECONDS", 2.0)
        patch.setattr(bucket_module, "_LARGE_REQUEST_SECONDS", 2.0)
        yield patch


@pytest.mark.parametrize("stays", [False, True], ids=["passes", "stays for a while"])
def test_no_fault_of_the_network_costs_a_byte(
    due, s3_endpoint, tmp_path, live, monkeypatch, count, part, stays
):
    """An action either does all it has to, or ends with an error that says what happened; after
    that the same action does it, and the bucket is that of a bake without a fault."""
    reference, right = due
    cases = list(product(FAULTS, ACTIONS, POINTS))
    done = failed = faults = 0
    for fault, name, point in part(cases):
        act, prepare = ACTIONS[name]
        url = fresh()
        if prepare:
            copy(reference, url, right)
            prepare(url)
        folder = tmp_path / f"{done}"
        with impatient(monkeypatch) as patch, chaos_proxy(s3_endpoint) as (endpoint, chaos):
            patch.setenv("AWS_ENDPOINT_URL", endpoint)
            chaos.hang_seconds = 3.0
            for_long = 40 if stays else 1

            def decide(method, path, number, *, fault=fault, point=point, for_long=for_long):
                return fault if point <= number < point + for_long else None

            chaos.decide = decide
            try:
                act(url, folder, live)
            except (OSError, ShardError) as error:
                assert str(error)
                failed += 1
            except AssertionError:
                assert fault == "flipped" and name == "verify", (fault, name, point)
                failed += 1
            chaos.decide = lambda method, path, number: None
            act(url, folder, live)
            faults += chaos.faults
        if name.startswith("read"):
            shutil.rmtree(folder, ignore_errors=True)
        assert everything(url) == right, (fault, name, point)
        done += 1
    kind = "for 40 requests on end" if stays else "once"
    count(done, f"actions on S3 that met one of {len(FAULTS)} faults {kind}, {failed} told so")
    count(faults, "requests that met it")


def copy(reference, url, names):
    """A prefix with another one's objects."""
    source, target = BucketStore(reference), BucketStore(url)
    for name in (*names, ".trajdata/recipe.json"):
        held = source.view(name)
        target.put(name, [held], len(held))


def test_processes_on_a_bucket_are_killed_and_nothing_is_left_half(
    due, zygote, tmp_path, count, part
):
    reference, right = due
    start, ended = zygote
    dice = random.Random(12)
    kills = {"bake": 0, "read": 0}
    through = 0
    url, folder = fresh(), tmp_path / "cache"
    for _ in part(range(10 * KILLS)):
        if sum(kills.values()) >= KILLS:
            break
        job = dice.choice(("bake", "read"))
        process = start(job, url if job == "bake" else reference, folder)
        time.sleep(dice.random() * 0.6)
        kill(process)
        code = ended(process)
        if code == -signal.SIGKILL:
            kills[job] += 1
            continue
        assert code == 0, job
        through += 1
        if job == "bake":
            assert everything(url) == right
            url = fresh()
        else:
            shutil.rmtree(folder)
    assert ended(start("bake", url)) == 0
    assert everything(url) == right
    assert set(names_in(BucketStore(url), "")) == set(names_in(BucketStore(reference), ""))
    assert ended(start("read", reference, folder)) == 0
    assert list(folder.glob("*.part")) == []
    for held in folder.glob("*.tar"):
        assert hashlib.sha256(held.read_bytes()).hexdigest() == held.stem
    count(kills["bake"], "SIGKILLs of bakes into a bucket, 0 orphans, identical bytes")
    count(kills["read"], "SIGKILLs of readers that fill a cache")
    count(through + 1, "that came through between them, compared")


def test_two_writers_on_one_prefix_come_to_the_bytes_of_one(due, zygote, count, part):
    _, right = due
    start, ended = zygote
    races = 0
    for _ in part(range(RACES)):
        url = fresh()
        both = [start("bake", url) for _ in range(2)]
        assert [ended(process) for process in both] == [0, 0]
        assert everything(url) == right
        races += 1
    count(races, "races of two writers on one prefix of a bucket")


def test_four_readers_of_one_cache_fetch_each_shard_once(
    due, zygote, s3_endpoint, tmp_path, monkeypatch, count, part
):
    reference, _ = due
    turns = 0
    for turn in part(range(TIGHT)):
        with chaos_proxy(s3_endpoint) as (endpoint, chaos):
            readers = [
                subprocess.Popen(
                    [sys.executable, "-c", READER, reference, str(tmp_path / f"{turn}")],
                    cwd=ROOT,
                    env={**os.environ, "AWS_ENDPOINT_URL": endpoint},
                )
                for _ in range(4)
            ]
            assert [reader.wait(SECONDS) for reader in readers] == [0] * 4
            fetched = {
                path: asked
                for (method, path), asked in chaos.paths.items()
                if method == "GET" and path.endswith(".tar")
            }
        assert len(fetched) == SHARDS
        assert set(fetched.values()) == {1}
        shutil.rmtree(tmp_path / f"{turn}")
        turns += 1
    count(turns * SHARDS, "shards, each fetched once by four processes on one cache")


READER = """
import sys
from tests.torture.zygote import read
read(sys.argv[1], sys.argv[2])
"""


def test_a_tight_cache_never_exceeds_its_bound_whoever_is_killed(
    due, s3_environment, tmp_path, count, part
):
    reference, _ = due
    size = BucketStore(reference).size("train-000000.tar")
    most, folder = int(2.5 * size), tmp_path / "cache"
    command = [sys.executable, "-c", TIGHT_READER, reference, str(folder), str(most)]
    dice, looks, kills, highest = random.Random(3), 0, 0, 0
    for turn in part(range(TIGHT)):
        readers = [
            subprocess.Popen([*command, str(turn), str(n)], cwd=ROOT, stdout=subprocess.PIPE)
            for n in range(4)
        ]
        for reader in readers:
            assert reader.stdout.readline(), "it reads"
        victim, deadline = readers[dice.randrange(4)], time.monotonic() + dice.random() * 0.5
        while any(reader.poll() is None for reader in readers):
            if victim and time.monotonic() > deadline:
                victim.kill()
                victim = None
                kills += 1
            sizes = (
                [path_size(path) for path in folder.glob("*.[tp]ar*")] if folder.exists() else []
            )
            highest = max(highest, sum(sizes))
            looks += 1
            time.sleep(0.002)
        for reader in readers:
            reader.stdout.close()
        assert all(reader.returncode in (0, -signal.SIGKILL) for reader in readers)
        assert highest <= most
    count(looks, f"looks at a tight cache of four readers, {kills} killed, never above its bound")


def path_size(path):
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


TIGHT_READER = """
import random, sys
from tests.torture.zygote import CLIPS, SPEC
from trajdata import ClipSource, open_shards
url, folder, most, *seed = sys.argv[1:]
live, stored = ClipSource(SPEC), open_shards(url, cache_dir=folder, cache_bytes=int(most))
due = live.batch(range(CLIPS))["video"]
print("reading", flush=True)
dice = random.Random("-".join(seed))
for _ in range(30):
    indices = [dice.randrange(CLIPS) for _ in range(3)]
    assert (stored.batch(indices)["video"] == due[indices]).all()
"""
