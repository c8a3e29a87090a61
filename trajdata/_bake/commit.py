"""How a shard comes to count: its file is put whole, and after it its commit record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from trajdata._errors import ShardError
from trajdata._shards.commit_record import Commit, commit_file
from trajdata._shards.recipe import Recipe
from trajdata._store.names import COMMITS
from trajdata._store.protocol import Store
from trajdata._store.ranges import file_sha256, put_bytes

__all__ = ["commit_shard", "put_commit_record"]


def commit_shard(
    store: Store,
    recipe: Recipe,
    shard: int,
    chunks: Iterable[tuple[memoryview, list[int]]],
    *,
    promised: str | None = None,
    outgrown: str | None = None,
) -> Commit:
    """Write a shard, then its commit record.

    Args:
        store: where.
        recipe: of the store.
        shard: which one.
        chunks: the file's bytes in order, each with how many clips of each class are in it.
        promised: the SHA-256 that the shard must have, where a commit record or the index has one.
        outgrown: the SHA-256 of the shorter shard that it may replace: that of before the store
            was made to grow, whose clips are in the new one too.

    Raises:
        ShardError: the bytes are not those that were promised; nothing was changed.
        SyncError: an fsync failed; neither file nor commit record counts, write the shard again.
        OSError: as the operation failed; no temp is left.
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
        # Still before the file gets its name.
        if promised is not None and digest.hexdigest() != promised:
            raise ShardError(
                store.path(name),
                expected=f"SHA-256 {promised} when rendered again",
                found=digest.hexdigest(),
            )
        _make_way(store, name, digest.hexdigest(), size, outgrown)

    store.put(name, hashed(), size)
    commit = Commit.of(recipe, shard, digest.hexdigest(), tuple(labels))
    put_commit_record(store, commit)
    return commit


def put_commit_record(store: Store, commit: Commit) -> None:
    """Write the commit record of a shard that is in the store under its name."""
    put_bytes(store, f"{COMMITS}/{commit_file(commit.shard)}", commit.to_bytes())


def _make_way(store: Store, name: str, sha256: str, size: int, outgrown: str | None) -> None:
    """Make way for a shard. A file of its very bytes, left by a kill before the commit record,
    stays until it is replaced; so does the shorter one that it has outgrown."""
    try:
        held = store.size(name)
        if held is None or (held != size and outgrown is None):
            is_other = held is not None
        else:
            is_other = file_sha256(store, name) not in (sha256, outgrown)
    except ShardError:
        is_other = True  # not even a file
    if is_other:
        store.set_aside(name)
