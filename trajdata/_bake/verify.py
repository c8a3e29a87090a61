"""Verify a store, quickly or in full: is everything there and right, and is nothing else there?"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass

from trajdata._bake.rerender import check_clips
from trajdata._checks import whole_number
from trajdata._errors import ArgumentError, ShardError
from trajdata._shards.recipe import Recipe
from trajdata._store.contents import Contents, listed_shards, survey_contents
from trajdata._store.opening import open_store
from trajdata._store.protocol import Store
from trajdata._store.shard_view import ShardView, walk

__all__ = ["Problem", "VerifyReport", "surveyed", "verify", "verify_on"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        kind: "index", "recipe", "commit record", "contradiction" (index.json and recipe.json hold
            different recipes), "missing" (a shard), "shard", "clip" (it is not what is rendered
            now) or "stray" (a tar that is no shard of the store).
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
    """What ``verify`` found.

    Attributes:
        where: path or URL of the store.
        clips, shards: numbers of the complete store.
        shards_checked: shards that a commit record or the index promises.
        shards_proven_by_index: checked shards that have the SHA-256 which a sealed index promises.
        shards_proven_by_rendering: other checked shards of which every clip was rendered again and
            is the same. Of a shard that is proven in neither way, nothing is known to be wrong, but
            it is not known to be right either.
        clips_rendered: clips that were rendered again and compared.
        complete: whether all shards are promised and index.json is there.
        problems: everything that is wrong. Empty for a sound store, also for an unfinished one.
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
        """Checked shards that neither the index nor a rendering proves."""
        proven = self.shards_proven_by_index + self.shards_proven_by_rendering
        return self.shards_checked - proven


def verify(out: str | os.PathLike[str], *, full: bool = False, rerender: int = 0) -> VerifyReport:
    """Check a store: its index, commit records, file sizes, missing shards and files that do not
    belong there, and in each shard the headers of the first and the last record and the end.

    This quick check reads a few pages of each shard and hashes nothing. A shard that no commit
    record and no index promises is unfinished, which is no problem. The report says how many shards
    are proven, and by what: the quick check proves none.

    Args:
        out: the store's folder.
        full: read every byte too: compare all hashes and headers, and decode every value.
        rerender: render so many clips again, evenly spread, and compare every byte of them.

    Raises:
        ArgumentError: ``out`` is no store, or ``rerender`` is negative.
        ShardError: neither index.json nor the store's recipe can be read.
        OSError: a file cannot be read.
    """
    return verify_on(open_store(out), full=full, rerender=rerender)


def verify_on(store: Store, *, full: bool = False, rerender: int = 0) -> VerifyReport:
    """``verify`` for a ``Store`` instead of a path."""
    whole_number("rerender", rerender, 0)
    contents = surveyed(store)
    recipe = contents.recipe
    problems = [Problem(item.kind, item.error.file, str(item.error)) for item in contents.damage]
    promised = contents.promised
    there, strays = listed_shards(store, recipe)
    sound = []
    for shard in promised:
        try:
            _check_ends(store, recipe, shard)
            if full:
                _check_whole(store, contents, shard, promised[shard])
        except ShardError as error:
            kind = "shard" if shard in there else "missing"
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
    for name in strays:
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
    """What a store holds, with a list of its damaged files.

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


def _check_whole(store: Store, contents: Contents, shard: int, sha256: str) -> None:
    """Read a whole shard, and compare it with its promised SHA-256 and its commit record.

    Raises:
        ShardError: the shard is damaged, or its commit record has other class counts.
        OSError: the shard cannot be read.
    """
    recipe, commit = contents.recipe, contents.commits.get(shard)
    walked = walk(store, recipe, shard)
    name = recipe.shard_name(shard)
    if walked.sha256 != sha256:
        raise ShardError(store.path(name), expected=f"SHA-256 {sha256}", found=walked.sha256)
    if commit is not None and walked.labels != commit.labels:
        raise ShardError(
            store.path(contents.records_of(shard)[0]),
            expected=f"labels {list(walked.labels)}, as {name} has them",
            found=f"{list(commit.labels)}",
        )
