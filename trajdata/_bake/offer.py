"""What a store offers to another one that is brought into line with it."""

from __future__ import annotations

from trajdata._errors import ArgumentError, ShardError
from trajdata._store.contents import Contents, read_contents
from trajdata._store.protocol import ReadableStore, Store

__all__ = ["check_agreement", "read_offer"]


def read_offer(origin: ReadableStore) -> Contents:
    """What the store to read holds.

    Raises:
        ArgumentError: there is no store.
        ShardError: its recipe, its index or a commit record is damaged, or of another FORMAT.
    """
    offered = read_contents(origin)
    if offered is None:
        raise ArgumentError(
            f"origin: given {origin.where!r}; allowed is a store that trajdata.materialize began"
        )
    offered.recipe.check_format(origin.where)
    return offered


def check_agreement(store: Store, held: Contents | None, offered: Contents, origin: str) -> None:
    """Check that both stores promise the same SHA-256 of each shard of which both promise one.

    Raises:
        ShardError: they do not. One of them is damaged, and only a person can decide which.
    """
    if held is None:
        return
    promised = offered.promised
    for shard in held.promised.differing(promised):
        sha256 = held.promised[shard]
        if held.recipe.indices(shard) == offered.recipe.indices(shard):
            raise ShardError(
                store.path(held.recipe.shard_name(shard)),
                expected=f"SHA-256 {promised[shard]}, as {origin} promises it",
                found=f"{sha256}, as the index or the commit record here has it",
            )
