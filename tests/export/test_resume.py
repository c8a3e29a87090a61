"""An export that is killed goes on to the same files; one folder holds one export, and no link is
written through."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.export.conftest import tree
from tests.patience import SECONDS, until
from trajdata import (
    ArgumentError,
    LockedError,
    MissingPackageError,
    ShardError,
    SpecMismatchError,
    export,
    materialize,
)
from trajdata._store.disk import Disk
from trajdata._store.lock import FolderLock

ROOT = Path(__file__).parents[2]
SMALL = ("video", "label", "index", "trajectory", "caption")
COMMAND = [
    *(sys.executable, "-m", "trajdata", "export"),
    *("--preset", "gray-32", "--set", "height=16", "--set", "width=16"),
]


def start(out, to, clips):
    words = ["--to", to, "--clips", str(clips), "--fields", "trajectory,caption"]
    return subprocess.Popen(
        [*COMMAND, str(out), *words],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.slow
@pytest.mark.parametrize(("to", "clips"), [("npz", 700), ("zarr", 9_000)])
def test_an_export_that_is_killed_goes_on_to_the_same_files(to, clips, tmp_path):
    if to == "zarr":
        pytest.importorskip("zarr")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(whole, to, clips).wait(SECONDS) == 0
    running = start(killed, to, clips)
    # Killed once a part is there, in the middle of others.
    commits = killed / ".trajdata" / "commits"
    until(lambda: list(commits.glob("*.json")) or running.poll() is not None, "a part is there")
    running.send_signal(signal.SIGKILL)
    assert running.wait(SECONDS) == -signal.SIGKILL, "it was too fast to be killed"
    before = {
        path: path.stat().st_mtime_ns
        for record in (killed / ".trajdata" / "commits").glob("*.json")
        for path in map(killed.joinpath, json.loads(record.read_text())["files"])
    }
    assert before
    assert start(killed, to, clips).wait(SECONDS) == 0
    assert tree(killed) == tree(whole)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_file_that_is_missing_or_cut_short_is_written_again(gray, tmp_path):
    export(gray, tmp_path, to="npz", clips=4)
    before = tree(tmp_path)
    files = sorted((tmp_path / "clips").glob("*/*.npz"))
    files[0].unlink()
    assert export(gray, tmp_path, to="npz", clips=4).clips_written == 4
    files[1].write_bytes(files[1].read_bytes()[:-1])
    export(gray, tmp_path, to="npz", clips=4)
    assert tree(tmp_path) == before
    assert export(gray, tmp_path, to="npz", clips=4).clips_written == 0


def test_a_part_that_fails_leaves_the_others_and_says_so(gray, tmp_path, monkeypatch):
    due = tmp_path / "due"
    export(gray.with_fields(SMALL), due, to="npz", clips=700)
    out = tmp_path / "out"
    write = Disk.write
    broken = {"left": 300}

    def full(self, file, data):
        broken["left"] -= 1
        if broken["left"] < 0:
            raise OSError(28, "No space left on device")
        return write(self, file, data)

    monkeypatch.setattr(Disk, "write", full)
    with pytest.raises(OSError, match="No space"):
        export(gray.with_fields(SMALL), out, to="npz", clips=700, threads=1)
    assert not list((out / ".trajdata" / "tmp").iterdir())
    told = json.loads((out / "progress.json").read_text())
    assert (told["status"], told["clips_done"]) == ("failed", 256)
    assert "No space left" in (out / "PROGRESS.txt").read_text()
    assert not (out / "clips.csv").exists()
    monkeypatch.setattr(Disk, "write", write)
    assert export(gray.with_fields(SMALL), out, to="npz", clips=700).clips_written == 444
    assert tree(out) == tree(due)
    assert json.loads((out / "progress.json").read_text())["status"] == "done"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"seed": 4}, "seed"),
        ({"split": "val"}, "split"),
        ({"frames": 5}, "spec"),
        ({"to": "png"}, "to"),
        ({"clips": 4}, "clips"),
        ({"fields": SMALL}, "fields"),
    ],
)
def test_a_folder_of_another_export_is_left_as_it_is(gray, tmp_path, changes, name):
    export(gray, tmp_path, to="npz", clips=3)
    before = tree(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    spec = gray.spec.replace(frames=changes.get("frames", gray.spec.frames))
    other = type(gray)(
        spec,
        changes.get("seed", gray.seed),
        changes.get("split", gray.split),
        fields=changes.get("fields", gray.fields),
    )
    with pytest.raises(SpecMismatchError) as refused:
        export(other, tmp_path, to=changes.get("to", "npz"), clips=changes.get("clips", 3))
    assert name in refused.value.differences
    assert tree(tmp_path) == before
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == times


def test_a_folder_that_holds_something_else_is_refused(gray, tmp_path):
    materialize(gray, tmp_path / "store", clips=4)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    for name in ("store", "home"):
        before = tree(tmp_path / name)
        with pytest.raises(ArgumentError, match="is no export"):
            export(gray, tmp_path / name, to="npz", clips=4)
        assert tree(tmp_path / name) == before
    # A bake that has only begun has nothing but its hidden folder.
    begun = tmp_path / "begun"
    shutil.copytree(tmp_path / "store" / ".trajdata", begun / ".trajdata")
    with pytest.raises(ArgumentError, match="is no export"):
        export(gray, begun, to="npz", clips=4)


def test_a_record_of_another_export_is_refused(gray, tmp_path):
    export(gray, tmp_path / "one", to="npz", clips=4)
    export(gray.with_fields(SMALL), tmp_path / "other", to="npz", clips=4)
    record = Path(".trajdata/commits/000000.json")
    shutil.copy(tmp_path / "other" / record, tmp_path / "one" / record)
    with pytest.raises(ShardError, match="expected export"):
        export(gray, tmp_path / "one", to="npz", clips=4)


@pytest.mark.skipif(sys.platform == "win32", reason="no links without rights")
@pytest.mark.parametrize(
    "name",
    [
        *("clips", "clips/linear", "clips.csv", "export.json", "PROGRESS.txt"),
        *(".trajdata", ".trajdata/tmp", ".trajdata/commits", ".trajdata/lock"),
        *(".trajdata/commits/000000.json", "KEY", "KEY/000.png", "KEY.npz"),
    ],
)
@pytest.mark.parametrize("to", ["npz", "png"])
def test_nothing_is_written_through_a_link(gray, tmp_path, name, to):
    if to == "npz" and name in ("KEY", "KEY/000.png"):
        pytest.skip("there is no such file")
    out, victim = tmp_path / "out", tmp_path / "victim"
    export(gray, out, to=to, clips=3)
    law = gray.spec.laws[gray[0]["label"]]
    path = out / name.replace("KEY", f"clips/{law}/{0:012d}")
    shutil.copytree(out, victim / "copy")
    target = victim / "copy" / path.relative_to(out)
    is_folder = path.is_dir()
    shutil.rmtree(path) if is_folder else path.unlink()
    path.symlink_to(target)
    # All of it has to be written again, as far as that goes.
    for record in out.glob(".trajdata/commits/*.json"):
        if not (out / ".trajdata").is_symlink() and not record.parent.is_symlink():
            record.unlink()
    before = {
        file: (file.lstat().st_mtime_ns, file.read_bytes() if file.is_file() else b"")
        for file in sorted(victim.rglob("*"))
    }
    try:
        export(gray, out, to=to, clips=3)
        refused = False
    except (ShardError, OSError):
        refused = True
    after = {
        file: (file.lstat().st_mtime_ns, file.read_bytes() if file.is_file() else b"")
        for file in sorted(victim.rglob("*"))
    }
    assert after == before
    assert refused or not path.is_symlink()


def test_a_second_writer_is_refused(gray, tmp_path):
    export(gray, tmp_path, to="npz", clips=3)
    with FolderLock(Disk(tmp_path)), pytest.raises(LockedError):
        export(gray, tmp_path, to="npz", clips=3)


@pytest.mark.parametrize(
    ("to", "package"), [("mp4", "av"), ("webp", "av"), ("zarr", "zarr"), ("hf", "datasets")]
)
def test_without_a_package_one_sentence_says_what_brings_it(
    gray, tmp_path, monkeypatch, to, package
):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=rf"{package}.*trajdata-video\[export\]"):
        export(gray, tmp_path / "out", to=to, clips=3)
    assert not (tmp_path / "out").exists()


def test_many_clips_with_folders_of_their_own_hold_few_folders_open(gray, tmp_path):
    resource = pytest.importorskip("resource")
    own = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (own + 60, hard))
    try:
        source = gray.with_fields(("video", "label", "index"))
        export(source, tmp_path, to="png", clips=100, threads=2)
        assert export(source, tmp_path, to="png", clips=100).clips_written == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_listener_hears_how_far_it_is(gray, tmp_path):
    heard = []
    begun = time.monotonic()
    report = export(gray, tmp_path, to="npz", clips=300, threads=1, on_progress=heard.append)
    assert report.seconds <= time.monotonic() - begun
    assert (report.clips, report.clips_written, report.files_written) == (300, 300, 300)
    assert [told.status for told in heard][-1] == "done"
    assert heard[0].status == "running"
    assert sorted(told.clips_done for told in heard) == [told.clips_done for told in heard]
    assert {0, 300} <= {told.clips_done for told in heard}
    assert str(tmp_path) in heard[-1].resume_command
