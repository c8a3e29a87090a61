"""What a bake has finished so far: the recipe and a record for each committed shard.

A shard is committed when its file has its final name and then its record is on the medium. The
state of a folder is read from those records and from the sizes of the files, from nothing else.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from trajdata._errors import ShardError
from trajdata._shards.index import INDEX, Index, is_sha256, read_index
from trajdata._shards.layout import RecordLayout
from trajdata._shards.recipe import Recipe
from trajdata._shards.strict_json import SEAL, canonical, check_spelling, expect, parse, sealed
from trajdata._store.disk import Disk, commit_bytes, commit_chunks

__all__ = [
    "ASIDE",
    "COMMITS",
    "HIDDEN",
    "RECIPE",
    "TEMPS",
    "Commit",
    "FolderState",
    "clear_temps",
    "commit_shard",
    "file_sha256",
    "held_recipe",
    "make_folders",
    "move_aside",
    "read_commit",
    "read_recipe",
    "read_state",
    "record_name",
    "rehash_last",
    "write_commit",
    "write_recipe",
]

HIDDEN = ".trajdata"
RECIPE = f"{HIDDEN}/recipe.json"
COMMITS = f"{HIDDEN}/commits"
TEMPS = f"{HIDDEN}/tmp"
ASIDE = f"{HIDDEN}/aside"
"""Where a file goes that has a shard's name and not its bytes: nothing is deleted."""

_MOST_BYTES = 2**20
_REHASHED = 2


@dataclass(frozen=True)
class Commit:
    """The record of one committed shard.

    Attributes:
        shard: its number.
        url: its file name.
        clips: how many it holds.
        filesize: bytes.
        sha256: of the file, hex.
        labels: how many clips of each class it holds.
    """

    shard: int
    url: str
    clips: int
    filesize: int
    sha256: str
    labels: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """The record file."""
        return canonical(self.as_json())

    def as_json(self) -> dict[str, Any]:
        """What the record says."""
        return sealed(
            {
                "clips": self.clips,
                "filesize": self.filesize,
                "labels": list(self.labels),
                "sha256": self.sha256,
                "shard": self.shard,
                "url": self.url,
            }
        )


@dataclass(frozen=True)
class FolderState:
    """How far a bake is.

    Attributes:
        recipe: what is baked.
        index: index.json where it is there.
        commits: by shard, the records of those whose file is there in its full size.
        digests: by shard, the SHA-256 that a record or the index promises, file or no file.
        whole: shards that are promised and whose file is there in its full size.
    """

    recipe: Recipe
    index: Index | None
    commits: dict[int, Commit]
    digests: dict[int, str]
    whole: frozenset[int]

    @property
    def pending(self) -> list[int]:
        """Shards still to be made."""
        return [shard for shard in range(self.recipe.shards) if shard not in self.commits]

    @property
    def newest(self) -> list[int]:
        """The last shards that are there: those that ``rehash_last`` hashes again."""
        return sorted(self.whole)[-_REHASHED:]

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do."""
        return self.index is not None and len(self.whole) == self.recipe.shards


def held_recipe(disk: Disk) -> Recipe | None:
    """The recipe of a folder, from its own file or else from index.json; None where neither is.

    Raises:
        ShardError: a damaged file, or two that contradict each other.
    """
    index, recipe = read_index(disk), read_recipe(disk)
    if index is None:
        return recipe
    if recipe is not None and recipe != index.recipe:
        raise ShardError(disk.path(INDEX), expected=f"the recipe in {RECIPE}", found="another")
    return index.recipe


def read_recipe(disk: Disk) -> Recipe | None:
    """The folder's own recipe file, or None where there is none.

    Raises:
        ShardError: it is damaged.
    """
    file = disk.path(RECIPE)
    data = disk.read(RECIPE, _MOST_BYTES)
    if data is None:
        return None
    value = parse(data, file, _MOST_BYTES)
    value.pop(SEAL, None)
    # Of what is there, not of what was understood: another version's recipe has other keys.
    check_spelling(data, sealed(value), file)
    return Recipe.from_json(value, file)


def read_state(disk: Disk, recipe: Recipe) -> FolderState:
    """Which shards are committed.

    Raises:
        ShardError: a damaged index or commit record.
    """
    index = read_index(disk)
    layout = recipe.layout
    read = [read_commit(disk, recipe, layout, name) for name in disk.list_folder(COMMITS)]
    records = {record.shard: record for record in read}
    digests = dict(enumerate(index.sha256)) if index else {}
    for shard, record in records.items():
        if digests.setdefault(shard, record.sha256) != record.sha256:
            raise ShardError(
                disk.path(INDEX),
                expected=f"SHA-256 {record.sha256} for shard {shard}, as its commit record has it",
                found=digests[shard],
            )
    whole = frozenset(
        shard
        for shard in digests
        if disk.size(recipe.shard_name(shard)) == layout.shard_bytes(len(recipe.indices(shard)))
    )
    commits = {shard: record for shard, record in records.items() if shard in whole}
    return FolderState(recipe, index, commits, digests, whole)


def rehash_last(disk: Disk, state: FolderState) -> FolderState:
    """The state without those of the last shards that are damaged: they were in flight, or nearly
    so, when whatever ended the last run happened.

    Raises:
        OSError: one cannot be read.
    """
    wrong = {
        shard
        for shard in state.newest
        if file_sha256(disk, state.recipe.shard_name(shard)) != state.digests[shard]
    }
    commits = {shard: commit for shard, commit in state.commits.items() if shard not in wrong}
    return replace(state, commits=commits, whole=state.whole - wrong)


def make_folders(disk: Disk) -> None:
    """Make the folder and what is hidden in it, on the medium."""
    disk.make_folder("")
    if not disk.path(HIDDEN).is_dir():
        for name in _folders_above(disk):
            disk.sync_folder(name)
    for name in (COMMITS, TEMPS):
        disk.make_folder(name)
    # A new folder's name lies in the one above it; and a run that was killed between giving a file
    # its name and syncing that relies on this one to do so.
    for name in (COMMITS, HIDDEN, ""):
        disk.sync_folder(name)


def _folders_above(disk: Disk) -> Iterator[str]:
    """The folders that may hold the name of a folder that we made: this run, or one that was
    killed before it got any further. Another filesystem's, or an unreadable one, hold none."""
    device = os.stat(disk.root).st_dev
    for level in range(1, len(disk.root.absolute().parents) + 1):
        name = "/".join([".."] * level)
        above = disk.path(name)
        if os.stat(above).st_dev != device or not os.access(above, os.R_OK):
            return
        yield name


def write_recipe(disk: Disk, recipe: Recipe) -> None:
    """Bind an empty folder to a recipe."""
    commit_bytes(disk, f"{TEMPS}/recipe.json", RECIPE, canonical(sealed(recipe.as_json())))


def clear_temps(disk: Disk) -> int:
    """Remove what a killed bake left unfinished; how many files. Only under the folder's lock."""
    names = disk.list_folder(TEMPS)
    for name in names:
        disk.remove(f"{TEMPS}/{name}")
    return len(names)


def commit_shard(
    disk: Disk,
    recipe: Recipe,
    shard: int,
    chunks: Iterable[tuple[memoryview, list[int]]],
    promised: str | None = None,
) -> Commit:
    """Write a shard, then its record.

    Args:
        disk: where.
        recipe: of the folder.
        shard: which one.
        chunks: the file's bytes in order, each with how many clips of each class are in it.
        promised: the SHA-256 that the shard must have, where a record or the index has one.

    Raises:
        ShardError: the bytes are not those that were promised; nothing was changed.
        SyncError: an fsync failed; neither file nor record counts, write the shard again.
        OSError: as the operation failed; no temp is left.
    """
    name = recipe.shard_name(shard)
    count = len(recipe.indices(shard))
    size = recipe.layout.shard_bytes(count)
    digest = hashlib.sha256()
    labels = [0] * len(recipe.spec.laws)

    def hashed() -> Iterator[memoryview]:
        for chunk, counts in chunks:
            digest.update(chunk)
            for label, number in enumerate(counts):
                labels[label] += number
            yield chunk
        # Still before the file gets its name.
        if promised is not None and digest.hexdigest() != promised:
            raise ShardError(
                disk.path(name),
                expected=f"SHA-256 {promised} when drawn again",
                found=digest.hexdigest(),
            )
        _make_way(disk, name, digest.hexdigest(), size)

    commit_chunks(disk, f"{TEMPS}/{name}", name, hashed(), size)
    commit = Commit(shard, name, count, size, digest.hexdigest(), tuple(labels))
    write_commit(disk, commit)
    return commit


def write_commit(disk: Disk, commit: Commit) -> None:
    """Write the record of a shard that is on the medium under its name."""
    name = record_name(commit.shard)
    commit_bytes(disk, f"{TEMPS}/{name}", f"{COMMITS}/{name}", commit.to_bytes())


def _make_way(disk: Disk, name: str, sha256: str, size: int) -> None:
    """Make way for a shard. A file of its very bytes, left by a kill before the record, stays."""
    held = disk.size(name)
    if held is not None and (held != size or file_sha256(disk, name) != sha256):
        move_aside(disk, name)


def move_aside(disk: Disk, name: str) -> str:
    """Give a file that is not what its name says a name in ``ASIDE``, and return that."""
    disk.make_folder(ASIDE)
    disk.sync_folder(HIDDEN)
    taken = disk.list_folder(ASIDE)
    short = name.rpartition("/")[2]
    free = next(n for n in range(len(taken) + 1) if f"{short}.{n}" not in taken)
    disk.rename(name, f"{ASIDE}/{short}.{free}")
    disk.sync_folder(ASIDE)
    return f"{ASIDE}/{short}.{free}"


def file_sha256(disk: Disk, name: str) -> str:
    """SHA-256 (hex) of a file."""
    digest = hashlib.sha256()
    for block in disk.read_blocks(name, 2**20):
        digest.update(block)
    return digest.hexdigest()


def record_name(shard: int) -> str:
    """File name of a shard's record."""
    return f"{shard:06d}.json"


def read_commit(disk: Disk, recipe: Recipe, layout: RecordLayout, name: str) -> Commit:
    """A commit record, by its file name.

    Raises:
        ShardError: it is damaged, or of no shard of the recipe.
    """
    file = disk.path(f"{COMMITS}/{name}")
    digits = name.removesuffix(".json")
    shard = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else -1
    if not 0 <= shard < recipe.shards or name != record_name(shard):
        raise ShardError(
            file, expected=f"the name of a record of {recipe.shards} shards", found=f"{name!r}"
        )
    data = disk.read(f"{COMMITS}/{name}", _MOST_BYTES)
    if data is None:
        raise ShardError(file, expected="a commit record", found="no file")
    value: dict[str, Any] = parse(data, file, _MOST_BYTES)
    count = len(recipe.indices(shard))
    due = {
        "clips": count,
        "filesize": layout.shard_bytes(count),
        "shard": shard,
        "url": recipe.shard_name(shard),
    }
    for key, expected in due.items():
        found = expect(value, key, type(expected), file)
        if found != expected:
            raise ShardError(file, expected=f"{key} {expected!r}", found=f"{found!r:.80}")
    labels = expect(value, "labels", list, file)
    if (
        len(labels) != len(recipe.spec.laws)
        or any(type(number) is not int or number < 0 for number in labels)
        or sum(labels) != count
    ):
        raise ShardError(file, expected=f"labels that count {count} clips", found=f"{labels!r:.80}")
    sha256 = expect(value, "sha256", str, file)
    if not is_sha256(sha256):
        raise ShardError(file, expected="sha256 in hex", found=f"{sha256!r:.80}")
    commit = Commit(
        shard, recipe.shard_name(shard), count, layout.shard_bytes(count), sha256, tuple(labels)
    )
    check_spelling(data, commit.as_json(), file)
    return commit
