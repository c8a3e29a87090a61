"""A bake can be stopped at any instant, and comes to the same bytes."""

import errno
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.patience import SECONDS, until
from tests.stores import progress_of, recipe_of, write_recipe
from trajdata import (
    ArgumentError,
    ClipSource,
    ClipSpec,
    LockedError,
    ShardError,
    SpecMismatchError,
    materialize,
)
from trajdata._bake.run import materialize_on
from trajdata._bake.verify import verify
from trajdata._reading.stored import open_shards
from trajdata._shards.strict_json import canonical, sealed
from trajdata._store.disk import Disk
from trajdata._store.folder import FolderStore

CLIPS, SHARD = 100, 8
PROGRAM = """
import sys
from trajdata import ClipSource, ClipSpec, materialize
spec = ClipSpec().replace(frames=4, height=16, width=16)
clips, shard, threads = map(int, sys.argv[2:5])
materialize(ClipSource(spec), sys.argv[1], clips=clips, shard_clips=shard, threads=threads)
"""


def tree(folder):
    """Every path below a folder with its bytes and its time of change."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else None,
        )
        for path in sorted([folder, *folder.rglob("*")])
    }


def data(folder):
    """What must be the same after any history: the shards, index.json, the card, the records."""
    paths = [*folder.glob("*.tar"), folder / "index.json", folder / "README.md"]
    paths += (folder / ".trajdata" / "commits").iterdir()
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny_spec):
    """A folder that was baked in one go by one thread."""
    folder = tmp_path_factory.mktemp("whole")
    materialize(ClipSource(tiny_spec), folder, clips=CLIPS, shard_clips=SHARD, threads=1)
    return folder


@pytest.fixture
def started(tmp_path, tiny_spec):
    """A folder whose bake was stopped by an exception half-way."""
    folder = tmp_path / "started"

    def stop(report):
        if report.clips_done >= CLIPS // 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        materialize(
            ClipSource(tiny_spec),
            folder,
            clips=CLIPS,
            shard_clips=SHARD,
            threads=1,
            on_progress=stop,
        )
    return folder


def start(folder, clips=CLIPS, shard=SHARD, threads=2):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(clips), str(shard), str(threads)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def wait_for_commits(process, folder, count):
    commits = folder / ".trajdata" / "commits"

    def are_there():
        assert process.poll() is None, process.communicate()[1]
        return commits.is_dir() and len(list(commits.iterdir())) >= count

    until(are_there, f"{count} shards are committed", wait=0.001)


def test_a_bake_holds_the_clips_of_the_source(whole, tiny_spec):
    fields = ("video", "label", "index", "trajectory", "caption")
    read = open_shards(whole, fields=fields).batch(range(CLIPS))
    rendered = ClipSource(tiny_spec, fields=fields).batch(range(CLIPS))
    for name in fields:
        assert np.array_equal(read[name], rendered[name]), name


def test_the_report_and_the_folder_say_what_was_done(tmp_path, tiny_spec):
    seen = []
    report = materialize(
        ClipSource(tiny_spec),
        tmp_path / "a" / "b",
        clips=20,
        shard_clips=8,
        on_progress=seen.append,
    )
    folder = tmp_path / "a" / "b"
    assert (report.clips, report.shards) == (20, 3)
    assert (report.clips_written, report.shards_written) == (20, 3)
    assert report.where == str(folder)
    assert report.clips_per_second > 0
    assert {path.name for path in folder.iterdir()} == {
        *(".trajdata", "README.md", "index.json", "preview.png"),
        *("PROGRESS.txt", "progress.json", "report.html"),
        *(f"train-{shard:06d}.tar" for shard in range(3)),
    }
    assert seen[0].status == "running"
    assert seen[-1] == progress_of(folder)
    assert seen[-1].status == "done"
    assert sum(seen[-1].class_counts.values()) == seen[-1].clips_done == 20
    assert list((folder / ".trajdata" / "tmp").iterdir()) == []


@pytest.mark.parametrize("threads", [2, 5])
def test_the_number_of_threads_does_not_change_a_byte(tmp_path, whole, tiny_spec, threads):
    materialize(ClipSource(tiny_spec), tmp_path, clips=CLIPS, shard_clips=SHARD, threads=threads)
    assert data(tmp_path) == data(whole)


def test_a_complete_folder_is_left_as_it_is(whole, tiny_spec):
    before = tree(whole)
    report = materialize(ClipSource(tiny_spec), whole, clips=CLIPS)
    assert (report.clips_written, report.shards_written) == (0, 0)
    assert tree(whole) == before


def test_a_stopped_bake_says_so_and_resumes_to_the_same_bytes(started, whole, tiny_spec):
    report = progress_of(started)
    assert report.status == "interrupted"
    assert 0 < report.clips_done < CLIPS
    assert not (started / "index.json").exists()
    assert list((started / ".trajdata" / "tmp").iterdir()) == []
    assert verify(started).ok
    resumed = materialize(ClipSource(tiny_spec), started, clips=CLIPS, threads=3)
    assert resumed.clips_written == CLIPS - report.clips_done
    assert data(started) == data(whole)


@pytest.mark.slow
def test_a_killed_bake_resumes_to_the_same_bytes(tmp_path, tiny_spec):
    folder = tmp_path / "killed"
    shape = {"clips": 6000, "shard_clips": 100}
    chance = random.Random(1)
    for kill in range(4):
        with start(folder, 6000, 100, threads=1 + kill % 3) as process:
            wait_for_commits(process, folder, min(12 * (kill + 1), 59))
            time.sleep(chance.random() * 0.01)
            process.kill()
            process.communicate(timeout=SECONDS)
        for name in (path.name for path in folder.glob("*.tar")):
            assert (folder / name).stat().st_size == 100 * 12288 + 1024, name
    assert not (folder / "index.json").exists() or verify(folder).complete
    materialize(ClipSource(tiny_spec), folder, threads=2, **shape)
    once = tmp_path / "once"
    materialize(ClipSource(tiny_spec), once, threads=1, **shape)
    assert data(folder) == data(once)
    assert verify(folder).ok
    assert list((folder / ".trajdata" / "tmp").iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_ends_a_bake_with_no_temp_and_with_the_command_that_resumes(tmp_path):
    folder = tmp_path / "interrupted"
    with start(folder, 200_000, 500) as process:
        wait_for_commits(process, folder, 2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode in (-signal.SIGINT, 130, 1)
    assert "KeyboardInterrupt" in errors
    report = progress_of(folder)
    assert report.status == "interrupted"
    assert str(folder) in report.resume_command
    assert "--clips 200000" in report.resume_command
    assert "--shard-clips 500" in report.resume_command
    assert list((folder / ".trajdata" / "tmp").iterdir()) == []
    assert verify(folder).ok


@pytest.mark.slow
def test_the_resume_command_of_a_spec_of_ones_own_resumes(started, whole):
    command = progress_of(started).resume_command
    assert "--set picture.frames=4 --set picture.height=16" in command
    subprocess.run(
        command.replace("trajdata", f"'{sys.executable}' -m trajdata", 1),
        shell=True,
        check=True,
        timeout=SECONDS,
        cwd=Path(__file__).parents[2],
    )
    assert data(started) == data(whole)


def test_a_second_writer_writes_not_one_byte(tmp_path, tiny_spec):
    folder = tmp_path / "taken"
    with start(folder, 200_000, 500) as process:
        wait_for_commits(process, folder, 2)
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)  # stopped, so that what changes is not its doing
        before = tree(folder)
        with pytest.raises(LockedError, match=rf"process {process.pid} on .* nothing was changed"):
            materialize(ClipSource(tiny_spec), folder, clips=200_000, shard_clips=500)
        assert tree(folder) == before
        process.kill()
        process.communicate(timeout=SECONDS)


def test_the_function_is_found_whether_or_not_its_module_was_imported_before():
    """A module named like the function would take its place in the package."""
    program = "import trajdata._bake.run, trajdata; assert callable(trajdata.materialize)"
    subprocess.run(
        [sys.executable, "-c", program], check=True, timeout=SECONDS, cwd=Path(__file__).parents[2]
    )


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"seed": 1}, {"seed"}),
        ({"split": "val"}, {"split"}),
        ({"shard_clips": SHARD + 1}, {"shard_clips"}),
        ({"fields": ["depth"]}, {"fields"}),
        (
            {"spec": ClipSpec().replace(frames=5, height=16, width=18)},
            {"spec.picture.frames", "spec.picture.width"},
        ),
    ],
)
@pytest.mark.parametrize("state", ["whole", "started"])
def test_another_stream_writes_not_one_byte_and_names_what_differs(
    request, tiny_spec, state, change, names
):
    folder = request.getfixturevalue(state)
    before = tree(folder)
    asked = {"spec": tiny_spec, "seed": 0, "split": "train", "clips": CLIPS, **change}
    source = ClipSource(*(asked.pop(name) for name in ("spec", "seed", "split")))
    with pytest.raises(SpecMismatchError) as caught:
        materialize(source, folder, **asked)
    assert set(caught.value.differences) == names
    assert tree(folder) == before


def test_a_folder_that_another_format_wrote_is_another_stream(started, tiny_spec):
    write_recipe(started, replace(recipe_of(started), fingerprint="0" * 64))
    with pytest.raises(SpecMismatchError, match="fingerprint"):
        materialize(ClipSource(tiny_spec), started, clips=CLIPS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("clips", 0),
        ("clips", 1.5),
        ("shard_clips", 0),
        ("threads", 0),
        ("threads", 1.5),
        ("source", "magvit-32"),
    ],
)
def test_bad_input_writes_nothing_and_names_the_argument(tmp_path, tiny_spec, name, value):
    asked = {"source": ClipSource(tiny_spec), "clips": 10, name: value}
    with pytest.raises(ArgumentError, match=f"{name}: given {value!r}"):
        materialize(asked.pop("source"), tmp_path / "out", **asked)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["train-000000.tar", "other.tar", "README.md", "preview.png"])
def test_a_folder_with_files_of_others_under_our_names_is_not_touched(tmp_path, tiny_spec, name):
    (tmp_path / name).write_bytes(b"another's")
    before = tree(tmp_path)
    with pytest.raises(ValueError, match=f"out: given .* which has '{name}'"):
        materialize(ClipSource(tiny_spec), tmp_path, clips=10)
    assert tree(tmp_path) == before


def test_a_file_where_the_folder_should_be_is_an_error(tmp_path, tiny_spec):
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(ValueError, match=r"out: given .*, a file; allowed is a folder"):
        materialize(ClipSource(tiny_spec), tmp_path / "out", clips=10)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"wids_version": 1}'])
def test_a_damaged_index_is_an_error_and_nothing_is_written(started, tiny_spec, damage):
    (started / "index.json").write_bytes(damage)
    before = tree(started)
    with pytest.raises(ShardError, match=r"index\.json"):
        materialize(ClipSource(tiny_spec), started, clips=CLIPS)
    assert tree(started) == before


def test_a_shard_that_a_kill_left_without_a_record_is_taken_over(started, whole, tiny_spec):
    """Between the rename and the record: the file is whole, and nobody knows."""
    (started / ".trajdata" / "commits" / "000001.json").unlink()
    materialize(ClipSource(tiny_spec), started, clips=CLIPS)
    assert data(started) == data(whole)
    assert not (started / ".trajdata" / "aside").exists()


def test_a_file_under_a_shards_name_with_other_bytes_is_moved_aside(started, whole, tiny_spec):
    (started / "train-000012.tar").write_bytes(b"what is this")
    materialize(ClipSource(tiny_spec), started, clips=CLIPS)
    assert data(started) == data(whole)
    aside = started / ".trajdata" / "aside" / "train-000012.tar.0"
    assert aside.read_bytes() == b"what is this"


@pytest.mark.parametrize("index_is_there", [True, False])
def test_a_committed_shard_that_was_lost_is_rendered_again_to_the_same_bytes(
    tmp_path, whole, tiny_spec, index_is_there
):
    folder = shutil.copytree(whole, tmp_path / "lost")
    (folder / "train-000003.tar").unlink()
    with open(folder / "train-000005.tar", "r+b") as file:
        file.truncate(1000)
    if not index_is_there:
        (folder / "index.json").unlink()
    report = materialize(ClipSource(tiny_spec), folder, clips=CLIPS)
    assert report.shards_written == 2
    assert data(folder) == data(whole)
    assert len((folder / ".trajdata" / "aside" / "train-000005.tar.0").read_bytes()) == 1000


def test_a_lost_shard_that_does_not_come_to_its_bytes_again_is_an_error(started, tiny_spec):
    path = started / ".trajdata" / "commits" / "000000.json"
    record = json.loads(path.read_text())
    path.write_bytes(resealed({**record, "sha256": "0" * 64}))
    (started / "train-000000.tar").unlink()
    with pytest.raises(ShardError, match=r"expected SHA-256 0000.* when rendered again"):
        materialize(ClipSource(tiny_spec), started, clips=CLIPS)
    assert not (started / "train-000000.tar").exists()
    assert list((started / ".trajdata" / "tmp").iterdir()) == []


def test_a_committed_clip_that_is_rendered_otherwise_now_stops_the_bake(started, tiny_spec):
    """Shard and record agree, as they do when another library wrote them."""
    last = sorted(started.glob("*.tar"))[-1]
    shard = flip(last, 4 * 12288 + 700)
    path = started / ".trajdata" / "commits" / f"{last.stem[-6:]}.json"
    digest = hashlib.sha256(shard).hexdigest()
    path.write_bytes(resealed({**json.loads(path.read_bytes()), "sha256": digest}))
    with pytest.raises(ShardError, match=r"as clip .* is rendered now") as caught:
        materialize(ClipSource(tiny_spec), started, clips=CLIPS)
    assert caught.value.offset == 4 * 12288 + 700
    assert progress_of(started).status == "failed"


@pytest.mark.parametrize("state", ["whole", "started"])
def test_the_last_two_shards_are_hashed_again_and_made_again_where_they_are_damaged(
    request, tmp_path, tiny_spec, whole, state
):
    folder = shutil.copytree(request.getfixturevalue(state), tmp_path / "damaged")
    damaged = [flip(path, 30_000) for path in sorted(folder.glob("*.tar"))[-2:]]
    materialize(ClipSource(tiny_spec), folder, clips=CLIPS)
    assert data(folder) == data(whole)
    aside = sorted((folder / ".trajdata" / "aside").iterdir())
    assert [path.read_bytes() for path in aside] == damaged


def test_the_last_shard_but_one_of_a_complete_store_is_hashed_again_too(tmp_path, tiny_spec, whole):
    folder = shutil.copytree(whole, tmp_path / "damaged")
    damaged = flip(folder / "train-000011.tar", 30_000)
    assert materialize(ClipSource(tiny_spec), folder, clips=CLIPS).shards_written == 1
    assert data(folder) == data(whole)
    assert (folder / ".trajdata" / "aside" / "train-000011.tar.0").read_bytes() == damaged


@pytest.mark.parametrize("lost", [False, True])
def test_an_index_is_written_over_no_shard_that_was_damaged_meanwhile(
    started, whole, tiny_spec, lost
):
    """One of the first shards, which no start hashes again."""
    path = started / "train-000000.tar"
    if lost:
        path.unlink()
    else:
        damaged = flip(path, 30_000)
    materialize(ClipSource(tiny_spec), started, clips=CLIPS)
    assert data(started) == data(whole)
    report = progress_of(started)
    assert (report.status, report.clips_done, report.shards_done) == ("done", CLIPS, 13)
    if not lost:
        assert (started / ".trajdata" / "aside" / "train-000000.tar.0").read_bytes() == damaged


def resealed(record):
    """A commit record as somebody would write it who knows how."""
    return canonical(sealed({key: record[key] for key in record.keys() - {"seal"}}))


def flip(path, offset):
    """Change a bit of a file, and return what it holds then."""
    damaged = bytearray(path.read_bytes())
    damaged[offset] ^= 1
    path.write_bytes(damaged)
    return bytes(damaged)


class FailingDisk(Disk):
    """Fails one operation from its n-th call on, a number of times."""

    def __init__(self, root, operation, code, first, times):
        super().__init__(root)
        original = getattr(self, operation)
        self.calls = 0

        def failing(*arguments):
            self.calls += 1
            if first <= self.calls < first + times:
                raise OSError(code, os.strerror(code))
            return original(*arguments)

        setattr(self, operation, failing)


def bake_on(disk, spec):
    store = FolderStore(disk)
    return materialize_on(store, ClipSource(spec), clips=CLIPS, threads=2, shard_clips=SHARD)


class FullDisk(Disk):
    """Has room for so many bytes of the files whose names end in ``suffix``, then fails."""

    def __init__(self, root, code, room, suffix=""):
        super().__init__(root)
        self.code, self.room, self.suffix = code, room, suffix
        self.counted = set()

    def open_new(self, name):
        file = super().open_new(name)
        if name.endswith(self.suffix):
            self.counted.add(file)
        return file

    def write(self, file, data):
        if file in self.counted:
            self.room -= len(data)
            if self.room < 0:
                raise OSError(self.code, os.strerror(self.code))
        return super().write(file, data)

    def close(self, file):
        self.counted.discard(file)
        super().close(file)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_a_medium_that_fails_leaves_what_is_committed_and_no_temp(tmp_path, whole, tiny_spec, code):
    half = 13 * SHARD * 12288 // 3
    for suffix in ("", ".tar.0"):
        stays = {path: path.read_bytes() for path in tmp_path.glob("*.tar")}
        with pytest.raises(OSError, match=r"\d+ of 13 shards are committed and unto") as caught:
            bake_on(FullDisk(tmp_path, code, half, suffix), tiny_spec)
        assert caught.value.errno == code
        assert list((tmp_path / ".trajdata" / "tmp").iterdir()) == []
        assert not (tmp_path / "index.json").exists()
        assert verify(tmp_path).ok
        assert all(path.read_bytes() == held for path, held in stays.items())
    # The second time there was room for the last words.
    report = progress_of(tmp_path)
    assert report.status == "failed"
    assert os.strerror(code) in report.message
    assert report.clips_done > 0
    bake_on(Disk(tmp_path), tiny_spec)
    assert data(tmp_path) == data(whole)


@pytest.mark.parametrize("operation", ["sync", "sync_folder"])
def test_a_shard_whose_fsync_fails_is_rendered_again(tmp_path, whole, tiny_spec, operation):
    bake_on(FailingDisk(tmp_path, operation, errno.EIO, 20, 2), tiny_spec)
    assert data(tmp_path) == data(whole)


def test_an_fsync_that_fails_for_ever_ends_the_bake(tmp_path, tiny_spec):
    disk = FailingDisk(tmp_path, "sync", errno.EIO, 10, 10**9)
    with pytest.raises(OSError, match=r"fsync: .* committed and untouched"):
        bake_on(disk, tiny_spec)
    assert disk.calls < 30
    assert list((tmp_path / ".trajdata" / "tmp").iterdir()) == []
    assert verify(tmp_path).ok


MEMORY = """
import sys, psutil
from trajdata import ClipSource, ClipSpec, materialize
from trajdata._shards.recipe import Recipe
spec = ClipSpec().replace(frames=4, height=16, width=16)
most = 0
def watch(report):
    global most
    most = max(most, report.rss_bytes)
materialize(ClipSource(spec), sys.argv[1] + "/small", clips=100, threads=2)
before = psutil.Process().memory_info().rss
materialize(ClipSource(spec), sys.argv[1] + "/large", clips=30_000, shard_clips=10_000, threads=2,
            on_progress=watch)
print(most - before)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_clips(tmp_path):
    """30,000 clips have 369 MB; two threads have two portions of 8 MiB."""
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert int(run.stdout) < 80e6


def test_every_account_of_a_finished_bake_tells_one_rate(tmp_path, tiny_spec):
    reports = []
    told = materialize(
        ClipSource(tiny_spec), tmp_path, clips=CLIPS, threads=1, on_progress=reports.append
    )
    assert reports[-1].status == "done"
    assert reports[-1].clips_per_second == pytest.approx(told.clips_per_second, rel=1e-9)
    assert progress_of(tmp_path).clips_per_second == reports[-1].clips_per_second
