"""A look at a store of shards, quick or thorough: is everything there, and nothing else."""

from __future__ import annotations

import os
from collections import Counter
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
        shards_proven_by_index: those of them that have the SHA-256 which a sealed index promises.
        shards_proven_by_rendering: those of the others of which every clip was rendered again and
            is the same. What is neither is not known to be wrong, and not known to be right.
        clips_rendered: rendered again and compared.
        complete: whether all shards are promised and index.json is there.
        problems: none in a store that is sound, finished or not.
    """

    where: str
    clips: int
    shards: int
    shards_checked: int
    shards_proven_by_index: int
    shards_proven_by_rendering: int
    clips_rendered: int
    complete: bool
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found to be wrong."""
        return not self.problems

    @property
    def shards_unproven(self) -> int:
        """Shards of which nothing but their commit record, or a quick look, says what they are."""
        proven = self.shards_proven_by_index + self.shards_proven_by_rendering
        return self.shards_checked - proven


def verify(out: str | os.PathLike[str], *, full: bool = False, rerender: int = 0) -> VerifyReport:
    """Check a store's index, commit records, file sizes, gaps and strays, and of each shard the
    first and last record's headers and the end. It reads a few pages a shard and hashes nothing.

    A shard that no commit record and no index promises is unfinished, not wrong. The report says
    how many shards are proven, and how: without ``full`` or ``rerender`` none is.

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
    names = set(store.list(""))
    sound = []
    for shard, sha256 in sorted(promised.items()):
        try:
            _check_ends(store, recipe, shard)
            if full:
                _check_whole(store, recipe, shard, sha256, contents.commits.get(shard))
        except ShardError as error:
            kind = "shard" if recipe.shard_name(shard) in names else "missing"
            problems.append(Problem(kind, error.file, str(error)))
        else:
            sound.append(shard)
    same: Counter[int] = Counter()
    rendered = 0
    if rerender and sound:
        for shard, wrong in check_clips(store, recipe, sound, rerender):
            rendered += 1
            same[shard] += wrong is None
            if wrong is not None:
                problems.append(Problem("clip", wrong.file, str(wrong)))
    by_index = set(sound) if full and contents.index is not None else set()
    by_rendering = {shard for shard in sound if same[shard] == len(recipe.indices(shard))}
    for name in sorted(names - set(recipe.shard_names())):
        # Libraries that take every tar of a folder would read it along.
        if ".tar" in name:
            file = store.path(name)
            stray = ShardError(file, expected="a shard of the recipe", found="another file")
            problems.append(Problem("stray", file, str(stray)))
    return VerifyReport(
        store.where,
        recipe.clips,
        recipe.shards,
        len(promised),
        len(by_index),
        len(by_rendering - by_index),
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
