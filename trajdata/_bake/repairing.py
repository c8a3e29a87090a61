"""Mend a folder of shards. A clip is a function of its index, so what is damaged can be made again.

First everything is read and nothing is touched: which records, shards and indexes are what they
must be. Then what is not is moved aside, and made again to the hash that was promised.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from trajdata._bake.commits import (
    ASIDE,
    COMMITS,
    RECIPE,
    Commit,
    clear_temps,
    make_folders,
    move_aside,
    read_commit,
    read_recipe,
    record_name,
    write_commit,
    write_recipe,
)
from trajdata._bake.lock import FolderLock
from trajdata._bake.progress import ProgressReport
from trajdata._bake.rerendering import check_clip
from trajdata._bake.run import bake, check_threads
from trajdata._errors import ShardError
from trajdata._shards.index import INDEX, Index, read_index
from trajdata._shards.recipe import Recipe
from trajdata._shards.records import record_source
from trajdata._shards.strict import walk_shard
from trajdata._store.disk import Disk
from trajdata._store.shard_file import OpenShard

__all__ = ["RepairReport", "repair", "repair_on"]


@dataclass(frozen=True)
class RepairReport:
    """What a call of ``repair`` did.

    Attributes:
        folder: the folder.
        shards_rendered: file names of the shards that were made again.
        records_rebuilt: file names of the commit records that were written from sound shards.
        index_rebuilt: whether index.json was lost or damaged and was written again.
        moved_aside: where what was damaged, or did not belong there, is now; in the folder.
        complete: whether the folder has all its shards and its index now.
    """

    folder: str
    shards_rendered: tuple[str, ...]
    records_rebuilt: tuple[str, ...]
    index_rebuilt: bool
    moved_aside: tuple[str, ...]
    complete: bool

    @property
    def was_sound(self) -> bool:
        """Whether there was nothing to do."""
        return not (
            self.shards_rendered or self.records_rebuilt or self.index_rebuilt or self.moved_aside
        )


@dataclass(frozen=True)
class _Survey:
    """What is wrong. Names are relative to the folder.

    Attributes:
        recipe: of the folder.
        asides: files to move aside.
        records: to be written, of shards that are sound.
        sound: shards that are what was promised.
        due: shards that must be there and are not sound.
        is_whole: whether all shards must be there.
        has_index, has_recipe: whether those files are there and right.
    """

    recipe: Recipe
    asides: tuple[str, ...]
    records: tuple[Commit, ...]
    sound: frozenset[int]
    due: frozenset[int]
    is_whole: bool
    has_index: bool
    has_recipe: bool


def repair(
    folder: str | os.PathLike[str],
    *,
    threads: int | None = None,
    on_progress: Callable[[ProgressReport], None] | None = None,
) -> RepairReport:
    """Make a folder sound again: every byte of it is read, and what is damaged is made again.

    Damaged and missing shards are drawn again to the very SHA-256 that was promised; lost records
    and index.json are rebuilt. Nothing is deleted: what was damaged goes into ``.trajdata/aside``.
    Of an unfinished bake only what was committed is mended.

    Args:
        folder: of shards.
        threads: how many draw and write at once; None for the processors this process may use.
        on_progress: as in ``materialize``.

    Raises:
        ValueError: not a folder of shards.
        LockedError: another process bakes into the folder; nothing was changed.
        ShardError: neither index.json nor the recipe can be read, they contradict each other, or
            this machine does not draw the bytes that were promised.
        OSError: the medium failed.
    """
    return repair_on(Disk(os.path.abspath(folder)), threads=threads, on_progress=on_progress)


def repair_on(
    disk: Disk,
    *,
    threads: int | None = None,
    on_progress: Callable[[ProgressReport], None] | None = None,
) -> RepairReport:
    """``repair`` through a given ``Disk``."""
    threads = check_threads(threads)
    _agreed(disk)
    make_folders(disk)
    with FolderLock(disk):
        cleared = clear_temps(disk)
        survey = _survey(disk)
        recipe = survey.recipe
        source = record_source(recipe.spec, recipe.seed, recipe.split)
        if survey.sound:
            # Before anything is moved: can this machine make what is to be made?
            opened = OpenShard(disk.root, recipe, max(survey.sound))
            check_clip(opened, source, opened.first)
        moved = tuple(move_aside(disk, name) for name in survey.asides)
        for folder in ("", COMMITS):
            disk.sync_folder(folder)
        if not survey.has_recipe:
            write_recipe(disk, recipe)
        for record in survey.records:
            write_commit(disk, record)
        needs_index = survey.is_whole and not survey.has_index
        if survey.due or needs_index:
            bake(disk, recipe, source, threads, on_progress, survey.due, cleared)
        return RepairReport(
            str(disk.root),
            tuple(recipe.shard_name(shard) for shard in sorted(survey.due)),
            tuple(record_name(record.shard) for record in survey.records),
            needs_index,
            moved,
            survey.is_whole,
        )


def _survey(disk: Disk) -> _Survey:
    recipe, index, has_recipe, asides = _agreed(disk)
    # A damaged index, also one that a repair before this one moved aside, was of a whole folder.
    is_whole = disk.size(INDEX) is not None or any(
        name.startswith(f"{INDEX}.") for name in disk.list_folder(ASIDE)
    )
    commits: dict[int, Commit] = {}
    layout = recipe.layout
    for name in disk.list_folder(COMMITS):
        try:
            commit = read_commit(disk, recipe, layout, name)
        except ShardError:
            asides.append(f"{COMMITS}/{name}")
        else:
            commits[commit.shard] = commit
    names = set(recipe.shard_names())
    held = set(disk.list_folder(""))
    asides += sorted(name for name in held - names if ".tar" in name)
    records, sound, due = [], set(), set()
    for shard in range(recipe.shards):
        name = recipe.shard_name(shard)
        commit_held = commits.get(shard)
        promises = {index.sha256[shard]} if index else set()
        if commit_held:
            promises.add(commit_held.sha256)
        if not (promises or is_whole or name in held):
            continue  # not baked yet
        found = _walked(disk, recipe, shard)
        if found is None or found.sha256 not in promises:
            due.add(shard)
            if name in held and (found is None or promises):
                asides.append(name)
            if len(promises) > 1:
                # One of the two is wrong and the shard cannot tell which: it is made anew.
                asides += [f"{COMMITS}/{record_name(shard)}", INDEX]
                index = None
            continue
        sound.add(shard)
        if index and index.sha256[shard] != found.sha256:
            asides.append(INDEX)
            index = None
        if commit_held != found:
            records.append(found)
            if commit_held:
                asides.append(f"{COMMITS}/{record_name(shard)}")
    return _Survey(
        recipe,
        tuple(asides),
        tuple(records),
        frozenset(sound),
        frozenset(due),
        is_whole or len(sound | due) == recipe.shards,
        index is not None,
        has_recipe,
    )


def _walked(disk: Disk, recipe: Recipe, shard: int) -> Commit | None:
    """The record that a shard's file would have; None where it is no shard of the recipe."""
    try:
        walked = walk_shard(disk, recipe, shard)
    except ShardError:
        return None
    count = len(recipe.indices(shard))
    size = recipe.layout.shard_bytes(count)
    return Commit(shard, recipe.shard_name(shard), count, size, walked.sha256, walked.labels)


def _agreed(disk: Disk) -> tuple[Recipe, Index | None, bool, list[str]]:
    """Recipe, index, whether the recipe's own file is right, and damaged files of the two.

    Raises:
        ValueError: neither file is there.
        ShardError: neither can be read, or they contradict each other.
    """
    damaged: dict[str, ShardError] = {}
    index = recipe = None
    try:
        index = read_index(disk)
    except ShardError as error:
        damaged[INDEX] = error
    try:
        recipe = read_recipe(disk)
    except ShardError as error:
        damaged[RECIPE] = error
    if index is not None and recipe is not None and index.recipe != recipe:
        raise ShardError(disk.path(INDEX), expected=f"the recipe in {RECIPE}", found="another")
    agreed = recipe or (index.recipe if index else None)
    if agreed is None:
        if damaged:
            raise next(iter(damaged.values()))
        raise ValueError(
            f"folder: given {str(disk.root)!r}; allowed is a folder that trajdata.materialize wrote"
        )
    agreed.check_format(disk.root)
    return agreed, index, recipe is not None, list(damaged)
