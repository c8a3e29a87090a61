"""How far an export is, for people (PROGRESS.txt) and for programs (progress.json)."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from trajdata._bake.progress import TIME_FORMAT, span, write_progress
from trajdata._errors import printable
from trajdata._store.folder import FolderStore
from trajdata._words import per_second

__all__ = ["ExportProgress", "Progress"]

_WRITE_SECONDS = 10.0
"""Time between two writes of the files, while nothing ends."""


@dataclass(frozen=True)
class ExportProgress:
    """An export at one moment.

    Attributes:
        status: "running", "done", "interrupted" or "failed".
        message: what went wrong, in one sentence; else empty.
        clips_done: clips in parts that are there; a kill cannot lose them.
        clips_in_flight: clips written for parts that are not.
        clips_total: clips asked for.
        clips_per_second: rate of this run; None before its first part.
        elapsed_seconds: since this run started.
        eta_seconds: time to the end at this rate; None without a rate.
        updated: when this was written, UTC.
        pid, host: of the process.
        resume_command: command that continues the export.
    """

    status: str
    message: str
    clips_done: int
    clips_in_flight: int
    clips_total: int
    clips_per_second: float | None
    elapsed_seconds: float
    eta_seconds: float | None
    updated: str
    pid: int
    host: str
    resume_command: str

    def to_json(self) -> str:
        """The text of progress.json."""
        return json.dumps(asdict(self), indent=2, allow_nan=False) + "\n"

    def to_text(self) -> str:
        """The text of PROGRESS.txt."""
        percent = 100 * self.clips_done / self.clips_total
        rows = (
            ("status", self.status),
            ("", self.message),
            ("clips", f"{self.clips_done:,} of {self.clips_total:,} ({percent:.1f} %)"),
            ("rate", per_second(self.clips_per_second)),
            ("running for", span(self.elapsed_seconds)),
            ("time left", span(self.eta_seconds)),
            ("process", f"{self.pid} on {self.host}"),
            ("updated", self.updated),
            ("to resume", self.resume_command),
        )
        return "".join(f"{name:<12} {printable(text)}\n" for name, text in rows if text)


class Progress:
    """Keeps count of an export, writes its progress files, and tells whoever listens.

    Args:
        store: the folder of the export.
        clips_total: clips asked for.
        clips_done: clips in parts that are there already.
        resume_command: command that continues the export.
        listener: called with each report.
    """

    def __init__(
        self,
        store: FolderStore,
        *,
        clips_total: int,
        clips_done: int,
        resume_command: str,
        listener: Callable[[ExportProgress], None] | None,
    ) -> None:
        self._store = store
        self._listener = listener
        self._begun = time.monotonic()
        self._held_before = clips_done
        self._written = -_WRITE_SECONDS
        self._report = ExportProgress(
            status="running",
            message="",
            clips_done=clips_done,
            clips_in_flight=0,
            clips_total=clips_total,
            clips_per_second=None,
            elapsed_seconds=0.0,
            eta_seconds=None,
            updated="",
            pid=os.getpid(),
            host=socket.gethostname(),
            resume_command=resume_command,
        )

    @property
    def seconds(self) -> float:
        """Since the run started."""
        return time.monotonic() - self._begun

    def tick(self, clips_done: int, clips_in_flight: int) -> None:
        """Tell how far the export is; the files are written when they are due."""
        self._count(clips_done, clips_in_flight)
        if self.seconds - self._written >= _WRITE_SECONDS:
            self._write()
        self._tell()

    def end(self, status: str, message: str, clips_done: int) -> None:
        """Tell how the run ended, and write that."""
        self._count(clips_done, 0)
        self._report = replace(self._report, status=status, message=message)
        self._write(is_last=True)
        self._tell()

    def _count(self, clips_done: int, clips_in_flight: int) -> None:
        seconds = self.seconds
        written = clips_done - self._held_before
        rate = written / seconds if written > 0 and seconds > 0 else None
        left = self._report.clips_total - clips_done
        self._report = replace(
            self._report,
            clips_done=clips_done,
            clips_in_flight=clips_in_flight,
            clips_per_second=rate,
            elapsed_seconds=round(seconds, 3),
            eta_seconds=None if rate is None else left / rate,
            updated=time.strftime(TIME_FORMAT, time.gmtime()),
        )

    def _tell(self) -> None:
        if self._listener is not None:
            self._listener(self._report)

    def _write(self, *, is_last: bool = False) -> None:
        self._written = self.seconds
        write_progress(self._store, self._report, is_last=is_last)
