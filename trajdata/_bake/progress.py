"""The progress report of a bake, for people (PROGRESS.txt) and for programs (progress.json)."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any, Protocol

from trajdata._bake.history import History, parse_history
from trajdata._errors import ShardError, printable
from trajdata._shards.strict_json import parse
from trajdata._store.protocol import Store
from trajdata._store.ranges import put_bytes, read_whole
from trajdata._words import counted, per_second

__all__ = [
    "LIVELY",
    "PROGRESS_JSON",
    "PROGRESS_TEXT",
    "REPORT_PAGE",
    "STALE_SECONDS",
    "STATUSES",
    "TIME_FORMAT",
    "AnyReport",
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
"""The files that tell who bakes, when and how fast. Their bytes differ from run to run."""

STATUSES = ("running", "done", "interrupted", "failed")

STALE_SECONDS = 120.0
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"

_MOST_BYTES = 2**20
_MOST_STALE_SECONDS = 3600.0
_MOST_CHARACTERS = 100_000
_MOST_NODES = 10_000
_SHOWN_NODES = 16
_MOST = 1e18
"""No bake reaches this number. A larger one, or a NaN, means that the file is damaged."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class ProgressReport:
    """A bake at one moment.

    Attributes:
        status: "running", "done", "interrupted" or "failed".
        message: what the bake is doing, or what went wrong, in one sentence.
        split, seed: of the stream.
        clips_done: clips in committed shards.
        clips_in_flight: clips rendered for shards that are not committed yet; a kill loses them.
        clips_total: clips asked for.
        shards_done, shards_total: shards committed, and shards asked for.
        class_counts: law -> its clips in committed shards.
        clips_per_second: rate over the last 30 s while the bake runs, rate of the whole run after
            its end; None before the first clip.
        nodes: of a bake on a cluster, name of a node -> clips a second that it has committed over
            the last minute; empty on one machine.
        elapsed_seconds: since this run started.
        eta_seconds: time to the end at this rate; None without a rate.
        last_commit: when this run last committed a shard, UTC; None before its first.
        updated: when the report was written, UTC.
        stale_after_seconds: if the report says "running" and is older than this, the bake has died.
        disk_free_bytes: space left in the store; None if that is not known.
        disk_needed_bytes: size of the shards that are not committed yet.
        rss_bytes: memory of the process.
        pid, host: of the process.
        resume_command: command that continues the bake, on any machine that has the store.
        history: the rate over the time of all runs, in at most ``MOST_POINTS`` points.
    """

    status: str
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
    nodes: Mapping[str, float]
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
        """Whether the report says "running" but is so old that its bake must have died.

        Args:
            now: a time with a time zone.
        """
        return self.status == "running" and self._age_seconds(now) > self.stale_after_seconds

    def is_of_the_future(self, now: datetime) -> bool:
        """Whether the report says "running" and its time lies so far ahead of ``now`` that the
        clocks of writer and reader differ. Then its age tells nothing.

        Args:
            now: a time with a time zone.
        """
        return self.status == "running" and -self._age_seconds(now) > self.stale_after_seconds

    def _age_seconds(self, now: datetime) -> float:
        updated = datetime.strptime(self.updated, TIME_FORMAT).replace(tzinfo=timezone.utc)
        return (now - updated).total_seconds()

    def to_json(self) -> str:
        """The text of progress.json, one line for each field."""
        lines = (
            f"  {json.dumps(name)}: {json.dumps(value, allow_nan=False)}"
            for name, value in asdict(self).items()
        )
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @property
    def is_short_of_disk(self) -> bool:
        """Whether the shards that are not committed yet need more space than is left."""
        return self.disk_free_bytes is not None and self.disk_needed_bytes > self.disk_free_bytes

    def _space(self) -> str:
        if self.disk_free_bytes is None:
            return "-"
        return gigabytes(self.disk_free_bytes) + (" - NOT ENOUGH" if self.is_short_of_disk else "")

    def _nodes(self) -> str:
        shown = [f"{name} {per_second(rate)}" for name, rate in self.nodes.items()]
        more = [f"and {len(shown) - _SHOWN_NODES} more"] if len(shown) > _SHOWN_NODES else []
        return ", ".join(shown[:_SHOWN_NODES] + more)

    def to_text(self) -> str:
        """The text of PROGRESS.txt."""
        percent = 100 * self.clips_done / self.clips_total
        counts = ", ".join(f"{law} {count:,}" for law, count in self.class_counts.items())
        rows = [
            ("status", self.status),
            ("", self.message),
            ("clips", f"{self.clips_done:,} of {self.clips_total:,} ({percent:.1f} %)"),
            ("in flight", f"{counted(self.clips_in_flight, 'clip')} rendered and not committed"),
            ("shards", f"{self.shards_done:,} of {self.shards_total:,}"),
            ("rate", per_second(self.clips_per_second)),
            ("nodes", self._nodes()),
            ("running for", span(self.elapsed_seconds)),
            ("time left", span(self.eta_seconds)),
            ("last commit", self.last_commit or "none in this run"),
            ("classes", counts),
            ("disk free", self._space()),
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
        # Anyone may have written the report of a folder: it must not send commands to a terminal.
        return "".join(f"{name:<12} {printable(text)}\n" for name, text in rows if text)


class AnyReport(Protocol):
    """What can be written as a progress report: that of a bake, or of an export."""

    def to_text(self) -> str:
        """The text of PROGRESS.txt."""

    def to_json(self) -> str:
        """The text of progress.json."""


def write_progress(store: Store, report: AnyReport, *, is_last: bool = False) -> None:
    """Replace PROGRESS.txt and progress.json. A reader finds each of them whole, old or new.

    Args:
        store: the store to write to.
        report: what to write.
        is_last: whether this is the last report of the run. If the disk has no space for a new
            file, the last report overwrites the old one in place, so that the files do not go on
            saying "running".

    Raises:
        OSError: a file could not be written.
    """
    for name, text in ((PROGRESS_TEXT, report.to_text()), (PROGRESS_JSON, report.to_json())):
        # A folder's name may have bytes that are not UTF-8.
        data = text.encode("utf-8", "backslashreplace")
        try:
            put_bytes(store, name, data, durable=False)
        except OSError as error:
            if not is_last or error.errno not in _NO_SPACE:
                raise
            store.overwrite(name, data)


def read_progress(store: Store) -> ProgressReport | None:
    """The report in a store, or None if there is no progress.json.

    Raises:
        ShardError: progress.json is damaged.
    """
    data = read_whole(store, PROGRESS_JSON, _MOST_BYTES)
    return None if data is None else parse_progress(data, store.path(PROGRESS_JSON))


def parse_progress(data: bytes, file: str) -> ProgressReport:
    """The report that a progress.json holds.

    Raises:
        ShardError: the file is damaged, or has a value that no bake writes.
    """
    value = parse(data, file, _MOST_BYTES)
    if value.keys() != _FIELDS.keys():
        names = ", ".join(sorted(value.keys() ^ _FIELDS.keys()))
        raise ShardError(file, expected="the fields of a progress report", found=f"{names:.200}")
    for name, (expected, is_right) in _FIELDS.items():
        if not is_right(value[name]):
            raise ShardError(file, expected=f"{name}: {expected}", found=f"{value[name]!r:.80}")
    try:
        history = parse_history(value.pop("history"))
    except ValueError as error:
        raise ShardError(file, expected="a progress report", found=str(error)) from error
    return ProgressReport(**value, history=history)


def held_history(store: Store) -> History:
    """The history that earlier runs left in progress.json; empty if that cannot be read.

    The history is only plotted for people, so a damaged one must not stop a bake.
    """
    try:
        report = read_progress(store)
    except (OSError, ShardError):
        return ()
    return report.history if report else ()


def span(seconds: float | None) -> str:
    """Seconds as text: "3 min 20 s", "2 h 05 min 00 s"; "-" for None."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min {rest:02d} s" if hours else f"{minutes} min {rest:02d} s"


def gigabytes(size: int) -> str:
    """Bytes in units of 10^9."""
    return f"{size / 1e9:.2f} GB"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MOST_CHARACTERS


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < _MOST


def _is_seed(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value < _MOST  # type: ignore[operator]


def _is_time(value: object) -> bool:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return False
    try:
        datetime.strptime(value, TIME_FORMAT)
    except ValueError:
        return False
    return True


def _are_counts(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= 1000
        and all(len(name) <= 100 and _is_count(count) for name, count in value.items())
    )


def _are_rates(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= _MOST_NODES
        and all(len(name) <= 300 and _is_number(rate) for name, rate in value.items())
    )


_Rule = tuple[str, Callable[[Any], bool]]
_TEXT: _Rule = ("a text", _is_text)
_COUNT: _Rule = ("a whole number from 0", _is_count)
_NUMBER: _Rule = ("a number from 0", _is_number)
_MAYBE_NUMBER: _Rule = (
    "a number from 0, or null",
    lambda value: value is None or _is_number(value),
)

_FIELDS: dict[str, _Rule] = {
    "status": (f"one of {', '.join(STATUSES)}", lambda value: value in STATUSES),
    "message": _TEXT,
    "split": _TEXT,
    "seed": ("a whole number from 0 to 2**63 - 1", _is_seed),
    "clips_done": _COUNT,
    "clips_in_flight": _COUNT,
    "clips_total": ("a whole number from 1", lambda value: _is_count(value) and value > 0),
    "shards_done": _COUNT,
    "shards_total": _COUNT,
    "class_counts": ("numbers of clips by law", _are_counts),
    "clips_per_second": _MAYBE_NUMBER,
    "nodes": ("clips a second by node", _are_rates),
    "elapsed_seconds": _NUMBER,
    "eta_seconds": _MAYBE_NUMBER,
    "last_commit": ("a time, or null", lambda value: value is None or _is_time(value)),
    "updated": ("a time, such as 2026-01-31T12:00:00Z", _is_time),
    "stale_after_seconds": (
        f"a number up to {_MOST_STALE_SECONDS:g}",
        lambda value: _is_number(value) and value <= _MOST_STALE_SECONDS,
    ),
    "disk_free_bytes": ("a whole number from 0, or null", lambda v: v is None or _is_count(v)),
    "disk_needed_bytes": _COUNT,
    "rss_bytes": _COUNT,
    "pid": _COUNT,
    "host": _TEXT,
    "resume_command": _TEXT,
    "history": ("a list of points", lambda value: isinstance(value, list)),
}
"""For each field of a report: which values it may have, in words and as a check."""
