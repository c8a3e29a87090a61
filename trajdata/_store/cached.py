"""A store whose shards are read once, checked against what is promised of them, and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trajdata._errors import ShardError
from trajdata._shards.recipe import Recipe
from trajdata._shards.strict import wrong_size
from trajdata._store.protocol import Store
from trajdata._store.ranges import overlapped, read_blocks

if TYPE_CHECKING:
    from trajdata._store.cache import ShardCache

__all__ = ["CachedStore"]

_BLOCK_BYTES = 8 * 2**20
_ATTEMPTS = 2
"""How often a shard is read that has not its promised hash: a bit may flip on the way."""


class CachedStore:
    """Another store, for reading: its shards come through a cache, or else through memory.

    Either way a shard has its promised SHA-256 before anybody sees a byte of it.

    Args:
        store: to read from.
        recipe: of the store.
        promised: by shard, the SHA-256 that index or commit record have of it.
        cache: where the shards are kept; None for this process's memory.
    """

    def __init__(
        self, store: Store, recipe: Recipe, promised: Mapping[int, str], cache: ShardCache | None
    ) -> None:
        self._store = store
        self._recipe = recipe
        self._promised = promised
        self._cache = cache
        self._kept: frozenset[str] = frozenset()
        self.where = store.where

    def __reduce__(self) -> tuple[Any, ...]:
        return CachedStore, (self._store, self._recipe, self._promised, self._cache)

    @property
    def has_cache(self) -> bool:
        """Whether shards are kept in a folder."""
        return self._cache is not None

    def path(self, name: str) -> str:
        """Path or URL of a file, for errors."""
        return self._store.path(name)

    def size(self, name: str) -> int | None:
        """Bytes of a file: of a shard, those that it must have. ``view`` finds out."""
        shard = self._recipe.shard_of(name)
        if shard is None or shard not in self._promised:
            return self._store.size(name)
        return self._recipe.shard_bytes(shard)

    def view(self, name: str) -> memoryview:
        """A whole shard, mapped into memory or held there, read-only.

        Raises:
            ShardError: it has not its promised SHA-256.
            OSError: it cannot be read.
        """
        shard = self._shard(name)
        sha256, size = self._promised[shard], self._recipe.shard_bytes(shard)
        if self._cache is None:
            return self._in_memory(name, sha256)
        while True:
            mapped = self._cache.map(sha256, size)
            if mapped is not None:
                return mapped
            if not self._fetched(name, wait=True):
                return self._in_memory(name, sha256)

    def keep(self, shards: Iterable[int]) -> None:
        """These shards are read now or next: this process gives others up before these."""
        self._kept = frozenset(self._promised[each] for each in shards if each in self._promised)

    def fetch_ahead(self, shard: int) -> None:
        """Take a shard into the cache, unless another process is at it.

        Raises:
            ShardError, OSError: as ``view``.
        """
        if self._cache is not None and shard in self._promised:
            self._fetched(self._recipe.shard_name(shard), wait=False)

    def _fetched(self, name: str, *, wait: bool) -> bool:
        cache, shard = self._cache, self._shard(name)
        if cache is None:
            return False
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return cache.fetch(
                    self._promised[shard],
                    self._recipe.shard_bytes(shard),
                    self._blocks(name),
                    self._store.path(name),
                    wait=wait,
                    kept=self._kept,
                )
            except ShardError:
                if attempt == _ATTEMPTS:
                    raise
        return False

    def _blocks(self, name: str) -> Iterator[bytes]:
        try:
            yield from overlapped(read_blocks(self._store, name, _BLOCK_BYTES))
        except FileNotFoundError:
            raise self._missing(name) from None

    def _shard(self, name: str) -> int:
        shard = self._recipe.shard_of(name)
        if shard is None or shard not in self._promised:
            raise KeyError(name)
        return shard

    def _missing(self, name: str) -> ShardError:
        return wrong_size(self._store.path(name), self._recipe, self._shard(name), None)

    def _in_memory(self, name: str, sha256: str) -> memoryview:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                view = self._store.view(name)
            except FileNotFoundError:
                raise self._missing(name) from None
            found = hashlib.sha256(view).hexdigest()
            if found == sha256:
                return view
            if attempt == _ATTEMPTS:
                raise ShardError(self._store.path(name), expected=f"SHA-256 {sha256}", found=found)
        raise self._missing(name)
