"""What an engine is, and what it tells the bake."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from trajdata._bake.task import ShardTask
from trajdata._shards.commit_record import Commit
from trajdata._store.protocol import Store

__all__ = ["Engine", "Events"]


@dataclass(frozen=True)
class Events:
    """Functions that an engine calls while it works. They must be thread-safe.

    Attributes:
        clips: called with the number of clips that were rendered, or with a negative number when
            rendered clips are lost.
        committed: called with each shard's commit.
        node: called with the name of a node of a cluster and the clips that it has committed.
    """

    clips: Callable[[int], None]
    committed: Callable[[Commit], None]
    node: Callable[[str, int], None]


class Engine(Protocol):
    """Maps ``bake_shard`` over tasks: by the threads of this process, or on a cluster."""

    @property
    def words(self) -> tuple[str, ...]:
        """The options of ``trajdata materialize`` that choose this engine."""

    def bake(
        self,
        tasks: Sequence[ShardTask],
        store: Store,
        *,
        events: Events,
        tick: Callable[[], None],
        tick_seconds: float,
    ) -> list[Commit]:
        """Bake shards. Returns when all are committed.

        Args:
            tasks: the tasks, in the order in which to begin them; all have the same recipe.
            store: the store to write to.
            events: functions to call.
            tick: called in the caller's thread after commits and every ``tick_seconds``.
            tick_seconds: longest time between two calls of ``tick``.

        Raises:
            ShardError: a shard does not have the promised bytes.
            OSError: the medium failed, or the cluster did; the first error.
            KeyboardInterrupt: the user stopped the bake.
        """
