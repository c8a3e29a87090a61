"""One writer at a time, whoever dies."""

import os
import signal
import subprocess
import sys

import pytest

from tests.patience import SECONDS, until
from trajdata import LockedError
from trajdata._store.disk import Disk
from trajdata._store.lock import FolderLock

HOLD = """
import sys
from trajdata._store.lock import FolderLock
from trajdata._store.disk import Disk
with FolderLock(Disk(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""

ORPHAN = """
import os, sys
from trajdata._store.lock import FolderLock
from trajdata._store.disk import Disk
with FolderLock(Disk(sys.argv[1])):
    child = os.fork()
    if child == 0:
        os.close(1)
        sys.stdin.read()
        os._exit(0)
    print(child, flush=True)
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / ".trajdata").mkdir()
    return tmp_path


def start(program, folder):
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def can_be_locked(folder):
    try:
        with FolderLock(Disk(folder)):
            return True
    except LockedError:
        return False


def snapshot(folder):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("lock")}


def test_a_second_writer_is_told_who_holds_the_folder_and_writes_nothing(folder):
    with start(HOLD, folder) as holder:
        assert holder.stdout.readline() == "held\n"
        before = snapshot(folder)
        with pytest.raises(LockedError, match=f"process {holder.pid} on .* since 20"):
            FolderLock(Disk(folder)).__enter__()
        assert snapshot(folder) == before
        holder.communicate(timeout=SECONDS)
    with FolderLock(Disk(folder)):
        pass


def test_a_writer_in_the_same_process_is_a_second_writer_too(folder):
    with FolderLock(Disk(folder)), pytest.raises(LockedError, match=f"process {os.getpid()} "):
        FolderLock(Disk(folder)).__enter__()


def test_a_killed_writer_gives_the_lock_back(folder):
    with start(HOLD, folder) as holder:
        holder.stdout.readline()
        holder.send_signal(signal.SIGKILL)
        holder.wait(timeout=SECONDS)
    with FolderLock(Disk(folder)):
        pass


def test_an_orphan_that_was_forked_does_not_keep_the_lock(folder):
    with start(ORPHAN, folder) as parent:
        orphan = int(parent.stdout.readline())
        parent.wait(timeout=SECONDS)
        try:
            os.kill(orphan, 0)  # it lives
            # Its hook runs in its own time.
            until(lambda: can_be_locked(folder), "the orphan has let go of the lock")
        finally:
            os.kill(orphan, signal.SIGKILL)


def test_a_lock_file_of_another_hand_is_no_reason_to_fail(folder):
    (folder / ".trajdata" / "lock").write_bytes(b"\xff{")
    with FolderLock(Disk(folder)):
        pass
