"""How far a bake is, for people (PROGRESS.txt) and for programs (progress.json)."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from typing import Any

import psutil

from trajdata._bake.history import History, RatePoint, is_due, parse_history, with_point
from trajdata._errors import ShardError
from trajdata._store.protocol import Store
from trajdata._store.ranges import put_bytes, read_whole

__all__ = [
    "LIVELY",
    "PROGRESS_JSON",
    "PROGRESS_TEXT",
    "REPORT_PAGE",
    "STATES",
    "Meter",
    "ProgressReport",
    "gigabytes",
    "held_history",
    "parse_progress",
    "read_progress",
    "span",
    "write_progress",
]

PROGRESS_JSON = "progress.json"
PROGRESS_TEXT = "PROGRESS.txt"
REPORT_PAGE = "report.html"
LIVELY = (PROGRESS_TEXT, PROGRESS_JSON, REPORT_PAGE)
"""The files of a store that say who, when and how fast: other bytes after every run."""

STATES = ("running", "done", "interrupted", "failed")

_STALE_SECONDS = 120.0
_RATE_SECONDS = 30.0
_MOST_BYTES = 2**20


@dataclass(frozen=True)
class ProgressReport:
    """A bake at one moment.

    Attributes:
        state: "running", "done", "interrupted" or "failed".
        message: one sentence on it; what went wrong where something did.
        split, seed: of the stream.
        clips_done: clips in committed shards.
        clips_in_flight: clips rendered for shards that are not committed yet; a kill loses them.
        clips_total: clips asked for.
        shards_done, shards_total: the same in shards.
        class_counts: law -> clips of it in committed shards.
        clips_per_second: rendered over the last 30 s; None before the first clip.
        elapsed_seconds: since this run started.
        eta_seconds: to the end at that rate; None where there is no rate.
        last_commit: when a shard was last committed by this run, UTC; None before the first.
        updated: when this was written, UTC.
        stale_after_seconds: a report that says "running" and is older is of a bake that died.
        disk_free_bytes: room left in the store; None where nobody can tell.
        disk_needed_bytes: for the shards that are not committed yet.
        rss_bytes: memory of the process.
        pid, host: of the process.
        resume_command: run this, on any machine that has the store, to go on.
        history: the rate over the time of all runs, in at most ``MOST_POINTS`` points.
    """

    state: str
    message: str
    split: str
    seed: int
    clips_done: int
    clips_in_flight: int
    clips_total: int
    shards_done: int
    shards_total: int
    class_counts: Mapping[str, int]
    clips_per_second: float | None
    elapsed_seconds: float
    eta_seconds: float | None
    last_commit: str | None
    updated: str
    stale_after_seconds: float
    disk_free_bytes: int | None
    disk_needed_bytes: int
    rss_bytes: int
    pid: int
    host: str
    resume_command: str
    history: History

    def is_stale(self, now: datetime) -> bool:
        """Whether it says "running" but is too old to be believed.

        Args:
            now: a time with a time zone.
        """
        if self.state != "running":
            return False
        updated = datetime.strptime(self.updated, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
        return (now - updated).total_seconds() > self.stale_after_seconds

    def to_json(self) -> str:
        """progress.json: a line a field."""
        lines = (
            f"  {json.dumps(name)}: {json.dumps(value, allow_nan=False)}"
            for name, value in asdict(self).items()
        )
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @property
    def is_short_of_disk(self) -> bool:
        """Whether there is less room than the shards that are not committed yet need."""
        return self.disk_free_bytes is not None and self.disk_needed_bytes > self.disk_free_bytes

    def _room(self) -> str:
        if self.disk_free_bytes is None:
            return "-"
        return gigabytes(self.disk_free_bytes) + (" - NOT ENOUGH" if self.is_short_of_disk else "")

    def to_text(self) -> str:
        """PROGRESS.txt."""
        percent = 100 * self.clips_done / self.clips_total
        rate = "-" if self.clips_per_second is None else f"{self.clips_per_second:,.0f} clips/s"
        counts = ", ".join(f"{law} {count:,}" for law, count in self.class_counts.items())
        rows = [
            ("state", self.state),
            ("", self.message),
            ("clips", f"{self.clips_done:,} of {self.clips_total:,} ({percent:.1f} %)"),
            ("in flight", f"{self.clips_in_flight:,} clips rendered and not committed"),
            ("shards", f"{self.shards_done:,} of {self.shards_total:,}"),
            ("rate", rate),
            ("running for", span(self.elapsed_seconds)),
            ("time left", span(self.eta_seconds)),
            ("last commit", self.last_commit or "none in this run"),
            ("classes", counts),
            ("disk free", self._room()),
            ("disk needed", gigabytes(self.disk_needed_bytes)),
            ("memory", gigabytes(self.rss_bytes)),
            ("process", f"{self.pid} on {self.host}"),
            ("updated", self.updated),
            (
                "too old",
                f"a running bake writes this every few seconds; when it says running and is older "
                f"than {self.stale_after_seconds:.0f} s, the bake has died",
            ),
            ("to resume", self.resume_command),
        ]
        return "".join(f"{name:<12} {text}\n" for name, text in rows if text)


def write_progress(store: Store, report: ProgressReport) -> None:
    """Replace both files, each at one stroke.

    Raises:
        OSError: they cannot be written.
    """
    for name, text in ((PROGRESS_TEXT, report.to_text()), (PROGRESS_JSON, report.to_json())):
        # A folder's name may have bytes that are no text.
        put_bytes(store, name, text.encode("utf-8", "backslashreplace"), durable=False)


def read_progress(store: Store) -> ProgressReport | None:
    """The report in a store, or None where there is none.

    Raises:
        ShardError: progress.json is damaged.
    """
    data = read_whole(store, PROGRESS_JSON, _MOST_BYTES)
    return None if data is None else parse_progress(data, store.path(PROGRESS_JSON))


def parse_progress(data: bytes, file: str) -> ProgressReport:
    """The report that a progress.json holds.

    Raises:
        ShardError: the file is damaged.
    """
    expected = f"a progress report of at most {_MOST_BYTES} bytes"
    if len(data) > _MOST_BYTES:
        raise ShardError(file, expected=expected, found="more")
    try:
        value: Any = json.loads(data)
        names = {field.name for field in fields(ProgressReport)}
        if not isinstance(value, dict) or value.keys() != names or value["state"] not in STATES:
            raise ValueError("other keys or another state")
        return ProgressReport(**{**value, "history": parse_history(value["history"])})
    except (ValueError, TypeError, RecursionError) as error:
        raise ShardError(file, expected=expected, found=str(error)) from error


def held_history(store: Store) -> History:
    """What the runs before this one left of their rates; none where it cannot be read.

    It is a picture for people: no bake may stop for the want of it.
    """
    try:
        report = read_progress(store)
    except (OSError, ShardError):
        return ()
    return report.history if report else ()


class Meter:
    """Counts what the threads of one run do, and makes reports of it.

    Args:
        store: for its free space.
        split, seed, clips_total, shards_total, resume_command: as in the report.
        bytes_total: of all shards.
        class_counts: law -> clips committed before this run.
        shards_done: committed before this run.
        bytes_done: committed before this run.
        history: of the runs before this one.
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
        self._process = psutil.Process()

    @property
    def shards_done(self) -> int:
        """Committed so far."""
        return self._shards_done

    def count_clips(self, clips: int) -> None:
        """Some clips were rendered; a negative number: some that were rendered are lost."""
        with self._lock:
            self._in_flight += clips
            if clips > 0:
                self._rendered += clips
                self._last_clip = time.monotonic()

    def count_commit(self, filesize: int, counts: Mapping[str, int]) -> None:
        """A shard was committed."""
        with self._lock:
            for law, count in counts.items():
                self._counts[law] += count
            self._in_flight -= sum(counts.values())
            self._shards_done += 1
            self._bytes_done += filesize
            self._last_commit = _now()

    def report(self, state: str, message: str) -> ProgressReport:
        """The state of things now.

        Raises:
            OSError: the filesystem does not say how much is free.
        """
        free = self._store.free_bytes()
        now = time.monotonic()
        with self._lock:
            if self._rendered == 0:
                self._recent.clear()  # the time before the first clip is no part of the rate
                self._plotted = (now, 0)
            self._recent.append((now, self._rendered))
            while len(self._recent) > 2 and now - self._recent[0][0] > _RATE_SECONDS:
                self._recent.popleft()
            since, before = self._recent[0]
            rate = (self._rendered - before) / (now - since) if self._rendered > before else None
            done = sum(self._counts.values())
            left = self._clips_total - done - self._in_flight
            self._plot(now, done + self._in_flight, is_last=state != "running")
            return ProgressReport(
                state=state,
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
                elapsed_seconds=now - self._started,
                eta_seconds=left / rate if rate else None,
                last_commit=self._last_commit,
                updated=_now(),
                stale_after_seconds=_STALE_SECONDS,
                disk_free_bytes=free,
                disk_needed_bytes=self._bytes_total - self._bytes_done,
                rss_bytes=self._process.memory_info().rss,
                pid=os.getpid(),
                host=socket.gethostname(),
                resume_command=self._resume_command,
                history=self._history,
            )

    def _plot(self, now: float, clips: int, is_last: bool) -> None:
        """Add a point to the history where it is time for one."""
        since, before = self._plotted
        if is_last:
            now = self._last_clip  # what a bake does after that renders nothing and has no rate
        seconds = self._seconds_before + now - self._started
        if self._rendered and now > since and is_due(self._history, seconds):
            rate = (self._rendered - before) / (now - since)
            self._history = with_point(self._history, RatePoint(seconds, clips, rate))
            self._plotted = (now, self._rendered)


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def span(seconds: float | None) -> str:
    """Seconds as a person reads them: "3 min 20 s", "2 h 05 min 00 s"; "-" where there are none."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min {rest:02d} s" if hours else f"{minutes} min {rest:02d} s"


def gigabytes(size: int) -> str:
    """Bytes in units of 10^9."""
    return f"{size / 1e9:.2f} GB"
