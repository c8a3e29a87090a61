"""Bake on a Ray cluster: the shards are written by the nodes, and only commits come back."""

from __future__ import annotations

import errno
import importlib.util
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import IO

from trajdata._bake.engines.protocol import Events
from trajdata._bake.engines.ray_messages import Baked, Done, Failed, Job, Lost, News, Refused
from trajdata._bake.engines.ray_site import Site, sample_sha256
from trajdata._bake.task import ShardTask
from trajdata._errors import printable
from trajdata._shards.commit_record import Commit
from trajdata._store.protocol import Store

__all__ = ["RayEngine"]

_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; "
    "from trajdata._bake.engines.ray_driver import serve; serve({ends!r})"
)
_SILENT_SECONDS = 40.0
"""The process that talks to Ray says every second that it is there. After so long without a word it
waits for a cluster that does not answer."""

_ENDING_SECONDS = 10.0
_TAIL = 400


@dataclass(frozen=True)
class RayEngine:
    """A Ray cluster.

    Attributes:
        address: as Ray takes it: "auto", or HOST:PORT of its head.
    """

    address: str

    @property
    def words(self) -> tuple[str, ...]:
        """The options that choose this engine."""
        return ("--engine", "ray", "--address", self.address)

    def check(self) -> None:
        """Check that Ray is installed, without importing it.

        Raises:
            ImportError: it is not.
        """
        if importlib.util.find_spec("ray") is None:
            raise ImportError("engine 'ray' needs ray, which is not installed", name="ray")

    def bake(
        self,
        tasks: Sequence[ShardTask],
        store: Store,
        *,
        events: Events,
        tick: Callable[[], None],
        tick_seconds: float,
    ) -> list[Commit]:
        """Bake shards; see ``Engine``. The caller must hold the store's lock.

        Raises:
            ShardError: also if a node does not render the bytes that this machine renders.
            OSError: also EAGAIN, if there is no cluster or it was lost; ETIMEDOUT, if a node of it
                is frozen. What was committed is sound.
        """
        if not tasks:
            return []
        recipe = tasks[0].recipe
        site = pickle.dumps(Site(store, recipe, sample_sha256(recipe)))
        commits: list[Commit] = []
        ticked = time.monotonic()
        works = tuple((task.shard, task.promised, task.outgrown) for task in tasks)
        job = Job(self.address, site, works)
        with tempfile.TemporaryFile() as said, _Driver(job, said) as driver:
            while True:
                news = driver.news(tick_seconds)
                if isinstance(news, Done):
                    store.clear_temps()  # of processes that were killed, and whose shards are there
                    return commits
                if isinstance(news, Refused):
                    # Of our own process on a node; Ray unpickles what nodes return in any case.
                    raise pickle.loads(news.error)
                if isinstance(news, Lost):
                    raise OSError(news.errno, news.text)
                if isinstance(news, Failed):
                    raise RuntimeError(news.text)
                if isinstance(news, Baked):
                    commit: Commit = pickle.loads(news.commit)
                    commits.append(commit)
                    events.clips(commit.clips)
                    events.committed(commit)
                    events.node(news.node, commit.clips)
                    if driver.has_news and time.monotonic() - ticked < tick_seconds:
                        continue
                tick()
                ticked = time.monotonic()


class _Driver:
    """The process that talks to Ray. Use it as a context manager: it ends with the block.

    Args:
        job: what it is to do.
        said: an empty file, which gets what it prints.
    """

    def __init__(self, job: Job, said: IO[bytes]) -> None:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        self._orders = Connection(ours_out, readable=False)
        self._news = Connection(ours_in, writable=False)
        self._said = said
        program = _PROGRAM.format(path=sys.path, ends=(theirs_in, theirs_out))
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", program],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                pass_fds=(theirs_in, theirs_out),
                start_new_session=True,  # a Ctrl-C is for the bake, which then ends this process
            )
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        self._heard = time.monotonic()
        self._job = job

    def __enter__(self) -> _Driver:
        self._tell(self._job)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if not isinstance(error, TimeoutError):  # then it would not hear
                self._tell("stop")
                self._process.wait(_ENDING_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            pass
        finally:
            self._process.kill()  # which nothing outlives, so this wait ends
            self._process.wait()
            self._orders.close()
            self._news.close()

    @property
    def has_news(self) -> bool:
        """Whether there is news already."""
        return self._news.poll(0)

    def news(self, seconds: float) -> News | None:
        """The next news, or None if there is none after so many seconds.

        Raises:
            OSError: the process has ended, or has said nothing for too long.
        """
        try:
            if self._news.poll(seconds):
                self._heard = time.monotonic()
                news: News = self._news.recv()
                return news
        except (EOFError, ConnectionError):
            raise self._lost() from None
        if time.monotonic() - self._heard > _SILENT_SECONDS:
            raise TimeoutError(errno.ETIMEDOUT, "the Ray cluster does not answer any more")
        return None

    def _tell(self, what: object) -> None:
        try:
            self._orders.send(what)
        except BrokenPipeError:
            raise self._lost() from None

    def _lost(self) -> OSError:
        """Why the process has ended, in the last words that it or Ray said."""
        self._said.seek(0)
        said = printable(self._said.read().decode("utf-8", "replace").strip()[-_TAIL:])
        return OSError(errno.EAGAIN, f"the connection to the Ray cluster was lost: {said}")
