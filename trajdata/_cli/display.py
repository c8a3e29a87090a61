"""Show the reports of a running bake or export: as a bar on a terminal, as lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from trajdata._words import counted, per_second

__all__ = ["LINE_SECONDS", "Display", "ShownProgress", "duration"]

_BAR_WIDTH = 100
"""The least number of columns of a terminal on which there is a bar beside the text."""

LINE_SECONDS = 20.0
"""Time between two lines without a terminal, while the status of the bake is the same."""


class ShownProgress(Protocol):
    """What is shown of a bake or an export: see ``ProgressReport``."""

    @property
    def status(self) -> str: ...
    @property
    def clips_done(self) -> int: ...
    @property
    def clips_in_flight(self) -> int: ...
    @property
    def clips_total(self) -> int: ...
    @property
    def clips_per_second(self) -> float | None: ...
    @property
    def eta_seconds(self) -> float | None: ...


class Display:
    """Shows the progress reports of one bake or export. Use it as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._shown: tuple[str, float] | None = None
        if console.is_terminal:
            # On a narrow terminal there is no bar, and the text is folded.
            words = TextColumn(
                "{task.description}: {task.fields[text]}",
                table_column=Column(overflow="fold", no_wrap=False),
            )
            bar = (BarColumn(),) if console.width >= _BAR_WIDTH else ()
            self._bar = Progress(*bar, words, console=console)
            self._task = self._bar.add_task("starting", total=None, text="")

    def __enter__(self) -> Display:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, report: ShownProgress) -> None:
        """Show a report. Called about once a second; lines are printed less often."""
        if self._bar is not None:
            self._bar.update(
                self._task,
                description=report.status,
                # The bar counts rendered clips. The text counts only committed clips, which a kill
                # cannot lose.
                completed=report.clips_done + report.clips_in_flight,
                total=report.clips_total,
                text=_line(report),
            )
        elif self._is_due(report.status):
            print(f"{report.status}: {_line(report)}", file=self._console.file, flush=True)

    def _is_due(self, status: str) -> bool:
        now = time.monotonic()
        shown = self._shown
        if shown and shown[0] == status and now - shown[1] < LINE_SECONDS:
            return False
        self._shown = (status, now)
        return True


def duration(seconds: float) -> str:
    """Seconds as text: "8 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _line(report: ShownProgress) -> str:
    parts = [f"{report.clips_done:,} of {counted(report.clips_total, 'clip')} committed"]
    if report.clips_per_second is not None:
        parts.append(per_second(report.clips_per_second))
    if report.eta_seconds is not None and report.status == "running":
        parts.append(f"{duration(report.eta_seconds)} left")
    return ", ".join(parts)
