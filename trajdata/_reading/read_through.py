"""read_through: read the clips that are committed, and take the others from another source."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, cast, overload

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.batches import batch_arrays, first_clip, slice_indices
from trajdata._clips.shown import ShownBatch
from trajdata._clips.source import check_indices
from trajdata._clips.source_protocol import Source
from trajdata._clips.typed import Batch, Clip
from trajdata._errors import ArgumentError, SpecMismatchError
from trajdata._reading.committed import CommittedShards, find_shards
from trajdata._shards.recipe import stream_differences
from trajdata._spec.model import ClipSpec

__all__ = ["ReadThroughSource", "read_through"]


def read_through(
    source: Source,
    where: str | os.PathLike[str],
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    cache_bytes: int | None = None,
) -> ReadThroughSource:
    """``source``, but clips that are committed in a store are read from there.

    The bytes are the same either way. The store may be unfinished: the shards are read that were
    committed when it was opened.

    Args:
        source: of the same stream; most often a ``trajdata.ClipSource``.
        where: a folder or URL as ``trajdata.materialize`` writes it.
        cache_dir, cache_bytes: as of ``open_shards``.

    Raises:
        ArgumentError: ``where`` is no store.
        SpecMismatchError: the store holds another stream; names what differs.
        ShardError: the store's index or a commit record is damaged.
    """
    shards = find_shards(where, unfinished=True, cache_dir=cache_dir, cache_bytes=cache_bytes)
    differences = stream_differences(source, shards.recipe)
    if differences:
        raise SpecMismatchError(os.fspath(where), differences)
    return ReadThroughSource(source, shards)


class ReadThroughSource:
    """A source that reads committed clips and takes the others from another source.

    ``trajdata.read_through`` makes one. Fields that the store does not hold come from the other
    source, for every clip. Threads may share it, and it can be pickled.

    Attributes:
        spec, seed, split, fields, clips: those of the other source.
    """

    # As in ClipSource: a source without end must not be iterated over by accident.
    __iter__ = None
    __contains__ = None

    def __init__(self, source: Source, shards: CommittedShards) -> None:
        self._source = source
        self._shards = shards
        self._readable = tuple(name for name in source.fields if name in shards.fields)
        self._missing = tuple(name for name in source.fields if name not in shards.fields)
        # _twin renders the stored fields of clips that are not committed. _renderer renders the
        # fields that the store does not hold.
        self._twin = source.with_fields(self._readable) if self._readable else source
        self._renderer = source.with_fields(self._missing) if self._missing else None

    def __repr__(self) -> str:
        return f"ReadThroughSource({self._source!r}, {self._shards.store.where!r})"

    @property
    def spec(self) -> ClipSpec:
        """The distribution that the clips are sampled from."""
        return self._source.spec

    @property
    def seed(self) -> int:
        """The seed of the stream."""
        return self._source.seed

    @property
    def split(self) -> str:
        """The split of the stream."""
        return self._source.split

    @property
    def fields(self) -> tuple[str, ...]:
        """Which keys a clip has."""
        return self._source.fields

    @property
    def clips(self) -> int | None:
        """How many clips there are; None if the other source has no end."""
        return self._source.clips

    @property
    def shard_clips(self) -> int:
        """Clips in a shard of the store."""
        return self._shards.recipe.shard_clips

    @property
    def live(self) -> Source:
        """The source that renders what is not committed."""
        live: Source = getattr(self._source, "live", self._source)
        return live

    @overload
    def __getitem__(self, index: int) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> Batch: ...

    def __getitem__(self, index: int | slice) -> Clip | Batch:
        """One clip: the fields of ``batch`` without the leading axis. For a slice, a batch.

        Raises:
            ArgumentError: the index is outside the source, or the slice has no stop and the source
                no end.
        """
        if isinstance(index, slice):
            return self.batch(slice_indices(index, self.clips))
        return first_clip(self.batch([index]))

    def batch(
        self,
        indices: Sequence[int] | range | NDArray[np.integer],
        *,
        out: Mapping[str, NDArray[Any]] | None = None,
    ) -> Batch:
        """The same batch as from the other source: the same bytes, whichever clips are committed.

        Raises:
            ArgumentError: the source does not have an index, or an array of ``out`` does not fit.
            ShardError: a shard is damaged.
        """
        where, given = check_indices(indices), dict(out or {})
        if self._renderer is None:
            return self._stored_fields(where, given)
        others = {name: given.pop(name) for name in self._missing if name in given}
        made: dict[str, Any] = {**self._renderer.batch(where, out=others)}
        if self._readable:
            made |= self._stored_fields(where, given)
        shown = ShownBatch({name: made[name] for name in self.fields}, self.spec)
        return cast(Batch, shown)

    def pair(self, index: int, law: str) -> Clip:
        """Clip ``index`` as it would be under another law: rendered by the other source.

        Raises:
            ArgumentError: the other source renders nothing, the spec does not have the law, or the
                index is not in the stream.
        """
        pair = getattr(self._source, "pair", None)
        if pair is None:
            raise ArgumentError(f"pair: {self._source!r} renders nothing; a ClipSource does")
        return cast(Clip, pair(index, law))

    def warm(self) -> None:
        """Compile all kernels, or load them from the disk cache: call before workers start."""
        self._source.warm()
        self._shards.warm()

    def fetch_ahead(self, shards: Sequence[int]) -> None:
        """These shards are read next, in this order: fetch them into the cache, if there is one,
        and let go of the others."""
        self._shards.fetch_ahead(shards)

    def with_fields(self, fields: Sequence[str]) -> ReadThroughSource:
        """The same clips with other fields. The new source shares the mapped shards.

        Raises:
            ArgumentError: there is no such field.
        """
        return ReadThroughSource(self._source.with_fields(fields), self._shards)

    def _stored_fields(self, where: NDArray[np.int64], out: Mapping[str, NDArray[Any]]) -> Batch:
        """The fields that the shards hold: read for committed clips, rendered for the others."""
        held = self._shards.held(where)
        if held.all():
            return self._shards.batch(self._readable, where, out)
        if not held.any():
            return self._twin.batch(where, out=out)
        arrays = batch_arrays(self._readable, self.spec, len(where), out)
        parts = (
            (held, self._shards.batch(self._readable, where[held], {})),
            (~held, self._twin.batch(where[~held])),
        )
        merged: dict[str, Any] = {}
        for name in self._readable:
            values = [(rows, cast(Any, part)[name]) for rows, part in parts]
            if name in arrays:
                merged[name] = arrays[name]
                for rows, value in values:
                    arrays[name][rows] = value
            elif isinstance(values[0][1], dict):
                merged[name] = {
                    key: _joined([(r, v[key]) for r, v in values]) for key in values[0][1]
                }
            else:
                texts: list[str] = [""] * len(where)
                for rows, value in values:
                    for row, text in zip(np.flatnonzero(rows).tolist(), value, strict=True):
                        texts[row] = text
                merged[name] = texts
        return cast(Batch, ShownBatch(merged, self.spec))


def _joined(values: Sequence[tuple[NDArray[np.bool_], NDArray[Any]]]) -> NDArray[Any]:
    """Put parts together: float64 (B,), with each part's values in the part's rows, bool (B,)."""
    joined = np.empty(len(values[0][0]), np.float64)
    for rows, value in values:
        joined[rows] = value
    return joined
