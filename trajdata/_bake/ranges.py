"""Bake a store in parts: any number of processes and machines, each a range of its shards.

Nobody hands out work and nobody waits for another. The recipe is created by whoever is first; a
shard that two processes bake is the same bytes. When all shards are committed, ``finish`` writes
the index.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence

from trajdata._bake.agreement import agree, check_threads
from trajdata._bake.progress import ProgressReport
from trajdata._bake.run import MaterializeReport, bake
from trajdata._checks import whole_number
from trajdata._clips.source_protocol import Source
from trajdata._errors import ArgumentError
from trajdata._shards.recipe import Recipe
from trajdata._store.contents import Contents, held_recipe, read_contents
from trajdata._store.names import RECIPE
from trajdata._store.opening import open_store
from trajdata._store.protocol import Store

__all__ = ["bake_range", "finish"]

_NAMED_GAPS = 8


def bake_range(
    out: str | os.PathLike[str],
    shards: range,
    source: Source | None = None,
    *,
    clips: int | None = None,
    fields: Sequence[str] | None = None,
    threads: int | None = None,
    shard_clips: int | None = None,
    on_progress: Callable[[ProgressReport], None] | None = None,
) -> MaterializeReport:
    """Bake those of some shards of a store that are not committed yet.

    Any number of processes and machines may do so at once, in any order, with ranges that overlap,
    and repeat what was killed: the store comes to the same bytes as one that ``materialize``
    bakes. Call ``finish`` when all are done.

    Args:
        out: the store's folder or URL. It is made by whoever is first.
        shards: numbers of shards, with step 1. Those beyond the store's last one are left out.
        source: the stream; needed only where the store may not have been made yet.
        clips: how many the whole store is to have; needed where ``source`` is.
        fields, threads, shard_clips, on_progress: as of ``materialize``.

    Raises:
        ArgumentError: names the argument, the value given and what is allowed.
        SpecMismatchError: the store holds another stream; nothing was written.
        LockedError: ``materialize``, ``repair`` or ``finish`` is at work in this folder.
        ShardError: as of ``materialize``.
        OSError: the medium failed; committed shards are untouched.
        KeyboardInterrupt: the same.
    """
    store = open_store(out)
    _check_range(shards)
    recipe = _agreed(store, source, clips=clips, fields=fields, shard_clips=shard_clips)
    threads = check_threads(threads)
    with store.join():
        if not store.create(RECIPE, recipe.to_bytes()):
            held = held_recipe(store)
            if held is not None:
                recipe.check_same(held, store.where)
        due = range(shards.start, min(shards.stop, recipe.shards))
        return bake(store, threads, on_progress, due, 0, is_alone=False)


def finish(
    out: str | os.PathLike[str],
    *,
    threads: int | None = None,
    on_progress: Callable[[ProgressReport], None] | None = None,
) -> MaterializeReport:
    """Write the index of a store whose shards are all committed, and what else completes it.

    Every shard is read first and compared with its commit record: an index promises what was looked
    at. So finishing a bucket costs one download of it.

    Args:
        out: the store's folder or URL.
        threads, on_progress: as of ``materialize``.

    Raises:
        ArgumentError: there is no store.
        LockedError: another process writes to the folder.
        ShardError: as of ``materialize``.
        OSError: EAGAIN, where shards are still to be baked: names them. Or the medium failed.
    """
    store = open_store(out)
    threads = check_threads(threads)
    contents = read_contents(store)
    if contents is None:
        raise ArgumentError(
            f"out: given {store.where!r}; allowed is a store that `trajdata bake-range` began"
        )
    contents.recipe.check_format(store.where)
    _check_complete(store, contents)
    with store.lock():
        return bake(store, threads, on_progress, range(0), store.clear_temps())


def _agreed(
    store: Store,
    source: Source | None,
    *,
    clips: int | None,
    fields: Sequence[str] | None,
    shard_clips: int | None,
) -> Recipe:
    """The recipe of the store, which is what is asked for, where something is."""
    held = held_recipe(store)
    if source is None:
        if held is None:
            raise ArgumentError(
                f"out: given {store.where!r}, where there is no store yet; say which stream is to "
                "be baked there, and how many clips"
            )
        held.check_format(store.where)
        return held
    if clips is None:
        if held is None:
            raise ArgumentError("clips: given None; allowed is how many clips the store is to have")
        clips = held.clips
    recipe = agree(store, source, clips=clips, fields=fields, shard_clips=shard_clips)
    if held is not None and held.clips != recipe.clips:
        raise ArgumentError(
            f"clips: given {recipe.clips}; {store.where!r} is a store of {held.clips} clips, and "
            "only materialize makes it grow"
        )
    return recipe


def _check_range(shards: range) -> None:
    if not isinstance(shards, range) or shards.step != 1:
        raise ArgumentError(f"shards: given {shards!r:.80}; allowed is a range with step 1")
    whole_number("shards.start", shards.start, 0)
    whole_number("shards.stop", shards.stop, shards.start)


def _check_complete(store: Store, contents: Contents) -> None:
    pending = contents.pending
    if not pending:
        return
    gaps: list[list[int]] = []
    for shard in pending:
        if gaps and gaps[-1][1] == shard:
            gaps[-1][1] = shard + 1
        else:
            gaps.append([shard, shard + 1])
    named = ", ".join(f"{first}:{last}" for first, last in gaps[:_NAMED_GAPS])
    more = f" and {len(gaps) - _NAMED_GAPS} more ranges" if len(gaps) > _NAMED_GAPS else ""
    raise OSError(
        errno.EAGAIN,
        f"{len(pending)} of {contents.recipe.shards} shards are still to be baked: {named}{more}",
        store.where,
    )
