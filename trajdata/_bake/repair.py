"""Mend a store of shards. A clip is a function of its index, so what is damaged can be made again.

First everything is read and nothing is touched: which commit records, shards and indexes are what
they must be. Then what is not is moved aside, and made again to the hash that was promised.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from trajdata._bake.commit import put_commit_record
from trajdata._bake.progress import ProgressReport
from trajdata._bake.rerender import check_clip
from trajdata._bake.run import bake, check_threads
from trajdata._bake.verify import surveyed
from trajdata._errors import ShardError
from trajdata._shards.commit_record import Commit, commit_file
from trajdata._shards.index import INDEX
from trajdata._shards.recipe import Recipe
from trajdata._store.contents import Contents
from trajdata._store.names import ASIDE, COMMITS, RECIPE
from trajdata._store.opening import open_store
from trajdata._store.protocol import Store
from trajdata._store.shard_view import ShardView, walk

__all__ = ["RepairReport", "repair", "repair_on"]


@dataclass(frozen=True)
class RepairReport:
    """What a call of ``repair`` did.

    Attributes:
        where: path or URL of the store.
        shards_rendered: file names of the shards that were made again.
        commit_records_rebuilt: file names of those that were written from sound shards.
        index_rebuilt: whether index.json was lost or damaged and was written again.
        moved_aside: where what was damaged, or did not belong there, is now; in the store.
        complete: whether the store has all its shards and its index now.
    """

    where: str
    shards_rendered: tuple[str, ...]
    commit_records_rebuilt: tuple[str, ...]
    index_rebuilt: bool
    moved_aside: tuple[str, ...]
    complete: bool

    @property
    def was_sound(self) -> bool:
        """Whether there was nothing to do."""
        return not (
            self.shards_rendered
            or self.commit_records_rebuilt
            or self.index_rebuilt
            or self.moved_aside
        )


@dataclass(frozen=True)
class _Findings:
    """What is wrong. Names are relative to the store.

    Attributes:
        asides: files to move aside.
        commits: commit records to be written, of shards that are sound.
        sound: shards that are what was promised.
        due: shards that must be there and are not sound.
        is_whole: whether all shards must be there.
        has_index: whether the index is there and right.
    """

    asides: tuple[str, ...]
    commits: tuple[Commit, ...]
    sound: frozenset[int]
    due: frozenset[int]
    is_whole: bool
    has_index: bool


def repair(
    out: str | os.PathLike[str],
    *,
    threads: int | None = None,
    on_progress: Callable[[ProgressReport], None] | None = None,
) -> RepairReport:
    """Make a store sound again: every byte of it is read, and what is damaged is made again.

    Damaged and missing shards are rendered again to the very SHA-256 that was promised; lost commit
    records and index.json are rebuilt. Nothing is deleted: what was damaged goes into
    ``.trajdata/aside``. Of an unfinished bake only what was committed is mended.

    Args:
        out: the store's folder.
        threads: how many render and write at once; None for the processors this process may use.
        on_progress: as in ``materialize``.

    Raises:
        ArgumentError: no store of shards.
        LockedError: another process bakes into the store; nothing was changed.
        ShardError: neither index.json nor the recipe can be read, they contradict each other, or
            this machine does not render the bytes that were promised.
        OSError: the medium failed.
    """
    return repair_on(open_store(out), threads=threads, on_progress=on_progress)


def repair_on(
    store: Store,
    *,
    threads: int | None = None,
    on_progress: Callable[[ProgressReport], None] | None = None,
) -> RepairReport:
    """``repair`` of a store that is open already."""
    threads = check_threads(threads)
    _read(store)
    with store.lock():
        cleared = store.clear_temps()
        contents = _read(store)
        recipe = contents.recipe
        findings = _examine(store, contents)
        if findings.sound:
            # Before anything is moved: can this machine make what is to be made?
            view = ShardView(store, recipe, max(findings.sound))
            check_clip(view, recipe, view.first)
        moved = tuple(store.set_aside(name) for name in findings.asides)
        if not contents.has_recipe_file:
            store.create(RECIPE, recipe.to_bytes())
        for commit in findings.commits:
            put_commit_record(store, commit)
        needs_index = findings.is_whole and not findings.has_index
        if findings.due or needs_index:
            bake(store, threads, on_progress, findings.due, cleared)
        return RepairReport(
            store.where,
            tuple(recipe.shard_name(shard) for shard in sorted(findings.due)),
            tuple(commit_file(commit.shard) for commit in findings.commits),
            needs_index,
            moved,
            findings.is_whole,
        )


def _read(store: Store) -> Contents:
    """What the store holds, with what is damaged listed.

    Raises:
        ArgumentError, ShardError: as ``repair``; nothing was changed.
    """
    contents = surveyed(store)
    for item in contents.damage:
        if item.kind == "contradiction":
            raise item.error  # which of the two is right is for a person to decide
    return contents


def _examine(store: Store, contents: Contents) -> _Findings:
    recipe, commits, index = contents.recipe, contents.commits, contents.index
    # A damaged index, also one that a repair before this one moved aside, was of a whole store.
    is_whole = store.size(INDEX) is not None or any(
        name.startswith(f"{INDEX}.") for name in store.list(ASIDE)
    )
    # An index that only contradicts a commit record is judged by the shard, below.
    asides = [item.name for item in contents.damage if item.name != INDEX or index is None]
    names = set(recipe.shard_names())
    held = set(store.list(""))
    asides += sorted(name for name in held - names if ".tar" in name)
    rebuilt, sound, due = [], set(), set()
    for shard in range(recipe.shards):
        name = recipe.shard_name(shard)
        commit = commits.get(shard)
        promises = {index.sha256[shard]} if index else set()
        if commit:
            promises.add(commit.sha256)
        if not (promises or is_whole or name in held):
            continue  # not baked yet
        found = _walked(store, recipe, shard)
        if found is None or found.sha256 not in promises:
            due.add(shard)
            if name in held and (found is None or promises):
                asides.append(name)
            if len(promises) > 1:
                # One of the two is wrong and the shard cannot tell which: it is made anew.
                asides += [f"{COMMITS}/{commit_file(shard)}", INDEX]
                index = None
            continue
        sound.add(shard)
        if index and index.sha256[shard] != found.sha256:
            asides.append(INDEX)
            index = None
        if commit != found:
            rebuilt.append(found)
            if commit:
                asides.append(f"{COMMITS}/{commit_file(shard)}")
    return _Findings(
        tuple(asides),
        tuple(rebuilt),
        frozenset(sound),
        frozenset(due),
        is_whole or len(sound | due) == recipe.shards,
        index is not None,
    )


def _walked(store: Store, recipe: Recipe, shard: int) -> Commit | None:
    """The commit record that a shard's file would have; None where it is no shard of the recipe."""
    try:
        walked = walk(store, recipe, shard)
    except ShardError:
        return None
    return Commit.of(recipe, shard, walked.sha256, walked.labels)
