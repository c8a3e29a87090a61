"""Mend a store of shards. A clip is a function of its index, so what is damaged can be made again.

First everything is read and nothing is touched. A shard is sound where a sealed index proves it, or
where it is what this machine renders; commit records prove nothing. Then what is not sound is moved
aside, and made again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trajdata._bake.agreement import check_threads
from trajdata._bake.commit import put_commit_record
from trajdata._bake.progress import ProgressReport
from trajdata._bake.proof import rendered_sha256
from trajdata._bake.rerender import check_clip
from trajdata._bake.run import bake
from trajdata._bake.verify import surveyed
from trajdata._errors import ShardError
from trajdata._shards.commit_record import Commit, commit_file
from trajdata._shards.index import INDEX
from trajdata._shards.recipe import Recipe
from trajdata._shards.records import record_source
from trajdata._store.contents import Contents
from trajdata._store.names import ASIDE, COMMITS, RECIPE
from trajdata._store.opening import open_store
from trajdata._store.protocol import Store
from trajdata._store.ranges import file_sha256
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
        shards_proven_by_index: shards that have the SHA-256 which a sealed index promises.
        shards_proven_by_rendering: shards that were rendered again and are the same.
        complete: whether the store has all its shards and its index now.
    """

    where: str
    shards_rendered: tuple[str, ...]
    commit_records_rebuilt: tuple[str, ...]
    index_rebuilt: bool
    moved_aside: tuple[str, ...]
    shards_proven_by_index: int
    shards_proven_by_rendering: int
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
        by_index, by_rendering: shards that are sound, and what proves it.
        due: shards that must be there and are not sound.
        is_whole: whether all shards must be there.
        has_index: whether the index is there and right.
    """

    asides: tuple[str, ...]
    commits: tuple[Commit, ...]
    by_index: frozenset[int]
    by_rendering: frozenset[int]
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

    A shard counts as sound only where it has the SHA-256 of a sealed index, or where it is what is
    rendered now: so without an index every shard is rendered again. Lost commit records and
    index.json are rebuilt. Nothing is deleted: what was damaged goes into ``.trajdata/aside``. Of
    an unfinished bake only what was committed is mended.

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
        record_source(recipe).warm()
        findings = _examine(store, contents, threads)
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
            len(findings.by_index),
            len(findings.by_rendering),
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


def _examine(store: Store, contents: Contents, threads: int) -> _Findings:
    """Find out what every shard of a store is, without touching anything.

    Raises:
        ShardError: this machine does not render the bytes that were promised.
    """
    recipe = contents.recipe
    held = set(store.list(""))
    # A damaged index, also one that a repair before this one moved aside, was of a whole store.
    is_whole = (INDEX in held and not contents.has_outgrown_index) or any(
        name.startswith(f"{INDEX}.") for name in store.list(ASIDE)
    )
    strays = sorted(name for name in held - set(recipe.shard_names()) if ".tar" in name)
    damaged = [item.name for item in contents.damage if item.name != INDEX]
    walked = {
        shard: _walked(store, recipe, shard)
        for shard in range(recipe.shards)
        if recipe.shard_name(shard) in held and not _is_outgrown(store, contents, shard)
    }
    commits = contents.commits
    index = contents.index.sha256 if contents.index else None
    due = {shard for shard in range(recipe.shards) if is_whole or shard in {*commits, *walked}}

    def differs(shard: int) -> bool:
        """Whether something sound contradicts the index about a shard."""
        found, commit = walked.get(shard), commits.get(shard)
        said = {known.sha256 for known in (found, commit) if known is not None}
        return index is not None and bool(said - {index[shard]})

    rendered: dict[int, str] = {}
    if index is not None:
        rendered = rendered_sha256(recipe, [s for s in sorted(due) if differs(s)], threads)
        if any(sha256 != index[shard] for shard, sha256 in rendered.items()):
            # The index promises what is not rendered here. Does this machine render otherwise?
            proven = [s for s in sorted(due - rendered.keys()) if _has(walked.get(s), index[s])]
            _check_machine(store, recipe, proven)
            index = None
    if index is None:
        unknown = [shard for shard in sorted(due) if shard in {*commits, *walked}]
        rendered |= rendered_sha256(recipe, [s for s in unknown if s not in rendered], threads)
        _check_promises(store, recipe, walked, commits, rendered)
    right = {s: index[s] if index is not None else rendered.get(s) for s in due}
    sound = {shard for shard in due if _has(walked.get(shard), right[shard])}
    if index is not None:
        # Before anything is moved: can this machine make what is to be made?
        _check_machine(store, recipe, sorted(sound))
    asides = [*damaged, *strays]
    asides += [INDEX] if index is None and INDEX in held and not contents.has_outgrown_index else []
    asides += [recipe.shard_name(shard) for shard in sorted(due - sound) if shard in walked]
    rebuilt = []
    for shard in sorted(due):
        commit, found = commits.get(shard), walked.get(shard)
        if shard in sound:
            is_wrong = commit != found
        else:
            is_wrong = commit is not None and right[shard] not in (None, commit.sha256)
        if is_wrong and commit is not None:
            asides.append(f"{COMMITS}/{commit_file(shard)}")
        if is_wrong and shard in sound and found is not None:
            rebuilt.append(found)
    return _Findings(
        tuple(asides),
        tuple(rebuilt),
        frozenset(sound if index is not None else ()),
        frozenset(sound if index is None else ()),
        frozenset(due - sound),
        is_whole or len(due) == recipe.shards,
        index is not None,
    )


def _has(found: Commit | None, sha256: str | None) -> bool:
    return found is not None and found.sha256 == sha256


def _is_outgrown(store: Store, contents: Contents, shard: int) -> bool:
    """Whether a shard is the short last one of before the store was made to grow: no damage."""
    outgrown = contents.outgrown.get(shard)
    if outgrown is None:
        return False
    return file_sha256(store, contents.recipe.shard_name(shard)) == outgrown.sha256


def _check_machine(store: Store, recipe: Recipe, proven: Sequence[int]) -> None:
    """Render a clip of a shard that the index proves, so that a machine that renders differently
    replaces nothing.

    Raises:
        ShardError: the clip is not the same.
    """
    if proven:
        view = ShardView(store, recipe, proven[-1])
        check_clip(view, recipe, view.first)


def _check_promises(
    store: Store,
    recipe: Recipe,
    walked: Mapping[int, Commit | None],
    commits: Mapping[int, Commit],
    rendered: Mapping[int, str],
) -> None:
    """Where no index proves anything: see that at least one shard is what this machine renders.

    Raises:
        ShardError: shards and their commit records agree with each other, and none with what is
            rendered. Either all are another's, or this machine renders differently.
    """
    agreed = [s for s, commit in commits.items() if _has(walked.get(s), commit.sha256)]
    if agreed and all(rendered[shard] != commits[shard].sha256 for shard in agreed):
        shard = agreed[0]
        raise ShardError(
            store.path(recipe.shard_name(shard)),
            expected=f"SHA-256 {rendered[shard]}, as the shard is rendered now",
            found=f"{commits[shard].sha256}, as its commit record has it too",
        )


def _walked(store: Store, recipe: Recipe, shard: int) -> Commit | None:
    """The commit record that a shard's file would have; None where it is no shard of the recipe."""
    try:
        walked = walk(store, recipe, shard)
    except ShardError:
        return None
    return Commit.of(recipe, shard, walked.sha256, walked.labels)
