"""A live view of a bake that another process, or another machine, is running."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from trajdata._bake.progress import ProgressReport, read_progress
from trajdata._errors import ArgumentError, ShardError, printable
from trajdata._store.opening import open_store

__all__ = ["frame", "watch"]

_LOOK_SECONDS = 1.0
_PATIENCE = 30
"""How many looks in a row may find a torn file: a sync may be just writing it."""


def watch(
    folder: Path,
    console: Console,
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Show a bake's progress until it ends, or its writer has gone silent.

    Args:
        folder: that the bake writes to, or that is synced from there.
        console: to show it on; without a terminal, one line for each change.
        wait: for so many seconds, between two looks.
        clock: seconds, for how long a report has not changed: the clock of the writer, whose time
            is in the report, may be another.

    Returns:
        The state at the end: "done", "interrupted", "failed" or "silent".

    Raises:
        ArgumentError: the folder has no progress.json.
        ShardError: it is damaged, and stays so.
    """
    shown: tuple[str, int] | None = None
    last, since = "", clock()
    torn = 0
    with Live(
        console=console, auto_refresh=False, transient=False, vertical_overflow="visible"
    ) as live:
        while True:
            try:
                report = _read(folder)
            except ShardError:
                torn += 1
                if torn > _PATIENCE:
                    raise
            else:
                torn = 0
                if report.updated != last:
                    last, since = report.updated, clock()
                is_unchanged = clock() - since > report.stale_after_seconds
                silent = report.state == "running" and (
                    report.is_stale(datetime.now(timezone.utc)) or is_unchanged
                )
                state = "silent" if silent else report.state
                if console.is_terminal:
                    live.update(frame(report, silent=silent), refresh=True)
                elif shown != (state, report.shards_done):
                    shown = (state, report.shards_done)
                    console.print(
                        _line(report, state), markup=False, highlight=False, soft_wrap=True
                    )
                if state != "running":
                    return state
            wait(_LOOK_SECONDS)


def frame(report: ProgressReport, *, silent: bool) -> RenderableType:
    """The picture of one moment: a bar and what PROGRESS.txt says.

    Args:
        report: of the bake.
        silent: whether its writer has gone silent.
    """
    done = report.clips_done + report.clips_in_flight
    parts: list[RenderableType] = [
        ProgressBar(total=report.clips_total, completed=done),
        Text(report.to_text().rstrip()),
    ]
    if silent:
        parts.append(Text(_silence(report), style="bold red"))
    return Group(*parts)


def _read(folder: Path) -> ProgressReport:
    report = read_progress(open_store(folder))
    if report is None:
        raise ArgumentError(
            f"FOLDER: given {str(folder)!r}; allowed is a folder with a progress.json, "
            "as `trajdata materialize` writes it"
        )
    return report


def _line(report: ProgressReport, state: str) -> str:
    if state == "silent":
        return f"silent: {_silence(report)}"
    return f"{state}: {report.clips_done:,} of {report.clips_total:,} clips committed"


def _silence(report: ProgressReport) -> str:
    return printable(
        f"The writer has gone silent: its last word is of {report.updated}, more than "
        f"{report.stale_after_seconds:.0f} s ago. It has died, or the folder is not synced. "
        f"To resume: {report.resume_command}"
    )
