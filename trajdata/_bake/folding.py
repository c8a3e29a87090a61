"""Fold the commit records of a range of shards into one file, as soon as all of them are there.

The file of the range is written first, and only then the single records go. So at any instant each
record is in one of the two, or in both. Whoever folds a range writes the same bytes: it does no
harm that several processes do so at once, or that one is killed between the two steps and the next
one begins again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import numpy as np

from trajdata._errors import ShardError
from trajdata._shards.commit_range import (
    RANGE_BYTES,
    CommitRange,
    range_file,
    range_with,
    ranges_of,
    shards_of,
)
from trajdata._shards.commit_record import Commit, commit_file
from trajdata._store.contents import Contents
from trajdata._store.names import COMMITS
from trajdata._store.protocol import Store
from trajdata._store.ranges import read_whole

__all__ = ["Folding"]


class Folding:
    """Folds the ranges of one store. Threads may share it.

    Args:
        store: the store to write to.
        contents: what it held when the run began.
    """

    def __init__(self, store: Store, contents: Contents) -> None:
        self._store = store
        self._commits = contents.commits.joined(())
        self._single = contents.single.mask.copy()
        self._folded = set(contents.folded)
        self._lock = threading.Lock()
        self._touched = set(range(ranges_of(contents.recipe)))
        """The ranges that may have to be folded since they were looked at last."""

    def add(self, commits: Iterable[Commit]) -> None:
        """These commit records were written by this process, or seen by it."""
        with self._lock:
            for commit in commits:
                self._commits.add(commit)
                self._single[commit.shard] = True
                self._touched.add(range_with(commit.shard))

    def fold(self, tick: Callable[[], None] | None = None) -> None:
        """Fold the ranges that are complete.

        Args:
            tick: called after each range. An exception that it raises is passed on.

        Raises:
            ShardError: a range has a file that says something else.
            OSError: the medium failed; no record is lost.
        """
        for number in self._due():
            self._fold(number)
            if tick is not None:
                tick()

    def _due(self) -> list[int]:
        """The complete ranges that have single records, or no file yet."""
        recipe, held = self._commits.recipe, self._commits.shards.mask
        with self._lock:
            touched = sorted(number for number in self._touched if number < ranges_of(recipe))
            self._touched.clear()
            return [
                number
                for number in touched
                if held[_rows(number)].all()
                and (number not in self._folded or self._single[_rows(number)].any())
            ]

    def _fold(self, number: int) -> None:
        with self._lock:
            # What is committed again from here on is discarded the next time.
            single = np.flatnonzero(self._single[_rows(number)]) + shards_of(number).start
            data = CommitRange.of(self._commits, number).to_bytes()
        if len(data) > RANGE_BYTES:
            return
        name = f"{COMMITS}/{range_file(number)}"
        if not self._store.create(name, data):
            # Looked at each time before records go: a repair may have replaced it meanwhile.
            held = read_whole(self._store, name, RANGE_BYTES)
            if held is None:
                with self._lock:
                    self._touched.add(number)
                return
            if held != data:
                raise ShardError(
                    self._store.path(name),
                    expected="the commit records of its shards, as each of them has it",
                    found="others",
                )
        self._folded.add(number)
        with self._lock:
            self._single[single] = False
        self._store.discard([f"{COMMITS}/{commit_file(shard)}" for shard in single.tolist()])


def _rows(number: int) -> slice:
    shards = shards_of(number)
    return slice(shards.start, shards.stop)
