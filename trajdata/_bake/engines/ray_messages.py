"""What a bake and the process that talks to Ray for it say to each other. All of it is pickled.

That process only hands on what is pickled already, so that it need not import what bakes.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Baked", "Done", "Failed", "Job", "Lost", "News", "Refused", "StillThere", "Work"]

Work = tuple[int, "str | None", "str | None"]
"""A ``ShardTask`` without its recipe: shard, promised, outgrown."""


@dataclass(frozen=True)
class Job:
    """What is to be baked, and where.

    Attributes:
        address: of the cluster, as Ray takes it.
        site: a pickled ``Site``, which goes to the nodes as it is.
        works: what is to be baked, in the order in which to begin it.
    """

    address: str
    site: bytes
    works: tuple[Work, ...]


@dataclass(frozen=True)
class Baked:
    """A node has committed a shard; ``commit`` is pickled."""

    node: str
    commit: bytes


@dataclass(frozen=True)
class Refused:
    """A shard could not be committed. ``error`` is pickled, as the node raised it."""

    error: bytes


@dataclass(frozen=True)
class Lost:
    """The cluster, or a node of it, does not do its work: the words and number of an OSError."""

    errno: int
    text: str


@dataclass(frozen=True)
class Failed:
    """Something went wrong that nobody foresaw."""

    text: str


@dataclass(frozen=True)
class StillThere:
    """The process is at work: it says so every second."""


@dataclass(frozen=True)
class Done:
    """All shards are committed."""


News = Baked | Refused | Lost | Failed | StillThere | Done
