"""A peer as the driver sees it: a process that answers, or is killed with all that it started."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["PeerFailed", "PeerProcess"]

LOOK_SECONDS = 0.5
GRACE_SECONDS = 5.0


class PeerFailed(Exception):
    """A request was not answered, or answered with an error; the text says why, in one line."""


class PeerProcess:
    """A peer's process, in a session of its own so that nothing that it starts outlives it.

    Args:
        command: the interpreter, the module and its arguments.
        scratch: a folder for the home, the caches, the temporary files and the log of this peer.
    """

    def __init__(self, command: list[str], scratch: Path) -> None:
        home, temporary = scratch / "home", scratch / "tmp"
        home.mkdir(parents=True)
        temporary.mkdir()
        self._log = scratch / "log.txt"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=scratch,
                env=_environment(home, temporary),
                start_new_session=True,
            )
        self._unread = b""
        self._killed = ""

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """The peer's answer.

        Raises:
            PeerFailed: it answers with an error, has ended, or does not answer in that time; it is
                killed then, except where it answered.
        """
        if self._killed:
            raise PeerFailed(self._killed)
        try:
            self._stdin.write(json.dumps(request).encode() + b"\n")
            self._stdin.flush()
        except BrokenPipeError:
            raise PeerFailed(self._ending()) from None
        answer: dict[str, Any] = json.loads(self._line(seconds))
        if "error" in answer:
            raise PeerFailed(answer["error"].splitlines()[0])
        return answer

    @property
    def running(self) -> bool:
        """Whether more can be asked."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Let the peer end, then end whatever of its session is left."""
        try:
            self._stdin.close()
            self._process.wait(GRACE_SECONDS)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            pass  # it is killed below
        self._kill()
        self._stdout.close()

    @property
    def _stdin(self) -> Any:
        return self._process.stdin

    @property
    def _stdout(self) -> Any:
        return self._process.stdout

    def _line(self, seconds: float) -> bytes:
        until = time.monotonic() + seconds
        while b"\n" not in self._unread:
            left = until - time.monotonic()
            if left <= 0:
                self._kill()
                self._killed = f"no answer in {seconds:.0f} s; killed"
                raise PeerFailed(self._killed)
            ended = not self.running
            readable, _, _ = select.select([self._stdout], [], [], min(left, LOOK_SECONDS))
            chunk = os.read(self._stdout.fileno(), 1 << 16) if readable else b""
            # A child that it left may hold the pipe open, so that its end alone tells nothing.
            if not chunk and (readable or ended):
                self._kill()
                raise PeerFailed(self._ending())
            self._unread += chunk
        line, self._unread = self._unread.split(b"\n", 1)
        return line

    def _ending(self) -> str:
        lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        return f"ended with {self._process.wait()}: {lines[-1] if lines else 'no word'}"

    def _kill(self) -> None:
        """End the session: politely first, so that Python's tracker can remove shared memory."""
        for signum in (signal.SIGTERM, signal.SIGKILL):
            until = time.monotonic() + GRACE_SECONDS
            while time.monotonic() < until:
                try:
                    os.killpg(self._process.pid, signum)
                except ProcessLookupError:
                    self._process.wait()
                    return
                self._process.poll()
                time.sleep(0.05)


def _environment(home: Path, temporary: Path) -> dict[str, str]:
    """Without paths of another interpreter; every cache in the peer's own folder; no network."""
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "XDG_CACHE_HOME": str(home / "cache"),
        "HF_HOME": str(home / "huggingface"),
        "HF_HUB_OFFLINE": "1",
        "LITDATA_CACHE_DIR": str(home / "litdata"),
        "DATA_OPTIMIZER_CACHE_FOLDER": str(home / "litdata-chunks"),
    }
