"""Sync is killed: at every file operation of the store that it writes, and as a real command."""

import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.patience import SECONDS, until
from tests.stores import names_in
from tests.torture.fault_disk import FaultDisk, Killed
from tests.torture.test_faults import check_wreck
from tests.torture.tiny import LIVELY, bake, tree
from trajdata import ClipSource, materialize, preset, verify
from trajdata._bake import sync as module
from trajdata._bake.sync import sync
from trajdata._store.bucket import BucketStore
from trajdata._store.disk import Disk
from trajdata._store.folder import FolderStore
from trajdata._store.names import COMMITS, HIDDEN

pytestmark = [pytest.mark.torture, pytest.mark.timeout(3000)]

ROOT = Path(__file__).parents[2]
KILLS, CLIPS, SHARD_CLIPS = 120, 4000, 4
BUCKET_KILLS = 100


@pytest.mark.parametrize("render", [False, True])
@pytest.mark.parametrize("fault", ["kill", "kill after", "short", "ENOSPC", "EIO"])
def test_a_fault_at_every_operation_of_a_sync_spoils_nothing(
    fast, count, part, monkeypatch, fault, render
):
    origin, folder = fast / "from", fast / "to"
    bake(Disk(origin), threads=1)
    due = tree(origin)

    def attempt(disk):
        def opened(where):
            return FolderStore(disk if Path(where) == folder else Disk(where))

        monkeypatch.setattr(module, "open_store", opened)
        try:
            return sync(origin, folder, render=render, threads=1)
        finally:
            disk.close_folders()

    counting = FaultDisk(folder)
    attempt(counting)
    shutil.rmtree(folder)
    trials = 0
    for at in part(range(len(counting.log))):
        disk = FaultDisk(folder, at, fault, False)
        try:
            attempt(disk)
        except Killed:
            assert fault.startswith("kill")
        except OSError:
            assert not fault.startswith("kill")
        check_wreck(folder, origin)
        attempt(Disk(folder))
        assert tree(folder) == due, (fault, at, disk.log[at : at + 1])
        shutil.rmtree(folder)
        trials += 1
    how = "rendering" if render else "copying"
    count(trials, f"trials of {fault}, one at every file operation of a sync that is {how}")


def test_the_real_command_is_killed_at_random_times_and_comes_to_the_same_bytes(fast, count, part):
    origin = fast / "from"
    source = ClipSource(preset("gray-32"))
    materialize(source, origin, clips=CLIPS, shard_clips=SHARD_CLIPS)
    due = tree(origin)

    def start(folder, render):
        words = [sys.executable, "-m", "trajdata", "sync", str(origin), str(folder)]
        words += ["--render"] if render else ["--follow"]
        return subprocess.Popen(
            words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def torment(worker):
        """Kill over and over; when a sync got through, compare it and begin another."""
        chance = random.Random(worker)
        folder = fast / f"killed-{worker}"
        kills = through = 0
        while kills < KILLS // 2 and not (kills and part.is_over):
            with start(folder, chance.random() < 0.3) as process:
                there = len(list(folder.glob("*.tar")))
                if chance.random() < 0.7:  # while it commits; else at whatever it does by then
                    until(
                        lambda there=there, process=process: (
                            process.poll() is not None or len(list(folder.glob("*.tar"))) > there
                        ),
                        "a shard more",
                        wait=0.002,
                    )
                try:
                    process.wait(timeout=chance.random() * 1.5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate(timeout=SECONDS)
                    kills += 1
                    continue
                assert process.returncode == 0, process.stderr.read()
            assert tree(folder) == due
            through += 1
            shutil.rmtree(folder)
        with start(folder, False) as process:
            _, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, errors
        assert tree(folder) == due
        assert verify(folder, full=True).ok
        return kills, through + 1

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(torment, range(2)))
    assert tree(origin) == due
    count(sum(kills for kills, _ in results), "SIGKILLs of the real sync at random times")
    count(sum(through for _, through in results), "syncs that came through them, compared")


def test_a_sync_into_a_bucket_is_killed_at_random_times_and_leaves_nothing_behind(
    fast, count, part, bucket
):
    origin, clips = fast / "from", 400
    materialize(ClipSource(preset("gray-32")), origin, clips=clips, shard_clips=SHARD_CLIPS)
    due = {name: (origin / name).read_bytes() for name in tree(origin)}
    chance, kills, through = random.Random(5), 0, 0

    def start(url):
        words = [sys.executable, "-m", "trajdata", "sync", str(origin), url]
        return subprocess.Popen(
            words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def held(url):
        """Every object below the prefix, but those that tell who and when."""
        store = BucketStore(url)
        names = [name for name in names_in(store, "") if store.size(name) is not None]
        names += [f"{HIDDEN}/{name}" for name in names_in(store, HIDDEN) if name != "commits"]
        names += [f"{COMMITS}/{name}" for name in names_in(store, COMMITS)]
        return {name: bytes(store.view(name)) for name in names if name not in LIVELY}

    while kills < BUCKET_KILLS and not (kills and part.is_over):
        url = f"{bucket}/{through}"
        with start(url) as process:
            try:
                process.wait(timeout=chance.uniform(0.8, 2.8))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate(timeout=SECONDS)
                kills += 1
                continue
            assert process.returncode == 0, process.stderr.read()
        assert held(url) == due
        through += 1
    url = f"{bucket}/{through}"
    with start(url) as process:
        _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, errors
    assert held(url) == due
    count(kills, "SIGKILLs of a sync into a bucket, no object left that belongs to none")
    count(through + 1, "syncs into a bucket that came through them, compared")
