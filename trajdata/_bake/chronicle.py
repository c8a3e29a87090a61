"""The chronicle of one run of a bake: it is told what happens and tells it to all who look."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from trajdata._bake.commits import TEMPS, Commit, FolderState
from trajdata._bake.progress import (
    REPORT_PAGE,
    Meter,
    ProgressReport,
    held_history,
    write_progress,
)
from trajdata._bake.report.page import Integrity, render_page
from trajdata._bake.threads import Events
from trajdata._clips.source import ClipSource
from trajdata._store.disk import Disk, replace_quickly

if TYPE_CHECKING:
    from trajdata._show.pictures import ClipPicture

__all__ = ["Chronicle"]

_NEWEST = 5
_PAGE_SECONDS = 0.5
"""A page that says nothing but newer numbers is written no sooner after the last."""

_PICTURE_SECONDS = 20.0
_FIRST_PICTURE_SECONDS = 2.0
"""A bake that takes no longer than that has pictures at its end only."""

_PICTURES = 8
_PICTURE_BYTES = 180_000
"""As base64 in a page: 240 KB."""

_CLIP_BYTES = 2**26
"""So much video is drawn for the pictures at most, but one clip."""


class Chronicle:
    """Counts what a run does and writes PROGRESS.txt, progress.json and report.html.

    Args:
        disk: of the folder, locked.
        found: the folder's state before its newest shards were hashed again.
        state: the same after it; the run goes on from there.
        temps_cleared: files of an earlier run that this one removed.
        on_progress: called with each report that was written.
    """

    def __init__(
        self,
        disk: Disk,
        *,
        found: FolderState,
        state: FolderState,
        temps_cleared: int,
        on_progress: Callable[[ProgressReport], None] | None,
    ) -> None:
        self._disk, self._recipe = disk, state.recipe
        self._meter = _meter(disk, state)
        self._on_progress = on_progress
        self._found, self._whole_at_start = found, state.whole
        self._temps_cleared = temps_cleared
        self._canary: int | None = None
        self._index_is_there = state.index is not None
        self._source: ClipSource | None = None
        self._lock = threading.Lock()
        self._done = np.zeros(self._recipe.shards, np.bool_)
        self._done[list(state.commits)] = True
        held = sorted(state.commits)[-_NEWEST:]
        self._newest = deque((state.commits[shard] for shard in held), _NEWEST)
        self._pictures: tuple[ClipPicture, ...] = ()
        self._pictured: int | None = None
        self._picture_due = self._paged_at = float("-inf")
        self._paged_message = ""

    @property
    def events(self) -> Events:
        """For the threads of the bake."""
        return Events(self._meter.draw, self._meter.drop, self._committed)

    @property
    def shards_done(self) -> int:
        """Committed so far."""
        return self._meter.shards_done

    def canary_drawn(self, clip: int | None) -> None:
        """A committed clip was drawn again and is the same; None where there is none yet."""
        self._canary = clip

    def source_is_warm(self) -> None:
        """Clips can be drawn from now on, without compiling."""
        from trajdata._show.pictures import PREVIEW_FIELDS

        recipe = self._recipe
        self._source = ClipSource(recipe.spec, recipe.seed, recipe.split, fields=PREVIEW_FIELDS)
        self._picture_due = time.monotonic() + _FIRST_PICTURE_SECONDS

    def index_written(self) -> None:
        """The folder is complete."""
        self._index_is_there = True

    def tell(self, state: str, message: str) -> None:
        """Write all three and hand the report on.

        Raises:
            OSError: one cannot be written.
        """
        report = self._meter.report(state, message)
        # What tells programs that all is done is written last.
        self._write_page(report)
        write_progress(self._disk, TEMPS, report)
        if self._on_progress is not None:
            self._on_progress(report)

    def tell_last(self, state: str, message: str) -> None:
        """Say how the run ended, before the error that ended it is raised.

        Raises:
            OSError: it cannot be written; where the disk is full, the two short files come first.
        """
        report = self._meter.report(state, message)
        write_progress(self._disk, TEMPS, report)
        self._write_page(report)

    def _committed(self, commit: Commit) -> None:
        laws = self._recipe.spec.laws
        self._meter.commit(commit.filesize, dict(zip(laws, commit.labels, strict=True)))
        with self._lock:
            self._done[commit.shard] = True
            self._newest.append(commit)

    def _write_page(self, report: ProgressReport) -> None:
        now = time.monotonic()
        is_news = report.state != "running" or report.message != self._paged_message
        if not is_news and now - self._paged_at < _PAGE_SECONDS:
            return
        self._paged_at, self._paged_message = now, report.message
        integrity = self._integrity()
        self._draw_pictures(report.state, integrity.newest, now)
        folder = str(self._disk.root)
        page = render_page(folder, self._recipe, report, integrity, self._pictures)
        # A folder's name may have bytes that are no text.
        data = page.encode("utf-8", "backslashreplace")
        replace_quickly(self._disk, f"{TEMPS}/{REPORT_PAGE}", REPORT_PAGE, data)

    def _integrity(self) -> Integrity:
        name = self._recipe.shard_name
        rehashed = self._found.newest
        with self._lock:
            done, newest = self._done.copy(), tuple(reversed(self._newest))
        return Integrity(
            done=done,
            rehashed=tuple(name(shard) for shard in rehashed),
            damaged=tuple(name(shard) for shard in rehashed if shard not in self._whole_at_start),
            canary=self._canary,
            temps_cleared=self._temps_cleared,
            newest=newest,
            index_is_there=self._index_is_there,
        )

    def _draw_pictures(self, state: str, newest: tuple[Commit, ...], now: float) -> None:
        """Draw the last clips of the newest shard, where they are others than those that we have.

        Not on the way out of an error: who stops a bake does not want to wait for pictures.
        """
        if self._source is None or not newest or newest[0].shard == self._pictured:
            return
        if not (state == "done" or (state == "running" and now >= self._picture_due)):
            return
        from trajdata._show.pictures import clip_pictures

        count = max(1, min(_PICTURES, _CLIP_BYTES // self._recipe.spec.clip_bytes))
        clips = self._recipe.indices(newest[0].shard)[-count:]
        self._pictures = clip_pictures(self._source, clips=clips, most_bytes=_PICTURE_BYTES)
        self._pictured, self._picture_due = newest[0].shard, now + _PICTURE_SECONDS


def _meter(disk: Disk, state: FolderState) -> Meter:
    recipe = state.recipe
    columns = zip(*(commit.labels for commit in state.commits.values()), strict=True)
    counts = [sum(column) for column in columns] or [0] * len(recipe.spec.laws)
    layout = recipe.layout
    full, rest = divmod(recipe.clips, recipe.shard_clips)
    return Meter(
        disk.root,
        split=recipe.split,
        seed=recipe.seed,
        clips_total=recipe.clips,
        shards_total=recipe.shards,
        bytes_total=full * layout.shard_bytes(recipe.shard_clips)
        + (layout.shard_bytes(rest) if rest else 0),
        class_counts=dict(zip(recipe.spec.laws, counts, strict=True)),
        shards_done=len(state.commits),
        bytes_done=sum(commit.filesize for commit in state.commits.values()),
        resume_command=recipe.command(disk.root),
        history=held_history(disk.root),
    )
