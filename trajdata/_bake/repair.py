"""Repair a store. A clip is a function of its index, so a damaged shard can be rendered again.

Repairing begins by reading everything, without a change to any file. A shard counts as sound if a
sealed index proves it, or if it is what this machine renders; commit records prove nothing. Then
the shards that are not sound are set aside and rendered again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trajdata._bake.agreement import check_threads
from trajdata._bake.commit import put_commit_record
from trajdata._bake.folding import Folding
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
from trajdata._store.contents import Contents, listed_shards
from trajdata._store.names import ASIDE, COMMITS, RECIPE
from trajdata._store.opening import open_store
from trajdata._store.protocol import Store
from trajdata._store.ranges import file_sha256, listed_names
from trajdata._store.shard_view import ShardView, walk

__all__ = ["RepairReport", "repair", "repair_on"]


@dataclass(frozen=True)
class RepairReport:
    """What a call of ``repair`` did.

    Attributes:
        where: path or URL of the store.
        shards_rendered: file names of the shards that were rendered and committed again.
        commit_records_rebuilt: file names of the commit records that were written anew for sound
            shards.
        index_rebuilt: whether index.json was lost or damaged and was written again.
        moved_aside: names in the store that damaged and foreign files have now.
        shards_proven_by_index: shards that have the SHA-256 which a sealed index promises.
        shards_proven_by_rendering: shards that were rendered again and are the same.
        complete: whether the store now has all its shards and its index.
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
    """What is wrong with a store. Names of files are relative to the store.

    Attributes:
        asides: files to set aside.
        commits: commit records to write, for sound shards.
        by_index, by_rendering: sound shards, by what proves them.
        due: shards that must be there and are not sound.
        is_whole: whether all shards of the recipe must be there.
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
    """Repair a store: read every byte of it, and render damaged and missing shards again.

    A shard counts as sound only if it has the SHA-256 that a sealed index promises, or if it is
    what this machine renders. So without an index every shard is rendered again. Commit records and
    index.json are written anew if they are lost or damaged. Nothing is deleted: damaged files are
    moved into ``.trajdata/aside``. In an unfinished store only the shards that were committed are
    repaired.

    Args:
        out: the store's folder.
        threads: how many threads render and write at once; None for the number of processors that
            this process may use.
        on_progress: as in ``materialize``.

    Raises:
        ArgumentError: ``out`` is no store, or ``threads`` is out of range.
        LockedError: another process bakes into the store; nothing was changed.
        ShardError: neither index.json nor the recipe can be read, they contradict each other, or
            this machine does not render the promised bytes.
        OSError: the medium failed.
    """
    return repair_on(open_store(out), threads=threads, on_progress=on_progress)


def repair_on(
    store: Store,
    *,
    threads: int | None = None,
    on_progress: Callable[[ProgressReport], None] | None = None,
) -> RepairReport:
    """``repair`` for a ``Store`` instead of a path."""
    threads = check_threads(threads)
    _read(store)
    with store.lock():
        cleared = store.clear_temps()
        contents = _read(store)
        recipe = contents.recipe
        record_source(recipe).warm()
        findings = _examine(store, contents, threads)
        # The right records of a range get files of their own before that of the range goes: at any
        # instant each is in one of the two.
        going, early = set(findings.asides), set()
        for commit in findings.commits:
            own = f"{COMMITS}/{commit_file(commit.shard)}"
            if contents.commits.get(commit.shard) == commit and own not in going:
                put_commit_record(store, commit)
                early.add(commit.shard)
        moved = tuple(_set_aside(store, findings.asides))
        if not contents.has_recipe_file:
            store.create(RECIPE, recipe.to_bytes())
        for commit in findings.commits:
            if commit.shard not in early:
                put_commit_record(store, commit)
        needs_index = findings.is_whole and not findings.has_index
        if findings.due or needs_index:
            bake(store, threads, on_progress, findings.due, cleared)
        elif findings.commits:
            Folding(store, _read(store)).fold()
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


def _set_aside(store: Store, names: Iterable[str]) -> Iterator[str]:
    """Move files aside; their new names. In a bucket another writer may have removed one."""
    for name in names:
        try:
            yield store.set_aside(name)
        except FileNotFoundError:
            continue


def _read(store: Store) -> Contents:
    """What the store holds, with a list of its damaged files.

    Raises:
        ArgumentError, ShardError: as ``repair``; nothing was changed.
    """
    contents = surveyed(store)
    for item in contents.damage:
        if item.kind == "contradiction":
            raise item.error  # only a person can decide which of the two is right
    return contents


def _examine(store: Store, contents: Contents, threads: int) -> _Findings:
    """Find out which files of a store are wrong, without changing any.

    Raises:
        ShardError: this machine does not render the promised bytes.
    """
    recipe = contents.recipe
    held, strays = listed_shards(store, recipe)
    has_index_file = INDEX in listed_names(store, "")
    # A store that has an index was complete once, so all its shards must be there. That holds for
    # a damaged index too, and for one that an earlier repair set aside.
    is_whole = (has_index_file and not contents.has_outgrown_index) or any(
        name.startswith(f"{INDEX}.") for name in listed_names(store, ASIDE)
    )
    damaged = [item.name for item in contents.damage if item.name != INDEX]
    walked = {
        shard: _walked(store, recipe, shard)
        for shard in range(recipe.shards)
        if shard in held and not _is_outgrown(store, contents, shard)
    }
    commits = contents.commits
    index = contents.index.sha256 if contents.index else None
    there = {*commits, *walked}
    due = set(range(recipe.shards)) if is_whole else there

    def differs(shard: int) -> bool:
        """Whether the index names another SHA-256 than the shard's own file, if this is a shard of
        the recipe, or than its commit record."""
        found, commit = walked.get(shard), commits.get(shard)
        said = {known.sha256 for known in (found, commit) if known is not None}
        return index is not None and bool(said - {index[shard]})

    rendered: dict[int, str] = {}
    if index is not None:
        rendered = rendered_sha256(recipe, [s for s in sorted(due) if differs(s)], threads)
        if any(sha256 != index[shard] for shard, sha256 in rendered.items()):
            # The index is wrong, unless this machine renders differently. A shard that the index
            # proves tells which.
            proven = [s for s in sorted(due - rendered.keys()) if _has(walked.get(s), index[s])]
            _check_machine(store, recipe, proven)
            index = None
    if index is None:
        unknown = sorted(due & there)
        rendered |= rendered_sha256(recipe, [s for s in unknown if s not in rendered], threads)
        _check_promises(store, recipe, walked, commits, rendered)
    right = {s: index[s] if index is not None else rendered.get(s) for s in due}
    sound = {shard for shard in due if _has(walked.get(shard), right[shard])}
    if index is not None:
        # Before anything is moved: find out whether this machine renders the promised bytes.
        _check_machine(store, recipe, sorted(sound))
    asides = [*damaged, *strays]
    asides += (
        [INDEX] if index is None and has_index_file and not contents.has_outgrown_index else []
    )
    asides += [recipe.shard_name(shard) for shard in sorted(due - sound) if shard in walked]
    rebuilt: list[Commit] = []
    wrong_records: set[str] = set()
    for shard in sorted(due):
        commit, found = commits.get(shard), walked.get(shard)
        if shard in sound:
            is_wrong = commit != found
        else:
            is_wrong = commit is not None and right[shard] not in (None, commit.sha256)
        if is_wrong and commit is not None:
            wrong_records.update(contents.records_of(shard))
        if is_wrong and shard in sound and found is not None:
            rebuilt.append(found)
    # One wrong record spoils the file of its range: the others in it get files of their own again.
    asides += sorted(wrong_records)
    rebuilt += [
        found
        for shard in sorted(sound - {commit.shard for commit in rebuilt})
        if not wrong_records.isdisjoint(contents.records_of(shard))
        and (found := walked[shard]) is not None
    ]
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
    """Whether a file is the short last shard from before the store grew. That is no damage."""
    outgrown = contents.outgrown.get(shard)
    if outgrown is None:
        return False
    return file_sha256(store, contents.recipe.shard_name(shard)) == outgrown.sha256


def _check_machine(store: Store, recipe: Recipe, proven: Sequence[int]) -> None:
    """Render a clip of a shard that the index proves, so that a machine that renders differently
    replaces nothing.

    Raises:
        ShardError: a byte of the clip differs.
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
    """Without an index: check that this machine renders at least one of the committed shards.

    Raises:
        ShardError: there are shards that agree with their commit records, but none of them is what
            is rendered. Either all of them were exchanged, or this machine renders differently.
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
    """The commit record that a file would have; None if the file is no shard of the recipe."""
    try:
        walked = walk(store, recipe, shard)
    except ShardError:
        return None
    return Commit.of(recipe, shard, walked.sha256, walked.labels)
