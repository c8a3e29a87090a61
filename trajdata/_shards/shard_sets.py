"""Sets of shards, and what is known of each shard of a set, in a few bytes a shard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._shards.hashes import Hashes

__all__ = ["Promised", "ShardSet"]

_AT_ONCE = 2**16


class ShardSet(Set[int]):
    """A set of shards' numbers, one byte for each shard of the store. It cannot be changed.

    Args:
        mask: bool (shards,), whether a shard is in the set; it is not copied.
    """

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self.mask = mask

    @staticmethod
    def of_all(shards: int) -> ShardSet:
        """All shards of a store of so many."""
        return ShardSet(np.ones(shards, np.bool_))

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> Set[Any]:
        return frozenset(it)

    def __contains__(self, shard: object) -> bool:
        is_number = isinstance(shard, (int, np.integer))
        return is_number and 0 <= shard < len(self.mask) and bool(self.mask[shard])  # type: ignore

    def __iter__(self) -> Iterator[int]:
        for first in range(0, len(self.mask), _AT_ONCE):
            yield from (np.flatnonzero(self.mask[first : first + _AT_ONCE]) + first).tolist()

    def __len__(self) -> int:
        return int(np.count_nonzero(self.mask))

    def __hash__(self) -> int:
        return self._hash()

    def __repr__(self) -> str:
        return f"ShardSet of {len(self)} shards of {len(self.mask)}"

    def others(self) -> ShardSet:
        """The shards of the store that are not in the set."""
        return ShardSet(~self.mask)

    def without(self, shards: Iterable[int]) -> ShardSet:
        """The set without these shards."""
        mask = self.mask.copy()
        mask[list(shards)] = False
        return ShardSet(mask)

    def last(self, count: int) -> list[int]:
        """The last shards of the set, ``count`` of them or all, in order."""
        found: list[int] = []
        for shard in range(len(self.mask) - 1, -1, -1):
            if len(found) == count:
                break
            if self.mask[shard]:
                found.insert(0, shard)
        return found


class Promised(Mapping[int, str]):
    """Shard -> the SHA-256, hex, that it must have.

    Args:
        held: the shards of which a hash is known.
        digests: uint8 (shards, 32), the hashes; the rows of other shards mean nothing.
    """

    def __init__(self, held: ShardSet, digests: NDArray[np.uint8]) -> None:
        self._held, self._digests = held, digests

    @staticmethod
    def by(hashes: Hashes) -> Promised:
        """What hashes of all shards promise."""
        return Promised(ShardSet.of_all(len(hashes)), hashes.table)

    def __contains__(self, shard: object) -> bool:
        return shard in self._held

    def __getitem__(self, shard: int) -> str:
        if shard not in self._held:
            raise KeyError(shard)
        return bytes(self._digests[shard]).hex()

    def __iter__(self) -> Iterator[int]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def differing(self, other: Promised) -> ShardSet:
        """The shards of which both promise a hash, and not the same."""
        n = min(len(self._digests), len(other._digests))
        differs = (self._digests[:n] != other._digests[:n]).any(1)
        return ShardSet(self._held.mask[:n] & other._held.mask[:n] & differs)
