"""Where the clips of a dataset come from: rendered, read, or read where there is something."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.fields import FIELDS, TEXT_FIELDS
from trajdata._clips.source import ClipSource
from trajdata._errors import SpecMismatchError
from trajdata._reading.stored import CachedSource, open_folder
from trajdata._shards.recipe import stream_differences
from trajdata._spec.model import ClipSpec

__all__ = ["Clips", "ReadThrough", "live_clips", "stored_clips"]


class Clips(Protocol):
    """What a dataset asks of a source of clips."""

    @property
    def spec(self) -> ClipSpec: ...
    @property
    def seed(self) -> int: ...
    @property
    def split(self) -> str: ...
    @property
    def fields(self) -> tuple[str, ...]: ...
    def batch(
        self, indices: NDArray[np.int64], *, out: Mapping[str, NDArray[Any]] | None = None
    ) -> dict[str, Any]: ...


def live_clips(
    spec: ClipSpec,
    seed: int,
    split: str,
    fields: Sequence[str],
    cache: str | os.PathLike[str] | None,
) -> Clips:
    """Clips rendered when asked for; with ``cache``, what is committed in that folder is read.

    The kernels are compiled here, once, so that workers that are forked later inherit them.

    Raises:
        ValueError: names the argument, the value given and what is allowed.
        SpecMismatchError: the folder holds another stream; names what differs.
        ShardError: the folder's index or records are damaged.
    """
    source = ClipSource(spec, seed, split, fields=fields)
    source.warm()
    if cache is None:
        return source
    cached = open_folder(cache, fields=source.fields, partial=True)
    cached.warm()
    return ReadThrough(source, cached, cache)


def stored_clips(folder: str | os.PathLike[str], fields: Sequence[str]) -> CachedSource:
    """The clips of a finished folder of shards. Its kernels are compiled here too."""
    cached = open_folder(folder, fields=fields, partial=False)
    cached.warm()
    return cached


class ReadThrough:
    """Clips of one stream: read from the shards that are committed, rendered where there is none.

    Raises:
        SpecMismatchError: the shards hold another stream.
    """

    def __init__(
        self, source: ClipSource, cached: CachedSource, folder: str | os.PathLike[str]
    ) -> None:
        differences = stream_differences(source, cached)
        if differences:
            raise SpecMismatchError(os.fspath(folder), differences)
        self.spec, self.seed, self.split = source.spec, source.seed, source.split
        self.fields = source.fields
        self._source = source
        self._cached = cached

    @property
    def live(self) -> ClipSource:
        """The source that renders what is not committed."""
        return self._source

    def batch(
        self, indices: NDArray[np.int64], *, out: Mapping[str, NDArray[Any]] | None = None
    ) -> dict[str, Any]:
        """As ``ClipSource.batch``: the same bytes, whatever is committed."""
        held = self._cached.held(indices)
        if held.all():
            return self._cached.batch(indices, out=out)
        if not held.any():
            return self._source.batch(indices, out=out)
        parts = (self._cached.batch(indices[held]), self._source.batch(indices[~held]))
        places = np.argsort(np.concatenate([np.flatnonzero(held), np.flatnonzero(~held)]))
        merged = {name: _merged(name, parts, places) for name in self.fields}
        for name, array in (out or {}).items():
            np.copyto(array, merged[name])
            merged[name] = array
        return merged


def _merged(
    name: str, parts: tuple[dict[str, Any], dict[str, Any]], places: NDArray[np.intp]
) -> Any:
    """One field of two batches, in the order in which ``places`` names their rows."""
    left, right = (part[name] for part in parts)
    if name not in TEXT_FIELDS:
        return np.concatenate([left, right])[places]
    if FIELDS[name].dtype == "str":
        rows = left + right
        return [rows[place] for place in places]
    return {key: np.concatenate([left[key], right[key]])[places] for key in left}
