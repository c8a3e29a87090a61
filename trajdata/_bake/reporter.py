"""What one run of a bake tells: it counts what happens and writes PROGRESS and the report page."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from trajdata._bake.engines.threads import Events
from trajdata._bake.meter import Meter
from trajdata._bake.progress import (
    REPORT_PAGE,
    ProgressReport,
    held_history,
    write_progress,
)
from trajdata._bake.report.page import Integrity, render_page
from trajdata._clips.source import ClipSource
from trajdata._shards.commit_record import Commit
from trajdata._store.contents import Contents
from trajdata._store.protocol import Store
from trajdata._store.ranges import put_bytes

if TYPE_CHECKING:
    from trajdata._show.pictures import ClipPicture

__all__ = ["Reporter"]

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
"""So much video is rendered for the pictures at most, but one clip at least."""


class Reporter:
    """Counts what a run does and writes PROGRESS.txt, progress.json and report.html.

    Args:
        store: that is baked into, locked.
        found: what it held before its newest shards were hashed again.
        contents: the same after it; the run goes on from there.
        temps_cleared: files of an earlier run that this one removed.
        on_progress: called with each report that was written.
    """

    def __init__(
        self,
        store: Store,
        *,
        found: Contents,
        contents: Contents,
        temps_cleared: int,
        on_progress: Callable[[ProgressReport], None] | None,
    ) -> None:
        self._store, self._recipe = store, contents.recipe
        self._meter = _meter(store, contents)
        self._on_progress = on_progress
        self._found, self._present_at_start = found, contents.present
        self._temps_cleared = temps_cleared
        self._canary: int | None = None
        self._index_is_there = contents.index is not None
        self._source: ClipSource | None = None
        self._lock = threading.Lock()
        self._done = np.zeros(self._recipe.shards, np.bool_)
        committed = contents.committed
        self._done[list(committed)] = True
        self._newest = deque((committed[shard] for shard in sorted(committed)[-_NEWEST:]), _NEWEST)
        self._pictures: tuple[ClipPicture, ...] = ()
        self._pictured: int | None = None
        self._picture_due = self._paged_at = float("-inf")
        self._paged_message = ""

    @property
    def events(self) -> Events:
        """For the threads of the bake."""
        return Events(self._meter.count_clips, self._committed)

    @property
    def shards_done(self) -> int:
        """Committed so far."""
        return self._meter.shards_done

    def canary_is_right(self, clip: int | None) -> None:
        """A committed clip was rendered again and is the same; None where there is none yet."""
        self._canary = clip

    def source_is_warm(self) -> None:
        """Clips can be rendered from now on, without compiling."""
        from trajdata._show.pictures import PREVIEW_FIELDS

        recipe = self._recipe
        self._source = ClipSource(recipe.spec, recipe.seed, recipe.split, fields=PREVIEW_FIELDS)
        self._picture_due = time.monotonic() + _FIRST_PICTURE_SECONDS

    def index_written(self) -> None:
        """The store is complete."""
        self._index_is_there = True

    def baking_begins(self) -> None:
        """From now on clips are rendered and written."""
        self._meter.baking_begins()

    def baking_ends(self) -> float:
        """All shards that were due are committed; the seconds that it took."""
        return self._meter.baking_ends()

    def is_lost(self, commit: Commit) -> None:
        """A shard of an earlier run is not what it was, and is made again."""
        laws = self._recipe.spec.laws
        self._meter.count_loss(commit.filesize, dict(zip(laws, commit.labels, strict=True)))
        with self._lock:
            self._done[commit.shard] = False

    def tell(self, state: str, message: str) -> None:
        """Write all three and hand the report on.

        Raises:
            OSError: one cannot be written.
        """
        report = self._meter.report(state, message)
        # What tells programs that all is done is written last.
        self._write_page(report)
        write_progress(self._store, report)
        if self._on_progress is not None:
            self._on_progress(report)

    def tell_last(self, state: str, message: str) -> None:
        """Say how the run ended, before the error that ended it is raised.

        Raises:
            OSError: it cannot be written; where the disk is full, the two short files come first.
        """
        report = self._meter.report(state, message)
        write_progress(self._store, report, is_last=True)
        self._write_page(report)

    def _committed(self, commit: Commit) -> None:
        laws = self._recipe.spec.laws
        self._meter.count_commit(commit.filesize, dict(zip(laws, commit.labels, strict=True)))
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
        self._render_pictures(report.state, integrity.newest, now)
        page = render_page(self._store.where, self._recipe, report, integrity, self._pictures)
        # A folder's name may have bytes that are no text.
        data = page.encode("utf-8", "backslashreplace")
        put_bytes(self._store, REPORT_PAGE, data, durable=False)

    def _integrity(self) -> Integrity:
        name = self._recipe.shard_name
        rehashed = self._found.newest
        with self._lock:
            done, newest = self._done.copy(), tuple(reversed(self._newest))
        return Integrity(
            done=done,
            rehashed=tuple(name(shard) for shard in rehashed),
            damaged=tuple(name(shard) for shard in rehashed if shard not in self._present_at_start),
            canary=self._canary,
            temps_cleared=self._temps_cleared,
            newest=newest,
            index_is_there=self._index_is_there,
        )

    def _render_pictures(self, state: str, newest: tuple[Commit, ...], now: float) -> None:
        """Render the last clips of the newest shard, unless they are shown already.

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


def _meter(store: Store, contents: Contents) -> Meter:
    recipe, committed = contents.recipe, contents.committed
    columns = zip(*(commit.labels for commit in committed.values()), strict=True)
    counts = [sum(column) for column in columns] or [0] * len(recipe.spec.laws)
    last = recipe.shards - 1
    return Meter(
        store,
        split=recipe.split,
        seed=recipe.seed,
        clips_total=recipe.clips,
        shards_total=recipe.shards,
        bytes_total=last * recipe.shard_bytes(0) + recipe.shard_bytes(last),
        class_counts=dict(zip(recipe.spec.laws, counts, strict=True)),
        shards_done=len(committed),
        bytes_done=sum(commit.filesize for commit in committed.values()),
        resume_command=recipe.command(store.where),
        history=held_history(store),
    )
