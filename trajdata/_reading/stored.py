"""open_shards: the clips of a finished store as a source."""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.batches import first_clip, slice_indices
from trajdata._clips.fields import DEFAULT_FIELDS, check_fields
from trajdata._clips.typed import Batch, Clip
from trajdata._reading.committed import CommittedShards, find_shards
from trajdata._spec.model import ClipSpec

__all__ = ["StoredSource", "open_shards"]


def open_shards(
    where: str | os.PathLike[str],
    *,
    fields: Sequence[str] = DEFAULT_FIELDS,
    cache_dir: str | os.PathLike[str] | None = None,
    cache_bytes: int | None = None,
) -> StoredSource:
    """The clips of a finished store, addressable by index.

    Args:
        where: a folder as ``trajdata.materialize`` wrote it, or a URL such as
            ``s3://bucket/prefix``.
        fields: which keys a clip has; see ``trajdata.FIELDS``.
        cache_dir: a folder of this machine that keeps whole shards. All workers and ranks of the
            machine share it: each shard is fetched once, and its SHA-256 is checked before anybody
            sees a byte of it. The shards that come next are fetched ahead. None: the shards of a
            bucket are held in memory.
        cache_bytes: the files of ``cache_dir`` never come to more than this, those in use included;
            64 GiB if not given. Without ``cache_dir``: memory that each process gives to shards,
            one of which it always holds; 1 GiB if not given.

    Raises:
        ArgumentError: not a store of shards, an unfinished one, or fields that it does not hold.
        ShardError: a damaged index, commit record or shard file.
        OSError: the store cannot be reached.
    """
    shards = find_shards(where, unfinished=False, cache_dir=cache_dir, cache_bytes=cache_bytes)
    return StoredSource(shards, fields)


class StoredSource:
    """A source that reads its clips from the shards of a finished store.

    ``trajdata.open_shards`` makes one. It gives the same bytes as a ``ClipSource`` with its spec,
    seed and split, and is indexed like a list of its clips. Threads may share it. It can be
    pickled; the copy opens the files again.

    Attributes:
        fields: the fields of a clip.
    """

    def __init__(self, shards: CommittedShards, fields: Sequence[str]) -> None:
        self.fields = check_fields(fields)
        shards.recipe.check_holds(self.fields)
        self._shards = shards

    def __repr__(self) -> str:
        return (
            f"StoredSource({self.where!r}, clips={self.clips}, seed={self.seed}, "
            f"split={self.split!r}, fields={self.fields})"
        )

    @property
    def spec(self) -> ClipSpec:
        """The distribution that the clips were sampled from."""
        return self._shards.recipe.spec

    @property
    def seed(self) -> int:
        """The seed of the stream."""
        return self._shards.recipe.seed

    @property
    def split(self) -> str:
        """The split of the stream."""
        return self._shards.recipe.split

    @property
    def clips(self) -> int:
        """How many clips there are: [0, clips)."""
        return self._shards.recipe.clips

    @property
    def shard_clips(self) -> int:
        """Clips in every shard but the last."""
        return self._shards.recipe.shard_clips

    @property
    def where(self) -> str:
        """Path or URL of the store."""
        return self._shards.store.where

    def __len__(self) -> int:
        return self.clips

    @overload
    def __getitem__(self, index: int) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> Batch: ...

    def __getitem__(self, index: int | slice) -> Clip | Batch:
        """One clip: the fields of ``batch`` without the leading axis. For a slice, a batch.

        Indices and slices have the same meaning as for a list of ``clips`` clips.

        Raises:
            IndexError: the index is outside the clips.
        """
        if isinstance(index, slice):
            return self.batch(slice_indices(index, self.clips))
        number = operator.index(index)
        if not -self.clips <= number < self.clips:
            raise IndexError(
                f"index: given {number}; allowed are {-self.clips} to {self.clips - 1}, the clips "
                f"of {self.where!r}"
            )
        return first_clip(self.batch([number % self.clips]))

    def batch(
        self,
        indices: Sequence[int] | range | NDArray[np.integer],
        *,
        out: Mapping[str, NDArray[Any]] | None = None,
    ) -> Batch:
        """The clips of these indices, stacked. The result equals that of ``ClipSource.batch``.

        Args:
            indices: B whole numbers from 0 to clips - 1, in any order; repeats are allowed.
            out: for some of the array fields, the array to copy the field into. It must have the
                field's dtype, and the field's shape with B in front.

        Raises:
            ArgumentError: there is no clip of an index, or an array of ``out`` does not fit.
            ShardError: a shard is damaged.
        """
        return self._shards.batch(self.fields, indices, out or {})

    def warm(self) -> None:
        """Compile the kernels, or load them from the disk cache: call before workers start."""
        self._shards.warm()

    def fetch_ahead(self, shards: Sequence[int]) -> None:
        """These shards are read next, in this order: fetch them into the cache, if there is one,
        and let go of the others."""
        self._shards.fetch_ahead(shards)

    def with_fields(self, fields: Sequence[str]) -> StoredSource:
        """The same clips with other fields. The new source shares the mapped shards.

        Raises:
            ArgumentError: there is no such field, or the store does not hold it.
        """
        return StoredSource(self._shards, fields)
