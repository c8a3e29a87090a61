"""Prove that a shard is right: hash it, or render it again and compare the hashes.

A shard is proven by the SHA-256 in a sealed index, or by a fresh rendering. A commit record proves
nothing, because whoever exchanges a shard can write a commit record for it too. The bake uses
commit records only to know what it has done.
"""

from __future__ import annotations

import hashlib
import queue
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from trajdata._bake.task import ShardTask, shard_builder, shard_chunks
from trajdata._errors import ShardError
from trajdata._shards.recipe import Recipe
from trajdata._store.protocol import Store
from trajdata._store.ranges import file_sha256

__all__ = ["rendered_sha256", "shards_with_other_bytes"]

_AHEAD = 4
"""Shards that wait for each thread."""


def rendered_sha256(recipe: Recipe, shards: Collection[int], threads: int) -> dict[int, str]:
    """Render shards without writing them: shard -> SHA-256 that its file must have."""

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
    """Hash shards, and return those that are missing or do not have their promised SHA-256.

    Args:
        store: the store to read.
        recipe: the store's recipe.
        promised: shard -> SHA-256, for the shards to hash.
        threads: how many threads hash at once.
        tick: called in the caller's thread every ``tick_seconds``. An exception that it raises ends
            the hashing and is passed on.
        tick_seconds: time between two calls of ``tick``.

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
    waiting = iter(promised)
    try:
        # A few at a time: a store may have a million shards.
        for shard in islice(waiting, _AHEAD * threads):
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
            for shard in islice(waiting, 1):
                pool.submit(look, shard)
    finally:
        pool.shutdown(cancel_futures=True)
    return sorted(wrong)
