"""Sync: bring the shards of one store into another, by copying them or by rendering them there.

A sync takes these steps, in this order:

1. Read what the first store holds: recipe, index, commit records. Nothing that it says is trusted.
2. Compare that with what the second store holds. Nothing is written before that.
3. Lock the second store, and remove the temps that a killed run left.
4. Take over the shards that it lacks, each of which must have its promised SHA-256; after each, its
   commit record. With ``render`` they are rendered, and only hashes have come.
5. Follow the first store while it is baked, if that is asked for.
6. If the first store has its index: hash the shards that earlier runs committed, and write the
   preview, the card and, as the last file, index.json.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from trajdata._bake.agreement import check_fits, check_threads
from trajdata._bake.offer import check_agreement, read_offer
from trajdata._bake.progress import ProgressReport
from trajdata._bake.run import begin, is_all_said
from trajdata._bake.takeover import Takeover
from trajdata._errors import ArgumentError
from trajdata._store.contents import Contents, read_contents
from trajdata._store.counted import CountedStore
from trajdata._store.opening import open_store
from trajdata._store.protocol import Store

__all__ = ["SyncReport", "sync"]


@dataclass(frozen=True)
class SyncReport:
    """What a call of ``sync`` did.

    Attributes:
        origin: path or URL of the store that was read.
        where: path or URL of the store that was written.
        clips, shards: numbers of the complete store.
        shards_present: shards that ``where`` has now.
        shards_copied: shards of which this call brought the bytes.
        shards_rendered: shards that this call rendered, and proved by the promised SHA-256.
        bytes_travelled: bytes of files that were read of ``origin``.
        bytes_saved: bytes of those shards of ``where`` that did not have to travel: they were
            rendered, or were there before.
        complete: whether ``where`` has all shards and its index.
        seconds: time that copying or rendering took.
    """

    origin: str
    where: str
    clips: int
    shards: int
    shards_present: int
    shards_copied: int
    shards_rendered: int
    bytes_travelled: int
    bytes_saved: int
    complete: bool
    seconds: float


def sync(
    origin: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    follow: bool = False,
    render: bool = False,
    threads: int | None = None,
    on_progress: Callable[[ProgressReport], None] | None = None,
) -> SyncReport:
    """Bring the shards of one store into another. After any interruption, the same call goes on.

    Whole shards travel. Each must have the SHA-256 that the index or the commit record of
    ``origin`` promises, or nothing of it stays. Shards, commit records and index.json of ``out``
    come to the same bytes as those of ``origin``, however often the sync was interrupted.

    Args:
        origin: folder or URL of the store to read. It is not changed, and may come from anyone.
        out: folder or URL of the store to write: an empty one, or one that holds the same stream
            with as many clips or fewer.
        follow: go on while ``origin`` is baked, until its index is there and all is copied.
            Otherwise what is committed in ``origin`` by now is copied.
        render: let only recipe, index and commit records travel, and render the shards here. Each
            is proven by its promised SHA-256.
        threads: how many shards are copied or rendered at once; None for the number of processors
            that this process may use.
        on_progress: called in this thread with a report at least every second. An exception that it
            raises stops the sync.

    Raises:
        ArgumentError: ``origin`` is no store, ``out`` is the same one, or has more clips, or an
            argument is out of range; nothing was written.
        SpecMismatchError: ``out`` holds another stream; nothing was written.
        LockedError: another process writes to ``out``; nothing was written.
        ShardError: a file of ``origin`` is damaged: says what was expected and what was found. The
            sound shards are copied all the same. Or this machine does not render the promised
            bytes, or ``out`` promises others.
        OSError: a medium failed; committed shards are untouched. EAGAIN: ``origin`` changed its
            recipe while it was followed.
        KeyboardInterrupt: the user stopped the sync; the same holds as for ``OSError``.
    """
    threads = check_threads(threads)
    source, store = open_store(origin), open_store(out)
    if source.where == store.where:
        raise ArgumentError(
            f"out: given {store.where!r}, which is the store to read too; allowed is another one"
        )
    counted = CountedStore(source)
    offered = read_offer(counted)
    check_fits(store, offered.recipe)
    held = read_contents(store)
    check_agreement(store, held, offered, source.where)
    takeover = Takeover(counted, store, offered, follow, render, threads)
    if not _is_done(store, held, offered):
        with store.lock():
            takeover.run(begin(store, offered.recipe), on_progress)
        present, is_complete = set(takeover.commits), takeover.is_whole
    else:
        present, is_complete = set(range(offered.recipe.shards)), True
    copied = set() if render else set(takeover.written)
    recipe = offered.recipe
    return SyncReport(
        origin=source.where,
        where=store.where,
        clips=recipe.clips,
        shards=recipe.shards,
        shards_present=len(present),
        shards_copied=len(copied),
        shards_rendered=len(takeover.written) - len(copied),
        bytes_travelled=counted.bytes_read,
        bytes_saved=sum(recipe.shard_bytes(shard) for shard in present - copied),
        complete=is_complete,
        seconds=takeover.seconds,
    )


def _is_done(store: Store, held: Contents | None, offered: Contents) -> bool:
    """Whether a store is complete already, and its newest shards have their promised SHA-256."""
    return (
        held is not None
        and held.recipe == offered.recipe
        and held.is_complete
        and is_all_said(store)
        and held.without_damaged_newest(store).is_complete
    )
