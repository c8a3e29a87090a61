"""ClipSource: index -> clip. Its stages are in ``_clips.stages``."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, cast, overload

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.batches import batch_arrays, check_out, first_clip, slice_indices
from trajdata._clips.fields import DEFAULT_FIELDS, TEXT_FIELDS, check_fields
from trajdata._clips.sampled import Sampled
from trajdata._clips.shown import ShownBatch
from trajdata._clips.stages import Stages
from trajdata._clips.templates import Program, write_texts
from trajdata._clips.texts import fill_values, param_names, value_columns, wording
from trajdata._clips.typed import Batch, Clip
from trajdata._errors import ArgumentError
from trajdata._spec.model import ClipSpec
from trajdata._spec.streams import stream_key

__all__ = ["ClipSource", "check_indices"]

_BLANK = ord(" ")
_CHUNK = 512
"""Clips that go through the stages together: enough to hide the calls, few enough for the cache."""


def check_indices(indices: Sequence[int] | range | NDArray[np.integer]) -> NDArray[np.int64]:
    """Indices as int64 (B,).

    Raises:
        ArgumentError: not a one-dimensional sequence of whole numbers in [0, 2**63).
    """
    allowed = "a one-dimensional sequence of whole numbers from 0 to 2**63 - 1"
    if isinstance(indices, range):
        if (
            len(indices)
            and not 0 <= min(indices[0], indices[-1]) <= max(indices[0], indices[-1]) < 2**63
        ):
            raise ArgumentError(f"indices: given {indices}; allowed is {allowed}")
        return np.arange(indices.start, indices.stop, indices.step, dtype=np.int64)
    try:
        given = np.asarray(indices)
    except (ValueError, OverflowError) as error:
        raise ArgumentError(f"indices: given {indices!r:.80}; allowed is {allowed}") from error
    if given.size == 0 and given.ndim == 1:
        return np.empty(0, np.int64)
    if (
        given.ndim != 1
        or given.dtype.kind not in "iu"
        or not 0 <= given.min() <= given.max() < 2**63
    ):
        raise ArgumentError(f"indices: given {indices!r:.80}; allowed is {allowed}")
    return np.ascontiguousarray(given, np.int64)


class ClipSource:
    """The stream of clips of (spec, seed, split), addressable by index.

    ``clip(i)`` is a pure function of (spec, seed, split, i): it depends neither on the other
    clips of a batch nor on order, threads or processes. A source holds no state that changes, so
    threads may share it, and it can be pickled.

    Args:
        spec: the distribution that clips are drawn from.
        seed: from 0 to 2**63 - 1; every seed is an independent stream.
        split: one of ``spec.splits``, disjoint streams of one seed.
        fields: which keys a clip has; see ``trajdata.FIELDS``.

    Raises:
        ArgumentError: names the argument, the value given and what is allowed.
    """

    # A stream has no end: without these, list(source) and `x in source` would never return.
    __iter__ = None
    __contains__ = None

    clips: None = None
    """The stream has no end."""

    def __init__(
        self,
        spec: ClipSpec,
        seed: int = 0,
        split: str = "train",
        *,
        fields: Sequence[str] = DEFAULT_FIELDS,
    ) -> None:
        if not isinstance(spec, ClipSpec):
            raise ArgumentError(
                f"spec: given {spec!r:.80}; allowed is a ClipSpec, as trajdata.preset(name) returns"
            )
        self.spec = spec
        self._key = stream_key(seed, split)
        self.seed = int(seed)
        self.split = split
        self.fields = check_fields(fields)
        self._stages = Stages(spec, self._key, split)
        self._settings, self._own = self._stages.settings, self._stages.own
        self._wording = wording(spec)
        self._param_names = param_names(spec)
        self._value_columns = value_columns(spec)
        self._param_columns = _param_columns(self._value_columns, self._param_names)

    def __repr__(self) -> str:
        t, c, h, w = self.spec.picture_shape
        return (
            f"ClipSource(T={t}, C={c}, H={h}, W={w}, seed={self.seed}, split={self.split!r}, "
            f"fields={self.fields})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Kernels that are pickled arrive without what is kept of them on disk, and would be
        # compiled anew by every spawned worker: it looks them up again.
        made = functools.partial(type(self), fields=self.fields)
        return made, (self.spec, self.seed, self.split)

    @property
    def metadata_bytes(self) -> int:
        """The fixed length of a clip's JSON text, in bytes."""
        return self._wording.metadata_bytes

    @overload
    def __getitem__(self, index: int) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> Batch: ...

    def __getitem__(self, index: int | slice) -> Clip | Batch:
        """One clip: the fields of ``batch`` without the leading axis. Of a slice: a batch.

        Raises:
            ArgumentError: an index outside [0, 2**63), or a slice without a stop.
        """
        if isinstance(index, slice):
            return self.batch(slice_indices(index, None))
        return first_clip(self.batch([index]))

    def with_fields(self, fields: Sequence[str]) -> ClipSource:
        """The same stream with other fields.

        Raises:
            ArgumentError: unknown fields.
        """
        return ClipSource(self.spec, self.seed, self.split, fields=fields)

    def batch(
        self,
        indices: Sequence[int] | range | NDArray[np.integer],
        *,
        out: Mapping[str, NDArray[Any]] | None = None,
        metadata: NDArray[np.uint8] | None = None,
    ) -> Batch:
        """The clips of these indices, stacked along a new first axis B.

        Args:
            indices: B whole numbers from 0 to 2**63 - 1, in any order, repeats allowed.
            out: for any of the array fields, the array to write into: its dtype, its shape with
                B in front. Only the first axis of the video, and of the fields that have a
                value for every pixel, may be strided.
            metadata: where to write each clip's JSON text too, as ``metadata()`` does: uint8
                (B, metadata_bytes).

        Returns:
            For every field an array with B in front (``trajdata.FIELDS`` has dtypes, units and
            axes); ``params`` is a dict of float64 (B,), where a number that a clip's law lacks is
            0; ``caption`` and ``equation`` are lists of B str.

        Raises:
            ArgumentError: indices out of range, or an ``out`` that does not fit.
        """
        return self._batch(check_indices(indices), out or {}, metadata)

    def pair(self, index: int, law: str) -> Clip:
        """Clip ``index`` as it would be under another law.

        It shares everything with ``self[index]`` but the law: anchor, depth, time window, size,
        speed, colours, shape, light and background, and the random words behind the law's own
        numbers. With the law that the clip has anyway, it is that clip.

        Raises:
            ArgumentError: a law that the spec does not have, or an index outside [0, 2**63).
        """
        if law not in self.spec.laws:
            raise ArgumentError(f"law: given {law!r}; allowed are {', '.join(self.spec.laws)}")
        label = self.spec.laws.index(law)
        return first_clip(self._batch(check_indices([index]), {}, None, label))

    def _batch(
        self,
        where: NDArray[np.int64],
        out: Mapping[str, NDArray[Any]],
        metadata: NDArray[np.uint8] | None,
        label: int | None = None,
    ) -> Batch:
        count = where.shape[0]
        arrays = batch_arrays(self.fields, self.spec, count, out)
        if metadata is not None:
            check_out("metadata", metadata, np.dtype(np.uint8), (count, self.metadata_bytes))
        texts: dict[str, list[Any]] = {name: [] for name in TEXT_FIELDS if name in self.fields}
        for first in range(0, max(count, 1), _CHUNK):
            chunk = slice(first, min(first + _CHUNK, count))
            sampled = self._stages.sample(where[chunk], label)
            self._stages.fill(sampled, {name: array[chunk] for name, array in arrays.items()})
            if texts or metadata is not None:
                values = self._values(sampled)
                if metadata is not None:
                    _write(self._wording.metadata, sampled, values, _BLANK, metadata[chunk])
                if "params" in texts:
                    texts["params"].append(self._params(sampled, values))
                for name in ("caption", "equation"):
                    if name in texts:
                        program: Program = getattr(self._wording, name)
                        texts[name].extend(_strings(program, sampled, values))
        result: dict[str, Any] = {}
        for name in self.fields:
            if name in arrays:
                result[name] = arrays[name]
            elif name == "params":
                stacked = np.concatenate(texts[name], axis=1)
                result[name] = dict(zip(self._param_names, stacked, strict=True))
            else:
                result[name] = texts[name]
        return cast(Batch, ShownBatch(result, self.spec))

    def scenes(self, indices: Sequence[int] | range | NDArray[np.integer]) -> NDArray[np.void]:
        """The scenes of these ``indices``: SCENE (B, objects), see ``trajdata._world.tables``."""
        return self._stages.sample(check_indices(indices)).scenes

    def supersampled(self, index: int, frame: int, rays: int = 16) -> NDArray[np.float64]:
        """A frame by brute force, float64 (C, H, W) on 0..255: rays x rays in every pixel.

        What rendering is measured by; before any pixel noise.

        Args:
            index: of the clip.
            frame: its number, from 0.
            rays: along each side of a pixel.
        """
        return self._stages.supersampled(index, frame, rays)

    def metadata(
        self, indices: Sequence[int] | range | NDArray[np.integer], out: NDArray[np.uint8]
    ) -> None:
        """Write each clip's JSON text, filled up with blanks, into ``out``.

        Args:
            indices: B whole numbers.
            out: uint8 (B, metadata_bytes); the first axis may be strided.

        Raises:
            ArgumentError: an ``out`` of another shape or dtype.
        """
        where = check_indices(indices)
        check_out("metadata", out, np.dtype(np.uint8), (where.shape[0], self.metadata_bytes))
        sampled = self._stages.sample(where)
        _write(self._wording.metadata, sampled, self._values(sampled), _BLANK, out)

    def warm(self) -> None:
        """Compile every kernel that the fields need (or load it from the disk cache).

        Call it before starting workers.
        """
        self.batch([0], metadata=np.empty((1, self.metadata_bytes), np.uint8))

    def _values(self, sampled: Sampled) -> NDArray[np.float64]:
        values = np.empty((sampled.indices.shape[0], len(self._value_columns[0])), np.float64)
        fill_values(
            sampled.scenes, sampled.numbers, self.spec.seconds, self.spec.channels == 3, values
        )
        return values

    def _params(self, sampled: Sampled, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 (names, B): each clip's numbers under the names that all clips share."""
        padded = np.concatenate([values, np.zeros((values.shape[0], 1))], axis=1)
        columns = self._param_columns[sampled.scenes["law"][:, 0]]
        return np.ascontiguousarray(np.take_along_axis(padded, columns, axis=1).T)


def _param_columns(rows: tuple[tuple[str, ...], ...], names: tuple[str, ...]) -> NDArray[np.int64]:
    """int64 (laws, names): where a law's row of values has a name; one past its end where not."""
    return np.array(
        [[row.index(name) if name in row else len(row) for name in names] for row in rows], np.int64
    )


def _write(
    program: Program,
    sampled: Sampled,
    values: NDArray[np.float64],
    fill: int,
    out: NDArray[np.uint8],
) -> None:
    write_texts(
        program.pieces,
        program.starts,
        program.characters,
        program.words,
        sampled.scenes["law"][:, 0],
        values,
        sampled.indices,
        np.uint8(fill),
        out,
    )


def _strings(program: Program, sampled: Sampled, values: NDArray[np.float64]) -> list[str]:
    out = np.empty((sampled.indices.shape[0], program.width), np.uint8)
    _write(program, sampled, values, 0, out)
    # NumPy's S dtype drops the NULs that fill up a text.
    return [text.decode("ascii") for text in out.view(f"S{program.width}").ravel().tolist()]
