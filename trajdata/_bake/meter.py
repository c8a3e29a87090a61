"""Counts clips, shards and time of one run of a bake, and makes progress reports of them."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timezone

import psutil

from trajdata._bake.history import History, RatePoint, is_due, with_point
from trajdata._bake.progress import STALE_SECONDS, TIME_FORMAT, ProgressReport
from trajdata._store.protocol import Store

__all__ = ["Meter"]

_RATE_SECONDS = 30.0
_NODE_SECONDS = 60.0
"""A node's rate is that of its commits over this time; it commits a shard every few seconds."""


class Meter:
    """Counts what the threads of one run do, and makes progress reports.

    Args:
        store: the store, which is asked for its free space.
        split, seed, clips_total, shards_total, resume_command: as in ``ProgressReport``.
        bytes_total: size of all shards together.
        class_counts: law -> clips committed before this run.
        shards_done: shards committed before this run.
        bytes_done: bytes of these shards.
        history: the history of the runs before this one.
    """

    def __init__(
        self,
        store: Store,
        *,
        split: str,
        seed: int,
        clips_total: int,
        shards_total: int,
        bytes_total: int,
        class_counts: Mapping[str, int],
        shards_done: int,
        bytes_done: int,
        resume_command: str,
        history: History = (),
    ) -> None:
        self._store = store
        self._split, self._seed = split, seed
        self._clips_total, self._shards_total, self._bytes_total = (
            clips_total,
            shards_total,
            bytes_total,
        )
        self._counts = dict(class_counts)
        self._shards_done, self._bytes_done = shards_done, bytes_done
        self._resume_command = resume_command
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._rendered = 0
        self._in_flight = 0
        self._last_commit: str | None = None
        self._recent: deque[tuple[float, int]] = deque([(self._started, 0)])
        self._history = history
        self._seconds_before = history[-1].seconds if history else 0.0
        self._plotted = (self._started, 0)
        self._last_clip = self._started
        self._baking_since: float | None = None
        self._baking_until: float | None = None
        self._process = psutil.Process()
        self._of_nodes: dict[str, deque[tuple[float, int]]] = {}

    @property
    def shards_done(self) -> int:
        """Committed so far."""
        return self._shards_done

    def baking_begins(self) -> None:
        """From now on clips are rendered and written."""
        self._baking_since = time.monotonic()

    def baking_ends(self) -> float:
        """All shards of this run are committed. Returns the seconds since ``baking_begins``."""
        now = self._baking_until = time.monotonic()
        return now - (self._baking_since if self._baking_since is not None else now)

    def count_clips(self, clips: int) -> None:
        """Add clips that were rendered; a negative number takes back clips that were lost."""
        with self._lock:
            self._in_flight += clips
            if clips > 0:
                self._rendered += clips
                self._last_clip = time.monotonic()

    def count_clips_of_node(self, node: str, clips: int) -> None:
        """A node of a cluster has committed clips."""
        with self._lock:
            self._of_nodes.setdefault(node, deque()).append((time.monotonic(), clips))

    def count_commit(self, filesize: int, counts: Mapping[str, int]) -> None:
        """A shard was committed."""
        with self._lock:
            for law, count in counts.items():
                self._counts[law] += count
            self._in_flight -= sum(counts.values())
            self._shards_done += 1
            self._bytes_done += filesize
            self._last_commit = _now()

    def count_commit_of_others(self, filesize: int, counts: Mapping[str, int]) -> None:
        """Another process committed a shard."""
        with self._lock:
            for law, count in counts.items():
                self._counts[law] += count
            self._shards_done += 1
            self._bytes_done += filesize

    def count_loss(self, filesize: int, counts: Mapping[str, int]) -> None:
        """A committed shard was found to be damaged."""
        with self._lock:
            for law, count in counts.items():
                self._counts[law] -= count
            self._shards_done -= 1
            self._bytes_done -= filesize

    def report(self, status: str, message: str) -> ProgressReport:
        """A report of this moment.

        Raises:
            OSError: the filesystem did not tell its free space.
        """
        free = self._store.free_bytes()
        now = time.monotonic()
        with self._lock:
            if self._rendered == 0:
                self._recent.clear()  # the rate leaves out the time before the first clip
                self._plotted = (now, 0)
            self._recent.append((now, self._rendered))
            while len(self._recent) > 2 and now - self._recent[0][0] > _RATE_SECONDS:
                self._recent.popleft()
            since, before = self._recent[0]
            rate = (self._rendered - before) / (now - since) if self._rendered > before else None
            if status != "running":
                rate = self._mean_rate(now)
            done = sum(self._counts.values())
            left = self._clips_total - done - self._in_flight
            self._plot(now, done + self._in_flight, is_last=status != "running")
            return ProgressReport(
                status=status,
                message=message,
                split=self._split,
                seed=self._seed,
                clips_done=done,
                clips_in_flight=self._in_flight,
                clips_total=self._clips_total,
                shards_done=self._shards_done,
                shards_total=self._shards_total,
                class_counts=dict(self._counts),
                clips_per_second=rate,
                nodes=self._rates_of_nodes(now),
                elapsed_seconds=now - self._started,
                eta_seconds=max(left, 0) / rate if rate else None,
                last_commit=self._last_commit,
                updated=_now(),
                stale_after_seconds=STALE_SECONDS,
                disk_free_bytes=free,
                disk_needed_bytes=self._bytes_total - self._bytes_done,
                rss_bytes=self._process.memory_info().rss,
                pid=os.getpid(),
                host=socket.gethostname(),
                resume_command=self._resume_command,
                history=self._history,
            )

    def _rates_of_nodes(self, now: float) -> dict[str, float]:
        """Clips a second of each node, as it was over the last time; 0 if it committed none."""
        begun = self._started if self._baking_since is None else self._baking_since
        seconds = max(min(now - begun, _NODE_SECONDS), 1e-9)
        for recent in self._of_nodes.values():
            while recent and now - recent[0][0] > _NODE_SECONDS:
                recent.popleft()
        return {
            node: sum(clips for _, clips in recent) / seconds
            for node, recent in sorted(self._of_nodes.items())
        }

    def _mean_rate(self, now: float) -> float | None:
        """Clips a second of the whole run. After its end the number does not change any more."""
        if self._baking_since is None or self._rendered == 0:
            return None
        end = now if self._baking_until is None else self._baking_until
        return self._rendered / max(end - self._baking_since, 1e-9)

    def _plot(self, now: float, clips: int, is_last: bool) -> None:
        """Add a point to the history if one is due."""
        since, before = self._plotted
        if is_last:
            now = self._last_clip  # after its last clip a bake renders nothing
        seconds = self._seconds_before + now - self._started
        if self._rendered and now > since and is_due(self._history, seconds):
            rate = (self._rendered - before) / (now - since)
            self._history = with_point(self._history, RatePoint(seconds, clips, rate))
            self._plotted = (now, self._rendered)


def _now() -> str:
    return datetime.now(timezone.utc).strftime(TIME_FORMAT)
