"""Start a bake in the background, which goes on when the terminal is closed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from trajdata._bake.progress import read_progress
from trajdata._cli.law_files import words_of_law_files
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
        folder: the folder to bake into; the output of the process goes to ``LOG`` in it.
        words: the words of the command line, after the program's name.

    Returns:
        The process id, and the exit code if the process has ended already.

    Raises:
        LockedError: another process bakes into the folder; nothing was written.
        OSError: the log cannot be opened or the process cannot be started.
    """
    store = FolderStore(Disk(folder))
    # If another process bakes into the folder, this raises before a log is written there. The lock
    # is released at once, because the new process takes it.
    with store.lock():
        pass
    with os.fdopen(store.open_log(), "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "trajdata", *words_of_law_files(), *words],
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
    """The end of the output of a bake in the background."""
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
