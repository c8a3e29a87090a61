"""A folder that was removed, moved or replaced under its writer is another folder."""

import errno
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.stores import store_of
from trajdata import ClipSource, materialize, verify
from trajdata._bake.run import materialize_on
from trajdata._spec.presets import preset
from trajdata._store.disk import Disk
from trajdata._store.folder import FolderStore

ROOT = Path(__file__).parents[2]
SECONDS = 300
CLIPS, SHARD = 400_000, 500
TRY_LATER = 75


def start(folder, seed):
    words = ["materialize", "--preset", "gray-32", "--clips", CLIPS, "--out", folder]
    words += ["--seed", seed, "--threads", 2, "--shard-clips", SHARD]
    return subprocess.Popen(
        [sys.executable, "-m", "trajdata", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_ino,
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None,
        )
        for path in sorted(folder.rglob("*"))
    }


def remove_all(folder):
    shutil.rmtree(folder)


def move_away(folder):
    folder.rename(folder.with_name("moved"))


def remove_what_is_in_it(folder):
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def remove_what_is_hidden(folder):
    shutil.rmtree(folder / ".trajdata")
    for name in ("PROGRESS.txt", "progress.json", "report.html"):
        (folder / name).unlink(missing_ok=True)
    for path in folder.glob("*.tar"):
        path.unlink()


@pytest.mark.slow
@pytest.mark.parametrize(
    "act", [remove_all, move_away, remove_what_is_in_it, remove_what_is_hidden]
)
def test_a_writer_that_slept_while_its_folder_was_baked_anew_writes_nothing_into_it(tmp_path, act):
    folder = tmp_path / "out"
    with start(folder, seed=1) as writer:
        try:
            deadline = time.monotonic() + SECONDS
            while len(list(folder.glob("*.tar"))) < 3:
                assert writer.poll() is None, writer.stderr.read()
                assert time.monotonic() < deadline
                time.sleep(0.01)
            writer.send_signal(signal.SIGSTOP)
            os.waitpid(writer.pid, os.WUNTRACED)
            act(folder)
            materialize(ClipSource(preset("gray-32"), 2), folder, clips=1500, shard_clips=SHARD)
            before = tree(folder)
            writer.send_signal(signal.SIGCONT)
            _, errors = writer.communicate(timeout=SECONDS)
        finally:
            if writer.poll() is None:
                writer.kill()
    assert writer.returncode == TRY_LATER, errors
    assert "the folder was removed or replaced meanwhile" in errors
    assert tree(folder) == before
    assert verify(folder, full=True, rerender=5).ok


class LosingDisk(Disk):
    """Loses its folder to another bake before one chosen operation."""

    def __init__(self, root, at, lose):
        super().__init__(root)
        self.at, self.lose, self.calls = at, lose, 0
        self._counting = threading.Lock()  # a report is written by a thread of its own
        for name in ("open_new", "write", "sync", "rename", "link", "sync_folder", "list_folder"):
            setattr(self, name, self._counted(getattr(self, name)))

    def _counted(self, original):
        def step(*arguments, **named):
            with self._counting:
                if self.calls == self.at:
                    self.lose()
                self.calls += 1
            return original(*arguments, **named)

        return step


@pytest.mark.slow
@pytest.mark.parametrize("act", [remove_all, move_away, remove_what_is_in_it])
def test_a_folder_that_is_lost_at_any_operation_is_noticed_and_its_heir_left_alone(
    tmp_path, tiny_spec, act
):
    heir = tmp_path / "heir"
    materialize(ClipSource(tiny_spec, 2), heir, clips=8, shard_clips=4, threads=1)
    at = noticed = 0
    while True:
        folder = tmp_path / "out"
        before = {}

        def lose(folder=folder, before=before):
            if folder.exists():
                act(folder)
            shutil.copytree(heir, folder, dirs_exist_ok=True)
            before.update(tree(folder))

        disk = LosingDisk(folder, at, lose)
        store = FolderStore(disk)
        try:
            materialize_on(store, ClipSource(tiny_spec, 1), clips=8, shard_clips=4, threads=1)
        except OSError as error:
            assert error.errno == errno.ESTALE, (at, error)
            noticed += 1
        except ValueError:
            assert before  # it found the other's store before it had begun
        finally:
            store.close()
        if disk.calls <= at:
            break
        if before:
            found = tree(folder)
            for held in (found, before):
                # One that comes before this bake has begun is locked, and only then found to be
                # another's.
                held.pop(".trajdata/lock", None)
            assert found == before, at
            assert verify(folder, full=True).ok
        for path in (folder, tmp_path / "moved"):
            shutil.rmtree(path, ignore_errors=True)
        at += 1
    assert noticed > 20


def test_a_folder_behind_a_link_is_baked_into_and_a_link_that_moves_on_is_noticed(
    tmp_path, tiny_spec
):
    """Links may lead to the folder, though not below it."""
    real, other = tmp_path / "real", tmp_path / "other"
    real.mkdir()
    link = tmp_path / "link"
    link.symlink_to(real)
    materialize(ClipSource(tiny_spec), link, clips=8, shard_clips=4)
    assert verify(real, full=True).ok
    store = store_of(link)
    with store.lock():
        other.mkdir()
        link.unlink()
        link.symlink_to(other)
        with pytest.raises(OSError, match="removed or replaced") as caught:
            store.put("file", [memoryview(b"x")], 1)
    assert caught.value.errno == errno.ESTALE
    assert list(other.iterdir()) == []
