"""Report on one run of a bake: PROGRESS.txt, progress.json and report.html."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from trajdata._bake.engines.protocol import Events
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
"""Shortest time between two pages with the same message, which differ in their numbers only."""

_PICTURE_SECONDS = 20.0
_FIRST_PICTURE_SECONDS = 2.0
"""A bake that takes less time than this has pictures at its end only."""

_PICTURES = 8
_PICTURE_BYTES = 180_000
"""Limit for all pictures of a page; as base64 in the page they take 240 KB."""

_CLIP_BYTES = 2**26
"""Limit for the video that is rendered for the pictures; one clip is rendered in any case."""


class Reporter:
    """Counts what a run does, and writes PROGRESS.txt, progress.json and report.html.

    Args:
        store: the store of the bake, locked by this run.
        found: what the store held before its newest shards were hashed again.
        contents: the same without those that turned out to be damaged; the run goes on from here.
        temps_cleared: how many temps of an earlier run this one removed.
        on_progress: called with each report after it was written.
        resume_command: the command that goes on after this run; None for that of a bake.
    """

    def __init__(
        self,
        store: Store,
        *,
        found: Contents,
        contents: Contents,
        temps_cleared: int,
        on_progress: Callable[[ProgressReport], None] | None,
        resume_command: str | None = None,
    ) -> None:
        self._store, self._recipe = store, contents.recipe
        command = resume_command or contents.recipe.command(store.where)
        self._meter = _meter(store, contents, command)
        self._on_progress = on_progress
        self._found, self._present_at_start = found, contents.present
        self._temps_cleared = temps_cleared
        self._canary: int | None = None
        self._index_is_there = contents.index is not None
        self._source: ClipSource | None = None
        self._lock = threading.Lock()
        self._done = np.zeros(self._recipe.shards, np.bool_)
        committed = contents.committed
        self._done |= committed.shards.mask
        self._newest = deque((committed[k] for k in committed.shards.last(_NEWEST)), _NEWEST)
        self._pictures: tuple[ClipPicture, ...] = ()
        self._pictured: int | None = None
        self._picture_due = self._paged_at = float("-inf")
        self._paged_message = ""

    @property
    def events(self) -> Events:
        """What the engine of the bake calls."""
        return Events(self._meter.count_clips, self._committed, self._meter.count_clips_of_node)

    @property
    def shards_done(self) -> int:
        """Shards committed so far."""
        return self._meter.shards_done

    def canary_is_right(self, clip: int | None) -> None:
        """The committed clip with this index was rendered again and is the same. None if nothing
        is committed yet."""
        self._canary = clip

    def source_is_warm(self) -> None:
        """The kernels are compiled: pictures can be rendered from now on."""
        from trajdata._show.pictures import PREVIEW_FIELDS

        recipe = self._recipe
        self._source = ClipSource(recipe.spec, recipe.seed, recipe.split, fields=PREVIEW_FIELDS)
        self._picture_due = time.monotonic() + _FIRST_PICTURE_SECONDS

    def index_written(self) -> None:
        """The index was written: the store is complete."""
        self._index_is_there = True

    def baking_begins(self) -> None:
        """From now on clips are rendered and written."""
        self._meter.baking_begins()

    def baking_ends(self) -> float:
        """All shards of this run are committed. Returns the seconds since ``baking_begins``."""
        return self._meter.baking_ends()

    def others_committed(self, commits: Iterable[Commit]) -> None:
        """Other processes have committed these shards."""
        laws = self._recipe.spec.laws
        for commit in commits:
            counts = dict(zip(laws, commit.labels, strict=True))
            self._meter.count_commit_of_others(commit.filesize, counts)
            with self._lock:
                self._done[commit.shard] = True
                self._newest.append(commit)

    def is_lost(self, commit: Commit) -> None:
        """A shard of an earlier run no longer has its SHA-256, and will be rendered again."""
        laws = self._recipe.spec.laws
        self._meter.count_loss(commit.filesize, dict(zip(laws, commit.labels, strict=True)))
        with self._lock:
            self._done[commit.shard] = False

    def tell(self, status: str, message: str) -> None:
        """Write the three files, then call ``on_progress``.

        Raises:
            OSError: a file cannot be written.
        """
        report = self._meter.report(status, message)
        # progress.json is written last: a program that reads "done" there finds the page written.
        self._write_page(report)
        write_progress(self._store, report)
        if self._on_progress is not None:
            self._on_progress(report)

    def tell_last(self, status: str, message: str) -> None:
        """Write how the run ended, before the error that ended it is raised.

        Raises:
            OSError: a file cannot be written.
        """
        report = self._meter.report(status, message)
        # A full disk may have space for the two short files only, so they come before the page.
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
        is_news = report.status != "running" or report.message != self._paged_message
        if not is_news and now - self._paged_at < _PAGE_SECONDS:
            return
        self._paged_at, self._paged_message = now, report.message
        integrity = self._integrity()
        self._render_pictures(report.status, integrity.newest, now)
        page = render_page(self._store.where, self._recipe, report, integrity, self._pictures)
        # A folder's name may have bytes that are not UTF-8.
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

    def _render_pictures(self, status: str, newest: tuple[Commit, ...], now: float) -> None:
        """Render the last clips of the newest shard, unless the page shows them already.

        After an error or an interrupt nothing is rendered: a user who stops a bake does not want to
        wait for pictures.
        """
        if self._source is None or not newest or newest[0].shard == self._pictured:
            return
        if not (status == "done" or (status == "running" and now >= self._picture_due)):
            return
        from trajdata._show.pictures import clip_pictures

        count = max(1, min(_PICTURES, _CLIP_BYTES // self._recipe.spec.clip_bytes))
        clips = self._recipe.indices(newest[0].shard)[-count:]
        self._pictures = clip_pictures(self._source, clips=clips, most_bytes=_PICTURE_BYTES)
        self._pictured, self._picture_due = newest[0].shard, now + _PICTURE_SECONDS


def _meter(store: Store, contents: Contents, resume_command: str) -> Meter:
    recipe, committed = contents.recipe, contents.committed
    counts, bytes_done = committed.totals()
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
        bytes_done=bytes_done,
        resume_command=resume_command,
        history=held_history(store),
    )
