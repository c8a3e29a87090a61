"""Take over the shards of another store: copy them, or render them here."""

from __future__ import annotations

import errno
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from trajdata._bake.commit import put_index
from trajdata._bake.copying import copy_shard
from trajdata._bake.ending import telling_the_end
from trajdata._bake.engines.threads import bake_in_threads
from trajdata._bake.folding import Folding
from trajdata._bake.offer import check_agreement, read_offer
from trajdata._bake.others import OthersCommits
from trajdata._bake.progress import ProgressReport
from trajdata._bake.reporter import Reporter
from trajdata._bake.run import TICK_SECONDS, check_canary, complete, wrong_of_earlier_runs
from trajdata._bake.task import ShardTask
from trajdata._errors import ShardError
from trajdata._shards.card import CARD, card_text
from trajdata._shards.commit_record import Commit
from trajdata._shards.commits import Commits
from trajdata._shards.index import INDEX, Index
from trajdata._shards.recipe import RECIPE_BYTES
from trajdata._shards.records import record_source
from trajdata._store.contents import Contents, read_contents
from trajdata._store.counted import CountedStore
from trajdata._store.names import PREVIEW, RECIPE
from trajdata._store.protocol import Store
from trajdata._store.ranges import put_bytes, read_whole

__all__ = ["Takeover"]

_LOOK_SECONDS = 5.0
"""Time between two looks at a store that is followed; a listing may cost many requests."""

_PREVIEW_BYTES = 16 * 2**20
_PNG = b"\x89PNG\r\n\x1a\n"


class Takeover:
    """One run of a sync, in a locked store that has its recipe file.

    Args:
        origin: the store to read.
        store: the store to write.
        offered: what ``origin`` held when the run began.
        follow, render, threads: as of ``sync``.

    Attributes:
        commits: shard -> commit record, of all shards that ``store`` has when the run has ended.
        written: those of them that the run wrote.
        is_whole: whether these are all shards, and the index is there.
        seconds: time that copying or rendering took.
    """

    def __init__(
        self,
        origin: CountedStore,
        store: Store,
        offered: Contents,
        follow: bool,
        render: bool,
        threads: int,
    ) -> None:
        self._origin, self._store = origin, store
        self._offered = offered
        self._recipe = offered.recipe
        self._promised: Mapping[int, str] = offered.promised
        self._follow, self._render, self._threads = follow, render, threads
        self._recipe_bytes = read_whole(origin, RECIPE, RECIPE_BYTES)
        self._news = OthersCommits(origin, offered)
        self.commits = Commits(offered.recipe)
        self.written: dict[int, Commit] = {}
        self.is_whole = False
        self.seconds = 0.0
        self._doing = f"{'rendering what is in' if render else 'copying from'} {origin.where}"

    def run(self, temps_cleared: int, on_progress: Callable[[ProgressReport], None] | None) -> None:
        """Take over what the first store holds.

        Raises:
            ShardError, OSError, KeyboardInterrupt: as ``sync``.
        """
        store, recipe = self._store, self._recipe
        found = read_contents(store)
        if found is None:
            raise ShardError(store.path(RECIPE), expected="the recipe of the store", found="none")
        contents = found.without_damaged_newest(store)
        self._folding = Folding(store, found)
        self._reporter = reporter = Reporter(
            store,
            found=found,
            contents=contents,
            temps_cleared=temps_cleared,
            on_progress=on_progress,
            resume_command=self._command(),
        )
        with telling_the_end(store, reporter, recipe):
            reporter.tell("running", self._doing)
            if self._render:
                record_source(recipe).warm()
                reporter.source_is_warm()
                reporter.canary_is_right(check_canary(store, contents))
            reporter.baking_begins()
            self._folding.fold(lambda: reporter.tell("running", "folding commit records"))
            self._take(contents, contents.pending)
            while self._follow and self._offered.index is None:
                self._wait()
                self._take(contents, contents.pending)
            self.is_whole = self._offered.index is not None
            if self.is_whole:
                left = contents.committed.shards.without(found.newest)
                wrong = wrong_of_earlier_runs(store, contents, left, self._threads, reporter)
                for shard in wrong:
                    reporter.is_lost(contents.committed[shard])
                self._take(contents, wrong)
            self.commits = contents.committed.joined(self.written.values())
            self.seconds = reporter.baking_ends()
            if self.is_whole:
                self._finish()
                reporter.index_written()
                reporter.tell("done", f"complete: {INDEX} is there")
            else:
                reporter.tell(
                    "interrupted", f"what {self._origin.where} has so far is here; it is unfinished"
                )

    def _take(self, contents: Contents, shards: list[int]) -> None:
        """Take over those of some shards that are offered and were not yet taken.

        Raises:
            ShardError: one of them is not what was promised; the others are committed first.
        """
        tasks = [
            ShardTask(
                self._recipe,
                shard,
                self._promised[shard],
                contents.outgrown[shard].sha256 if shard in contents.outgrown else None,
            )
            for shard in shards
            if shard in self._promised and shard not in self.written
        ]
        damaged: list[ShardError] = []

        def copy(task: ShardTask, on_clips: Callable[[int], None]) -> Commit | None:
            try:
                return copy_shard(task, self._origin, self._store, on_clips)
            except ShardError as error:
                if error.file != self._origin.path(self._recipe.shard_name(task.shard)):
                    raise
                damaged.append(error)
                return None

        def committed(commit: Commit) -> None:
            self._reporter.events.committed(commit)
            self._folding.add([commit])

        def tick() -> None:
            self._folding.fold()
            self._reporter.tell("running", self._doing)

        written = bake_in_threads(
            tasks,
            self._store,
            min(self._threads, max(len(tasks), 1)),
            events=replace(self._reporter.events, committed=committed),
            tick=tick,
            tick_seconds=TICK_SECONDS,
            copy=None if self._render else copy,
        )
        self._folding.fold()
        self.written.update((commit.shard, commit) for commit in written)
        if damaged:
            first = min(damaged, key=lambda error: error.file)
            more = f"; {len(damaged) - 1} more shards are damaged" if len(damaged) > 1 else ""
            raise ShardError(
                first.file,
                offset=first.offset,
                expected=first.expected,
                found=f"{first.found}{more}",
            )

    def _wait(self) -> None:
        """Wait until the store that is followed has more shards, or its index.

        Raises:
            OSError: EAGAIN; it has another recipe now.
        """
        message = f"waiting for {self._origin.where}, which is being baked"
        while True:
            looked = time.monotonic()
            while time.monotonic() - looked < _LOOK_SECONDS:
                self._reporter.tell("running", message)
                time.sleep(min(TICK_SECONDS, _LOOK_SECONDS))
            if read_whole(self._origin, RECIPE, RECIPE_BYTES) != self._recipe_bytes:
                raise OSError(
                    errno.EAGAIN, "its recipe has changed meanwhile: it grew", self._origin.where
                )
            if self._origin.size(INDEX) is not None:
                self._offered = read_offer(self._origin)
                check_agreement(
                    self._store, read_contents(self._store), self._offered, self._origin.where
                )
                self._promised = self._offered.promised
                return
            if new := self._news.new():
                self._promised = {commit.shard: commit.sha256 for commit in new}
                return

    def _finish(self) -> None:
        """Write the preview and the card, and then the index, which makes the store complete."""
        store, recipe, commits = self._store, self._recipe, self.commits
        index = Index(recipe, commits.hashes(range(recipe.shards)))
        if index != self._offered.index:
            raise ShardError(
                store.path(INDEX), expected=f"the index of {self._origin.where}", found="another"
            )
        if self._render:
            complete(store, recipe, commits)
            return
        # The preview is the only file that is taken over as it is: any picture of a bounded size.
        try:
            picture = read_whole(self._origin, PREVIEW, _PREVIEW_BYTES) or b""
        except ShardError:
            picture = b""  # a link, a folder or something else that is no file
        if picture.startswith(_PNG) and len(picture) <= _PREVIEW_BYTES:
            put_bytes(store, PREVIEW, picture)
        put_bytes(store, CARD, card_text(recipe).encode("utf-8"))
        put_index(store, index)

    def _command(self) -> str:
        words = ["trajdata", "sync", self._origin.where, self._store.where]
        words += ["--follow"] if self._follow else []
        words += ["--render"] if self._render else []
        return shlex.join(words)
