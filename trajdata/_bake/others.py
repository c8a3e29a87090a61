"""What other processes commit while this one bakes into the same store."""

from __future__ import annotations

import time
from collections.abc import Iterable

from trajdata._shards.commit_record import Commit
from trajdata._store.commit_records import CommitRecords
from trajdata._store.contents import Contents
from trajdata._store.damage import DamageLog
from trajdata._store.protocol import ReadableStore

__all__ = ["OthersCommits"]

_LOOK_SECONDS = 10.0


class OthersCommits:
    """The commit records that have come since a bake began.

    Args:
        store: the store.
        contents: what it held when the bake began.
    """

    def __init__(self, store: ReadableStore, contents: Contents) -> None:
        # What is damaged is passed over: `finish`, `verify` and `repair` say what is wrong with it.
        self._records = CommitRecords(
            store,
            contents.recipe,
            DamageLog(is_kept=True),
            commits=contents.commits,
            single=contents.single,
            folded=contents.folded,
        )
        self._looked = time.monotonic()

    def is_due(self) -> bool:
        """Whether it is time for another look; a listing may cost many requests."""
        return time.monotonic() - self._looked >= _LOOK_SECONDS

    def new(self, ours: Iterable[Commit] = ()) -> list[Commit]:
        """Commits that are new since the last look.

        Args:
            ours: commits of this process, which are no news.
        """
        for commit in ours:
            self._records.know(commit)
        found = self._records.look()
        self._looked = time.monotonic()
        return [self._records.commits[shard] for shard in found]
