"""Copy one shard of a store into another, checked on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trajdata._bake.commit import commit_shard
from trajdata._bake.task import ShardTask
from trajdata._errors import ShardError
from trajdata._shards.commit_record import Commit
from trajdata._store.protocol import ReadableStore, Store
from trajdata._store.shard_view import checked_blocks
from trajdata._store.writing import SyncError

__all__ = ["copy_shard"]

_ATTEMPTS = 2
"""How often a shard is read that is not what was promised: a bit may flip on the way."""


def copy_shard(
    task: ShardTask, origin: ReadableStore, store: Store, on_clips: Callable[[int], None]
) -> Commit:
    """Copy a shard and commit it.

    Each block is checked before it is written, and the SHA-256 before the file gets its name. The
    commit record is made anew from what arrived.

    Args:
        task: which shard to copy; it must have a promised SHA-256.
        origin: the store to read from. Nothing that it says is trusted.
        store: the store to write to; it must have its recipe file.
        on_clips: called with the number of clips that have arrived, and with a negative number
            when they are lost because an error ended the attempt.

    Raises:
        ShardError: the shard is not what was promised of it, twice: names the file in ``origin``,
            what was expected and what was found. The name in ``store`` is as it was.
        OSError: one of the media failed; no temp is left.
    """
    recipe, shard = task.recipe, task.shard
    path = origin.path(recipe.shard_name(shard))
    attempt = 0
    while True:
        attempt += 1
        arrived = 0

        def chunks() -> Iterator[tuple[memoryview, list[int]]]:
            nonlocal arrived
            for block, counts in checked_blocks(origin, recipe, shard):
                yield memoryview(block), counts
                arrived += sum(counts)
                on_clips(sum(counts))

        try:
            return commit_shard(
                store,
                recipe,
                shard,
                chunks(),
                promised=task.promised,
                outgrown=task.outgrown,
                copied_from=path,
            )
        except (SyncError, ShardError) as error:
            on_clips(-arrived)
            # An error of the store that is written to does not pass by reading again.
            is_of_store = isinstance(error, ShardError) and error.file != path
            if attempt == _ATTEMPTS or is_of_store:
                raise
        except BaseException:
            on_clips(-arrived)
            raise
