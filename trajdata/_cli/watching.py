"""Watch a bake that another process or another machine runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from trajdata._bake.progress import ProgressReport, read_progress
from trajdata._errors import ArgumentError, ShardError, printable
from trajdata._store.opening import open_store
from trajdata._words import counted

__all__ = ["frame", "watch"]

_LOOK_SECONDS = 1.0
_PATIENCE = 30
"""How many reads in a row may find a damaged file, because a sync may be writing it just then."""


def watch(
    out: str,
    console: Console,
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Show the reports of a bake until it ends, or until its writer has gone silent.

    Args:
        out: folder or URL that the bake writes to, or a folder that is synced from there.
        console: where to show the reports; without a terminal, a line is printed for each change.
        wait: waits for a number of seconds, between two reads.
        clock: returns seconds. It measures for how long a report has not changed, because the
            writer's clock, whose time is in the report, may differ from that of this machine.

    Returns:
        The status at the end: "done", "interrupted", "failed" or "silent".

    Raises:
        ArgumentError: the store has no progress.json.
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
                report = _read(out)
            except ShardError:
                torn += 1
                if torn > _PATIENCE:
                    raise
            else:
                torn = 0
                if report.updated != last:
                    last, since = report.updated, clock()
                is_unchanged = clock() - since > report.stale_after_seconds
                silent = report.status == "running" and (
                    report.is_stale(datetime.now(timezone.utc)) or is_unchanged
                )
                status = "silent" if silent else report.status
                if console.is_terminal:
                    live.update(frame(report, silent=silent), refresh=True)
                elif shown != (status, report.shards_done):
                    shown = (status, report.shards_done)
                    console.print(
                        _line(report, status), markup=False, highlight=False, soft_wrap=True
                    )
                if status != "running":
                    return status
            wait(_LOOK_SECONDS)


def frame(report: ProgressReport, *, silent: bool) -> RenderableType:
    """What is shown of one report: a bar, and the text of PROGRESS.txt.

    Args:
        report: the progress report.
        silent: whether the writer has gone silent.
    """
    done = report.clips_done + report.clips_in_flight
    parts: list[RenderableType] = [
        ProgressBar(total=report.clips_total, completed=done),
        Text(""),  # ends the bar's line, beside which the first line of the text would be cut off
        Text(report.to_text().rstrip()),
    ]
    if silent:
        parts.append(Text(_silence(report), style="bold red"))
    return Group(*parts)


def _read(out: str) -> ProgressReport:
    report = read_progress(open_store(out))
    if report is None:
        raise ArgumentError(
            f"OUT: given {out!r}; allowed is a store with a progress.json, "
            "as `trajdata materialize` writes it"
        )
    return report


def _line(report: ProgressReport, status: str) -> str:
    if status == "silent":
        return f"silent: {_silence(report)}"
    return f"{status}: {report.clips_done:,} of {counted(report.clips_total, 'clip')} committed"


def _silence(report: ProgressReport) -> str:
    return printable(
        f"The writer has gone silent: its last report is of {report.updated}, more than "
        f"{report.stale_after_seconds:.0f} s ago. It has died, or the folder is not synced. "
        f"To resume: {report.resume_command}"
    )
