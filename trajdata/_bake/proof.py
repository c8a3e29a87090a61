"""What is proven of a shard: by the SHA-256 of a sealed index, or by rendering it afresh.

A commit record proves nothing: whoever exchanges a shard can write its commit record too. It is the
bake's own note of what it has done.
"""

from __future__ import annotations

import hashlib
import queue
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from trajdata._bake.task import ShardTask, shard_builder, shard_chunks
from trajdata._errors import ShardError
from trajdata._shards.recipe import Recipe
from trajdata._store.protocol import Store
from trajdata._store.ranges import file_sha256

__all__ = ["rendered_sha256", "shards_with_other_bytes"]


def rendered_sha256(recipe: Recipe, shards: Collection[int], threads: int) -> dict[int, str]:
    """Render shards without writing them anywhere: by shard, the SHA-256 of its file."""

    def digest_of(shard: int) -> str:
        digest = hashlib.sha256()
        for chunk, _, _ in shard_chunks(ShardTask(recipe, shard), shard_builder(recipe)):
            digest.update(chunk)
        return digest.hexdigest()

    with ThreadPoolExecutor(threads, thread_name_prefix="trajdata-prove") as pool:
        return dict(zip(shards, pool.map(digest_of, shards), strict=True))


def shards_with_other_bytes(
    store: Store,
    recipe: Recipe,
    promised: Mapping[int, str],
    threads: int,
    *,
    tick: Callable[[], None],
    tick_seconds: float,
) -> list[int]:
    """Hash shards: which of them are missing, or have not the SHA-256 that they must have.

    Args:
        store: where.
        recipe: of the store.
        promised: by shard, the SHA-256.
        threads: how many hash at once.
        tick: called in the caller's thread every ``tick_seconds``. What it raises ends the hashing.
        tick_seconds: see there.

    Raises:
        OSError: a shard cannot be read.
    """
    found: queue.SimpleQueue[int | BaseException | None] = queue.SimpleQueue()

    def look(shard: int) -> None:
        try:
            is_right = file_sha256(store, recipe.shard_name(shard)) == promised[shard]
            found.put(None if is_right else shard)
        except (FileNotFoundError, ShardError):
            found.put(shard)
        except BaseException as error:
            found.put(error)

    wrong = []
    pool = ThreadPoolExecutor(threads, thread_name_prefix="trajdata-hash")
    try:
        for shard in promised:
            pool.submit(look, shard)
        left = len(promised)
        while left:
            try:
                answer = found.get(timeout=tick_seconds)
            except queue.Empty:
                tick()
                continue
            left -= 1
            if isinstance(answer, BaseException):
                raise answer
            if answer is not None:
                wrong.append(answer)
    finally:
        pool.shutdown(cancel_futures=True)
    return sorted(wrong)
