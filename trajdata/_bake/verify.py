"""A look at a store of shards, quick or thorough: is everything there, and nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass

from trajdata._bake.rerender import check_clips
from trajdata._checks import whole_number
from trajdata._errors import ArgumentError, ShardError
from trajdata._shards.commit_record import Commit, commit_file
from trajdata._shards.recipe import Recipe
from trajdata._store.contents import Contents, survey_contents
from trajdata._store.names import COMMITS
from trajdata._store.opening import open_store
from trajdata._store.protocol import Store
from trajdata._store.shard_view import ShardView, walk

__all__ = ["Problem", "VerifyReport", "surveyed", "verify", "verify_on"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        kind: "index", "recipe", "commit record", "contradiction" (index and recipe are two),
            "missing", "shard", "clip" (rendered otherwise now) or "stray".
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
        where: path or URL of the store.
        clips, shards: of the complete store.
        shards_checked: those that are promised by a commit record or the index.
        clips_rendered: rendered again and compared.
        complete: whether all shards are promised and index.json is there.
        problems: none in a store that is sound, finished or not.
    """

    where: str
    clips: int
    shards: int
    shards_checked: int
    clips_rendered: int
    complete: bool
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(out: str | os.PathLike[str], *, full: bool = False, rerender: int = 0) -> VerifyReport:
    """Check a store's index, commit records, file sizes, gaps and strays, and of each shard the
    first and last record's headers and the end. It reads a few pages a shard and hashes nothing.

    A shard that no commit record and no index promises is unfinished, not wrong.

    Args:
        out: the store's folder.
        full: read every byte too: hashes, every header, every value decoded.
        rerender: render so many clips again, spread evenly, and compare them to the byte.

    Raises:
        ArgumentError: no store of shards, or ``rerender`` is negative.
        ShardError: neither index.json nor the store's recipe can be read.
        OSError: something cannot be read.
    """
    return verify_on(open_store(out), full=full, rerender=rerender)


def verify_on(store: Store, *, full: bool = False, rerender: int = 0) -> VerifyReport:
    """``verify`` of a store that is open already."""
    whole_number("rerender", rerender, 0)
    contents = surveyed(store)
    recipe = contents.recipe
    problems = [Problem(item.kind, item.error.file, str(item.error)) for item in contents.damage]
    promised = contents.promised
    sound = []
    for shard, sha256 in sorted(promised.items()):
        try:
            _check_ends(store, recipe, shard)
            if full:
                _check_whole(store, recipe, shard, sha256, contents.commits.get(shard))
        except ShardError as error:
            missing = store.size(recipe.shard_name(shard)) is None
            problems.append(Problem("missing" if missing else "shard", error.file, str(error)))
        else:
            sound.append(shard)
    rendered = 0
    if rerender and sound:
        for wrong in check_clips(store, recipe, sound, rerender):
            rendered += 1
            if wrong is not None:
                problems.append(Problem("clip", wrong.file, str(wrong)))
    names = set(recipe.shard_names())
    for name in store.list(""):
        # Libraries that take every tar of a folder would read it along.
        if ".tar" in name and name not in names:
            file = store.path(name)
            stray = ShardError(file, expected="a shard of the recipe", found="another file")
            problems.append(Problem("stray", file, str(stray)))
    return VerifyReport(
        store.where,
        recipe.clips,
        recipe.shards,
        len(promised),
        rendered,
        contents.index is not None and len(promised) == recipe.shards,
        tuple(problems),
    )


def surveyed(store: Store) -> Contents:
    """What a store holds, with what is damaged listed.

    Raises:
        ArgumentError: there is no store.
        ShardError: neither its index nor its recipe can be read, or another FORMAT wrote it.
    """
    contents = survey_contents(store)
    if contents is None:
        raise ArgumentError(
            f"out: given {store.where!r}; allowed is a folder that trajdata.materialize wrote"
        )
    contents.recipe.check_format(store.where)
    return contents


def _check_ends(store: Store, recipe: Recipe, shard: int) -> None:
    view = ShardView(store, recipe, shard)
    view.check_headers(len(view.records) - 1)
    view.check_end()


def _check_whole(
    store: Store, recipe: Recipe, shard: int, sha256: str, commit: Commit | None
) -> None:
    """Read a whole shard and compare it with what was promised of it.

    Raises:
        ShardError: the shard is damaged, or its commit record counts other classes.
        OSError: it cannot be read.
    """
    walked = walk(store, recipe, shard)
    name = recipe.shard_name(shard)
    if walked.sha256 != sha256:
        raise ShardError(store.path(name), expected=f"SHA-256 {sha256}", found=walked.sha256)
    if commit is not None and walked.labels != commit.labels:
        raise ShardError(
            store.path(f"{COMMITS}/{commit_file(shard)}"),
            expected=f"labels {list(walked.labels)}, as {name} has them",
            found=f"{list(commit.labels)}",
        )
