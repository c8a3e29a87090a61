"""The commit records of a store, as a table: about a hundred bytes a shard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from trajdata._shards.commit_record import Commit
from trajdata._shards.hashes import Hashes
from trajdata._shards.recipe import Recipe
from trajdata._shards.shard_sets import Promised, ShardSet

__all__ = ["Commits"]


class Commits(Mapping[int, Commit]):
    """Shard -> its commit record, for shards that have the clips which the recipe gives them.

    Args:
        recipe: the store's recipe.

    Attributes:
        recipe: the same.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._held = np.zeros(recipe.shards, np.bool_)
        # The system gives memory to those pages only that are written to.
        self._digests = np.zeros((recipe.shards, 32), np.uint8)
        self._labels = np.zeros((recipe.shards, len(recipe.spec.laws)), np.int32)

    def __contains__(self, shard: object) -> bool:
        return shard in self.shards

    def __getitem__(self, shard: int) -> Commit:
        if shard not in self.shards:
            raise KeyError(shard)
        sha256 = self._digests[shard].tobytes().hex()
        return Commit.of(self.recipe, shard, sha256, tuple(self._labels[shard].tolist()))

    def __iter__(self) -> Iterator[int]:
        return iter(self.shards)

    def __len__(self) -> int:
        return len(self.shards)

    def __repr__(self) -> str:
        return f"Commits of {len(self)} shards of {self.recipe.shards}"

    @property
    def shards(self) -> ShardSet:
        """The shards whose commit record is held."""
        return ShardSet(self._held)

    @property
    def promised(self) -> Promised:
        """Shard -> the SHA-256 that its commit record has."""
        return Promised(self.shards, self._digests)

    def hashes(self, shards: range) -> Hashes:
        """The hashes of some shards, all of which must be held."""
        return Hashes(self._digests[shards.start : shards.stop].tobytes())

    def labels(self, shards: range) -> NDArray[np.int32]:
        """How many clips of each class some shards hold: (shards, classes)."""
        return self._labels[shards.start : shards.stop]

    def totals(self) -> tuple[list[int], int]:
        """Clips of each class, and bytes of files, of all shards that are held."""
        counts = self._labels.sum(0, dtype=np.int64, where=self._held[:, np.newaxis])
        last = self.recipe.shards - 1
        size = int(np.count_nonzero(self._held[:last])) * self.recipe.shard_bytes(0)
        return counts.tolist(), size + (self.recipe.shard_bytes(last) if self._held[last] else 0)

    def add(self, commit: Commit) -> None:
        """Hold one more commit record."""
        shard = commit.shard
        self._digests[shard] = np.frombuffer(bytes.fromhex(commit.sha256), np.uint8)
        self._labels[shard] = commit.labels
        self._held[shard] = True

    def add_range(self, first: int, hashes: Hashes, labels: NDArray[np.int32]) -> None:
        """Hold the commit records of consecutive shards.

        Args:
            first: the first of them.
            hashes: of their files.
            labels: int32 (shards, classes), how many clips of each class they hold.
        """
        rows = slice(first, first + len(hashes))
        self._digests[rows] = hashes.table
        self._labels[rows] = labels
        self._held[rows] = True

    def within(self, shards: ShardSet) -> Commits:
        """Those of some shards. The table is shared."""
        return self._view(self._held & shards.mask)

    def joined(self, commits: Iterable[Commit]) -> Commits:
        """These and others, in a table of their own."""
        joined = self._view(self._held.copy())
        joined._digests, joined._labels = self._digests.copy(), self._labels.copy()
        for commit in commits:
            joined.add(commit)
        return joined

    def _view(self, held: NDArray[np.bool_]) -> Commits:
        view = Commits.__new__(Commits)
        view.recipe, view._held = self.recipe, held
        view._digests, view._labels = self._digests, self._labels
        return view
