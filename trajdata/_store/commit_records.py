"""The commit records of a store, single ones and those of ranges that were folded."""

from __future__ import annotations

import numpy as np

from trajdata._errors import ShardError
from trajdata._shards.commit_range import (
    RANGE_BYTES,
    CommitRange,
    parse_range,
    range_of,
    ranges_of,
)
from trajdata._shards.commit_record import (
    COMMIT_BYTES,
    Commit,
    commit_file,
    parse_commit,
    shard_of,
)
from trajdata._shards.commits import Commits
from trajdata._shards.recipe import Recipe
from trajdata._shards.shard_sets import ShardSet
from trajdata._store.damage import DamageLog
from trajdata._store.names import COMMITS
from trajdata._store.protocol import ReadableStore
from trajdata._store.ranges import listed_names, read_whole

__all__ = ["CommitRecords"]

_KIND = "commit record"


class CommitRecords:
    """The commit records that were read so far. ``look`` reads those that have come.

    Args:
        store: the store to read.
        recipe: its recipe.
        log: where damaged records are noted.
        commits, single, folded: what is known already, as in ``Contents``; it is copied.

    Attributes:
        commits, folded, outgrown: as in ``Contents``.
    """

    def __init__(
        self,
        store: ReadableStore,
        recipe: Recipe,
        log: DamageLog,
        *,
        commits: Commits | None = None,
        single: ShardSet | None = None,
        folded: frozenset[int] = frozenset(),
    ) -> None:
        self._store, self._recipe, self._log = store, recipe, log
        self.commits = Commits(recipe) if commits is None else commits.joined(())
        self._single = np.zeros(recipe.shards, np.bool_) if single is None else single.mask.copy()
        self.folded = set(folded)
        self.outgrown: dict[int, Commit] = {}
        self._damaged: set[str] = set()

    @property
    def single(self) -> ShardSet:
        """The shards that have a commit record in a file of its own."""
        return ShardSet(self._single)

    def know(self, commit: Commit) -> None:
        """This process has put this record: it need not be read."""
        self.commits.add(commit)
        self._single[commit.shard] = True

    def look(self) -> ShardSet:
        """List the store, read the records that are not known, and return their shards.

        Meanwhile another process may fold a range. Then neither the range's file nor the single
        records need be in the listing. But the file was there before the first of these went, so
        it is in the next listing: the store is listed until that shows no new range.

        Raises:
            ShardError: a record is damaged, or two of a shard differ, unless the log notes that.
        """
        before = self.commits.shards.mask.copy()
        is_last = ranges_of(self._recipe) == 0
        while True:
            is_news = False
            for name in listed_names(self._store, COMMITS):
                number = range_of(name, self._recipe)
                if number is None:
                    self._take_single(name)
                elif number not in self.folded:
                    is_news |= self._take_range(name, number)
            if is_last and not is_news:
                return ShardSet(self.commits.shards.mask & ~before)
            is_last = True

    def _take_single(self, name: str) -> None:
        file = f"{COMMITS}/{name}"
        if file in self._damaged:
            return
        try:
            commit = self._read_single(name)
        except ShardError as error:
            self._damaged.add(file)
            self._log.note(_KIND, file, error)
            return
        if commit is None:
            return  # it is known, or its range was folded after the listing
        if commit.clips < len(self._recipe.indices(commit.shard)):
            self.outgrown[commit.shard] = commit
            return
        self._single[commit.shard] = True
        if commit.shard not in self.commits:
            self.commits.add(commit)
        elif self.commits[commit.shard] != commit:
            self._note_contradiction(commit, self.commits[commit.shard])

    def _take_range(self, name: str, number: int) -> bool:
        """Take the records of a range. Returns whether it was there and could be read."""
        file = f"{COMMITS}/{name}"
        if file in self._damaged:
            return False
        try:
            found = self._read_range(name, number)
        except ShardError as error:
            self._damaged.add(file)
            self._log.note(_KIND, file, error)
            return False
        if found is None:
            return False
        for shard in found.shards:
            if self._single[shard] and self.commits[shard] != found[shard]:
                self._note_contradiction(self.commits[shard], found[shard])
        self.folded.add(number)
        self.commits.add_range(found.shards.start, found.hashes, found.labels)
        return True

    def _read_single(self, name: str) -> Commit | None:
        file = self._store.path(f"{COMMITS}/{name}")
        shard = shard_of(name, self._recipe, file)
        if self._single[shard]:
            return None
        data = read_whole(self._store, f"{COMMITS}/{name}", COMMIT_BYTES)
        return None if data is None else parse_commit(data, file, self._recipe, shard)

    def _read_range(self, name: str, number: int) -> CommitRange | None:
        data = read_whole(self._store, f"{COMMITS}/{name}", RANGE_BYTES)
        file = self._store.path(f"{COMMITS}/{name}")
        return None if data is None else parse_range(data, file, self._recipe, number)

    def _note_contradiction(self, single: Commit, of_range: Commit) -> None:
        """A single record is not what the file of its range says of the shard."""
        file = f"{COMMITS}/{commit_file(single.shard)}"
        self._damaged.add(file)
        self._single[single.shard] = False
        error = ShardError(
            self._store.path(file),
            expected=f"what its range has: {_said(of_range)}",
            found=_said(single),
        )
        self._log.note(_KIND, file, error)


def _said(commit: Commit) -> str:
    return f"SHA-256 {commit.sha256}, labels {list(commit.labels)}"
