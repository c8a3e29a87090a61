"""Commit a shard: write its file, and after the file its commit record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from trajdata._errors import ShardError
from trajdata._shards.commit_record import Commit, commit_file
from trajdata._shards.index import INDEX, Index
from trajdata._shards.recipe import Recipe
from trajdata._store.names import COMMITS
from trajdata._store.protocol import Store
from trajdata._store.ranges import file_sha256, put_bytes

__all__ = ["commit_shard", "put_commit_record", "put_index"]


def commit_shard(
    store: Store,
    recipe: Recipe,
    shard: int,
    chunks: Iterable[tuple[memoryview, list[int]]],
    *,
    promised: str | None = None,
    outgrown: str | None = None,
    copied_from: str | None = None,
) -> Commit:
    """Write a shard, then its commit record.

    Args:
        store: the store to write to.
        recipe: the store's recipe.
        shard: the shard's number.
        chunks: the file's bytes in order. Each chunk comes with the number of its clips of each
            class.
        promised: the SHA-256 that the shard must have, if a commit record or the index names one.
        outgrown: the SHA-256 of the shorter shard that this one may replace. It is the short last
            shard from before the store grew, and its clips are in the new shard too.
        copied_from: path or URL of the file that the chunks are read from; None if they are
            rendered. It is named if the bytes are not the promised ones.

    Raises:
        ShardError: the bytes do not have the promised SHA-256; nothing was changed.
        SyncError: an fsync failed; neither the file nor a commit record counts, so the shard must
            be written again.
        OSError: another operation failed; no temp is left.
    """
    name = recipe.shard_name(shard)
    size = recipe.shard_bytes(shard)
    digest = hashlib.sha256()
    labels = [0] * len(recipe.spec.laws)

    def hashed() -> Iterator[memoryview]:
        for chunk, counts in chunks:
            digest.update(chunk)
            for label, number in enumerate(counts):
                labels[label] += number
            yield chunk
        # `put` runs this generator to its end before the file gets its name, so an error raised
        # here leaves the name as it was.
        if promised is not None and digest.hexdigest() != promised:
            how = "" if copied_from else " when rendered again"
            raise ShardError(
                copied_from or store.path(name),
                expected=f"SHA-256 {promised}{how}",
                found=digest.hexdigest(),
            )
        _make_way(store, name, digest.hexdigest(), size, outgrown)

    store.put(name, hashed(), size)
    commit = Commit.of(recipe, shard, digest.hexdigest(), tuple(labels))
    put_commit_record(store, commit)
    return commit


def put_commit_record(store: Store, commit: Commit) -> None:
    """Write the commit record of a shard whose file is in the store."""
    put_bytes(store, f"{COMMITS}/{commit_file(commit.shard)}", commit.to_bytes())


def put_index(store: Store, index: Index) -> None:
    """Write the index, piece by piece: that of a million shards need not be in memory whole."""
    size = sum(map(len, index.spelling()))
    store.put(INDEX, map(memoryview, index.spelling()), size)


def _make_way(store: Store, name: str, sha256: str, size: int, outgrown: str | None) -> None:
    """Set a file aside that has the shard's name, so that the shard does not overwrite it.

    Two files are not set aside but replaced: one with the shard's own bytes, which a run left that
    was killed before it wrote the commit record; and the shorter shard from before the store grew.
    """
    try:
        held = store.size(name)
        if held is None or (held != size and outgrown is None):
            is_other = held is not None
        else:
            is_other = file_sha256(store, name) not in (sha256, outgrown)
    except ShardError:
        is_other = True  # a link, a folder or something else that is no file
    if is_other:
        store.set_aside(name)
