"""read_through: what is committed is read, the rest comes from another source."""

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


def read_through(source: Source, where: str | os.PathLike[str]) -> ReadThroughSource:
    """``source``, but clips that are committed in a store are read from there.

    The bytes are the same either way. The store may be unfinished: what was committed when it was
    opened is read.

    Args:
        source: of the same stream; most often a ``trajdata.ClipSource``.
        where: a folder as ``trajdata.materialize`` writes it.

    Raises:
        ArgumentError: not a folder of shards.
        SpecMismatchError: the store holds another stream; names what differs.
        ShardError: the store's index or records are damaged.
    """
    shards = find_shards(where, unfinished=True)
    differences = stream_differences(source, shards.recipe)
    if differences:
        raise SpecMismatchError(os.fspath(where), differences)
    return ReadThroughSource(source, shards)


class ReadThroughSource:
    """A source that reads what is committed: ``trajdata.read_through`` makes one.

    Fields that the store does not hold come from the other source, for every clip. Threads may
    share it, and it can be pickled.

    Attributes:
        spec, seed, split, fields, clips: as of the other source.
    """

    # As a ClipSource's: a stream without end is not to be iterated over.
    __iter__ = None
    __contains__ = None

    def __init__(self, source: Source, shards: CommittedShards) -> None:
        self._source = source
        self._shards = shards
        self._readable = tuple(name for name in source.fields if name in shards.fields)
        self._missing = tuple(name for name in source.fields if name not in shards.fields)
        # For the clips that are not committed, and for the fields that are never read.
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
        """Of the stream."""
        return self._source.seed

    @property
    def split(self) -> str:
        """Of the stream."""
        return self._source.split

    @property
    def fields(self) -> tuple[str, ...]:
        """Which keys a clip has."""
        return self._source.fields

    @property
    def clips(self) -> int | None:
        """How many clips there are; None where the other source has no end."""
        return self._source.clips

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
        """One clip: the fields of ``batch`` without the leading axis. Of a slice: a batch.

        Raises:
            ArgumentError: an index outside the source, or a slice without a stop of a source that
                has no end.
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
        """As the other source's ``batch``: the same bytes, whatever is committed.

        Raises:
            ArgumentError: indices that the source does not have, or an ``out`` that does not fit.
            ShardError: a damaged shard.
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
        """Compile every kernel (or load it from the disk cache): call before starting workers."""
        self._source.warm()
        self._shards.warm()

    def with_fields(self, fields: Sequence[str]) -> ReadThroughSource:
        """The same clips with other fields; what is mapped already is shared.

        Raises:
            ArgumentError: unknown fields.
        """
        return ReadThroughSource(self._source.with_fields(fields), self._shards)

    def _stored_fields(self, where: NDArray[np.int64], out: Mapping[str, NDArray[Any]]) -> Batch:
        """Those fields that the shards hold: read where committed, else from the other source."""
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
    """float64 (B,): each part's values in the rows that it names."""
    joined = np.empty(len(values[0][0]), np.float64)
    for rows, value in values:
        joined[rows] = value
    return joined
