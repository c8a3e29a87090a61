"""A bake in the background: it outlives the terminal, and says where to look."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from trajdata._bake.progress import read_progress
from trajdata._errors import ShardError
from trajdata._store.disk import Disk
from trajdata._store.folder import FolderStore
from trajdata._store.names import LOG
from trajdata._store.opening import open_store

__all__ = ["LOG", "detach", "last_of_log"]

_STARTING_SECONDS = 60.0
_LOOK_SECONDS = 0.1
_LOG_BYTES = 2000


def detach(folder: Path, words: Sequence[str]) -> tuple[int, int | None]:
    """Start ``trajdata`` in a session of its own, and wait until its bake has begun.

    Args:
        folder: that it bakes into; what it prints goes to ``LOG`` there.
        words: of its command line.

    Returns:
        Its process id, and its exit code where it has ended already.

    Raises:
        LockedError: another process bakes into the folder; nothing was written.
        OSError: the log or the process cannot be made.
    """
    store = FolderStore(Disk(folder))
    # A store that another process bakes into takes no log of ours. The child locks it for good.
    with store.lock():
        pass
    with os.fdopen(store.open_log(), "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "trajdata", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + _STARTING_SECONDS
    while time.monotonic() < deadline:
        code = process.poll()
        if code is not None or _has_begun(folder, process.pid):
            return process.pid, code
        time.sleep(_LOOK_SECONDS)
    return process.pid, None


def last_of_log(folder: Path) -> str:
    """The end of what a bake in the background printed."""
    store = open_store(folder)
    size = store.size(LOG) or 0
    held = store.read(LOG, max(0, size - _LOG_BYTES), _LOG_BYTES) or b""
    return held.decode("utf-8", "replace")


def _has_begun(folder: Path, pid: int) -> bool:
    try:
        report = read_progress(open_store(folder))
    except ShardError:
        return False
    return report is not None and report.pid == pid
