"""What other processes commit while this one bakes into the same store."""

from __future__ import annotations

import time
from collections.abc import Iterable

from trajdata._errors import ShardError
from trajdata._shards.commit_record import COMMIT_BYTES, Commit, parse_commit, shard_of
from trajdata._store.contents import Contents
from trajdata._store.names import COMMITS
from trajdata._store.protocol import ReadableStore
from trajdata._store.ranges import read_whole

__all__ = ["OthersCommits"]

_LOOK_SECONDS = 10.0


class OthersCommits:
    """The commit records that have come since a bake began.

    Args:
        store: the store.
        contents: what it held when the bake began.
    """

    def __init__(self, store: ReadableStore, contents: Contents) -> None:
        self._store = store
        self._recipe = contents.recipe
        self._known = set(contents.commits)
        self._looked = time.monotonic()

    def is_due(self) -> bool:
        """Whether it is time for another look; a listing may cost many requests."""
        return time.monotonic() - self._looked >= _LOOK_SECONDS

    def new(self, ours: Iterable[Commit] = ()) -> list[Commit]:
        """Commits that are new since the last look.

        Args:
            ours: commits of this process, which are no news.
        """
        self._known.update(commit.shard for commit in ours)
        found = []
        for name in self._store.list(COMMITS):
            file = f"{COMMITS}/{name}"
            try:
                shard = shard_of(name, self._recipe, self._store.path(file))
                if shard in self._known:
                    continue
                data = read_whole(self._store, file, COMMIT_BYTES)
                if data is not None:
                    path = self._store.path(file)
                    found.append(parse_commit(data, path, self._recipe, shard))
            except ShardError:
                continue  # `finish`, `verify` and `repair` say what is wrong with it
            self._known.add(shard)
        self._looked = time.monotonic()
        return found
