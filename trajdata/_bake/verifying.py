"""A look at a folder of shards, quick or thorough: is everything there, and nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass

from trajdata._bake.commits import (
    COMMITS,
    Commit,
    file_sha256,
    read_commit,
    read_recipe,
    record_name,
)
from trajdata._bake.rerendering import check_clips
from trajdata._errors import ShardError
from trajdata._shards.index import INDEX, Index, read_index
from trajdata._shards.recipe import Recipe
from trajdata._shards.records import record_source
from trajdata._shards.strict import walk_shard
from trajdata._store.disk import Disk
from trajdata._store.shard_file import OpenShard

__all__ = ["Problem", "VerifyReport", "check_whole", "rebuild_index", "verify"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        kind: "index", "commit", "missing", "shard", "clip" (drawn otherwise now) or "stray".
        file: path of the file.
        message: where in it, what was expected, what was found.
    """

    kind: str
    file: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


@dataclass(frozen=True)
class VerifyReport:
    """What ``verify`` saw.

    Attributes:
        folder: the folder.
        clips, shards: of the complete folder.
        shards_checked: those that are promised by a commit record or the index.
        clips_drawn: drawn again and compared.
        complete: whether all shards are promised and index.json is there.
        problems: none in a folder that is sound, finished or not.
    """

    folder: str
    clips: int
    shards: int
    shards_checked: int
    clips_drawn: int
    complete: bool
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(
    folder: str | os.PathLike[str], *, full: bool = False, rerender: int = 0
) -> VerifyReport:
    """Check a folder's index, commit records, file sizes, gaps and strays, and of each shard the
    first and last record's headers and the end. It reads a few pages a shard and hashes nothing.

    A shard that no commit record and no index promises is unfinished, not wrong.

    Args:
        folder: of shards.
        full: read every byte too: hashes, every header, every value decoded.
        rerender: draw so many clips again, spread evenly, and compare them to the byte.

    Raises:
        ValueError: not a folder of shards, or ``rerender`` is negative.
        ShardError: neither index.json nor the folder's recipe can be read.
        OSError: something cannot be read.
    """
    if rerender < 0:
        raise ValueError(f"rerender: given {rerender}; allowed are whole numbers from 0")
    disk = Disk(folder)
    problems: list[Problem] = []
    index = _index(disk, problems)
    recipe = _recipe(disk, index, problems)
    commits = _commits(disk, recipe, problems)
    promised = _promised(disk, index, commits, problems)
    sound = []
    for shard, sha256 in sorted(promised.items()):
        try:
            _check_shard(disk, recipe, shard)
            if full:
                check_whole(disk, recipe, shard, sha256, commits.get(shard))
        except ShardError as error:
            missing = disk.size(recipe.shard_name(shard)) is None
            problems.append(Problem("missing" if missing else "shard", error.file, str(error)))
        else:
            sound.append(shard)
    drawn = 0
    if rerender and sound:
        source = record_source(recipe.spec, recipe.seed, recipe.split)
        for wrong in check_clips(disk, recipe, sound, source, rerender):
            drawn += 1
            if wrong is not None:
                problems.append(Problem("clip", wrong.file, str(wrong)))
    names = set(recipe.shard_names())
    for name in disk.list_folder(""):
        # What peers that take every tar of a folder would read along.
        if ".tar" in name and name not in names:
            problems.append(_problem("stray", disk, name, "a shard of the recipe", "another file"))
    return VerifyReport(
        str(disk.root),
        recipe.clips,
        recipe.shards,
        len(promised),
        drawn,
        index is not None and len(promised) == recipe.shards,
        tuple(problems),
    )


def check_whole(disk: Disk, recipe: Recipe, shard: int, sha256: str, commit: Commit | None) -> None:
    """Read a whole shard and compare it with what was promised of it.

    Args:
        disk: of the folder.
        recipe: of the folder.
        shard: which one.
        sha256: that it must have.
        commit: its record, where there is one.

    Raises:
        ShardError: the shard is damaged, or its record counts other classes.
        OSError: it cannot be read.
    """
    walked = walk_shard(disk, recipe, shard)
    file = disk.path(recipe.shard_name(shard))
    if walked.sha256 != sha256:
        raise ShardError(file, expected=f"SHA-256 {sha256}", found=walked.sha256)
    if commit is not None and walked.labels != commit.labels:
        raise ShardError(
            disk.path(f"{COMMITS}/{record_name(shard)}"),
            expected=f"labels {list(walked.labels)}, as {file.name} has them",
            found=f"{list(commit.labels)}",
        )


def rebuild_index(folder: str | os.PathLike[str]) -> Index:
    """What index.json must be, from the recipe, the commit records and, where a record is
    missing, the shard itself. Nothing is written.

    Raises:
        ShardError: the recipe, a record or a shard is missing or damaged.
    """
    disk = Disk(folder)
    recipe = read_recipe(disk)
    if recipe is None:
        raise ShardError(disk.path(INDEX), expected="the folder's recipe", found="no file")
    recipe.check_format(disk.root)
    layout = recipe.layout
    known = {
        commit.shard: commit.sha256
        for commit in (
            read_commit(disk, recipe, layout, name) for name in disk.list_folder(COMMITS)
        )
    }
    digests = []
    for shard in range(recipe.shards):
        OpenShard(disk.root, recipe, shard)
        digests.append(known.get(shard) or file_sha256(disk, recipe.shard_name(shard)))
    return Index(recipe, tuple(digests))


def _index(disk: Disk, problems: list[Problem]) -> Index | None:
    try:
        return read_index(disk)
    except ShardError as error:
        problems.append(Problem("index", error.file, str(error)))
        return None


def _recipe(disk: Disk, index: Index | None, problems: list[Problem]) -> Recipe:
    try:
        recipe = read_recipe(disk)
    except ShardError as error:
        if index is None:
            raise
        problems.append(Problem("commit", error.file, str(error)))
        recipe = None
    if index is not None:
        if recipe is not None and recipe != index.recipe:
            problems.append(_problem("index", disk, INDEX, "the folder's own recipe", "another"))
        return index.recipe
    if recipe is None:
        if problems:
            raise ShardError(
                disk.path(INDEX), expected="a readable index or recipe", found=problems[0].message
            )
        raise ValueError(
            f"folder: given {str(disk.root)!r}; allowed is a folder that trajdata.materialize wrote"
        )
    recipe.check_format(disk.root)
    return recipe


def _commits(disk: Disk, recipe: Recipe, problems: list[Problem]) -> dict[int, Commit]:
    commits = {}
    layout = recipe.layout
    for name in disk.list_folder(COMMITS):
        try:
            commit = read_commit(disk, recipe, layout, name)
        except ShardError as error:
            problems.append(Problem("commit", error.file, str(error)))
        else:
            commits[commit.shard] = commit
    return commits


def _promised(
    disk: Disk, index: Index | None, commits: dict[int, Commit], problems: list[Problem]
) -> dict[int, str]:
    digests = dict(enumerate(index.sha256)) if index else {}
    for commit in commits.values():
        held = digests.setdefault(commit.shard, commit.sha256)
        if held != commit.sha256:
            problems.append(
                _problem("index", disk, INDEX, f"SHA-256 {commit.sha256} of {commit.url}", held)
            )
    return digests


def _check_shard(disk: Disk, recipe: Recipe, shard: int) -> None:
    opened = OpenShard(disk.root, recipe, shard)
    opened.check_headers(len(opened.records) - 1)
    opened.check_end()


def _problem(kind: str, disk: Disk, name: str, expected: str, found: str) -> Problem:
    error = ShardError(disk.path(name), expected=expected, found=found)
    return Problem(kind, error.file, str(error))
