"""Clips out of a folder of shards: the same interface as a live source, the same bytes."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trajdata.batches import batch_arrays, first_clip
from trajdata.fields import DEFAULT_FIELDS, TEXT_FIELDS, check_fields
from trajdata.shards.commit import held_recipe, read_state
from trajdata.shards.recipe import Recipe
from trajdata.shards.shard_file import OpenShard
from trajdata.shards.strict import wrong_size
from trajdata.source import check_indices
from trajdata.spec import ClipSpec
from trajdata.storage import Disk
from trajdata.text import param_names

__all__ = ["CachedSource", "open_folder"]

_OPEN_SHARDS = 128

Rows: TypeAlias = "slice | NDArray[np.int64]"


def open_folder(
    folder: str | os.PathLike[str],
    *,
    fields: Sequence[str] = DEFAULT_FIELDS,
    partial: bool = False,
) -> CachedSource:
    """Open a folder of shards for reading.

    Args:
        folder: as ``materialize`` wrote it; ``.trajdata`` may be missing when it is complete.
        fields: which keys a clip has; see ``trajdata.FIELDS``.
        partial: take what is committed so far. Otherwise an unfinished bake is an error.

    Raises:
        ValueError: not a folder of shards, an unfinished one, or unknown fields.
        ShardError: a damaged index, commit record or shard file.
    """
    disk = Disk(folder)
    recipe = held_recipe(disk)
    if recipe is None:
        raise ValueError(
            f"folder: given {os.fspath(folder)!r}; "
            "allowed is a folder that trajdata.materialize wrote"
        )
    recipe.check_format(disk.root)
    state = read_state(disk, recipe)
    if not partial:
        if state.index is None and len(state.digests) < recipe.shards:
            raise ValueError(
                f"folder: given {os.fspath(folder)!r}, a bake with {len(state.whole)} of "
                f"{recipe.shards} shards committed; run the same materialize command again to "
                f"finish it ({disk.path('PROGRESS.txt')} shows it)"
            )
        for shard in range(recipe.shards):
            if shard not in state.whole:
                raise wrong_size(disk, recipe, shard)
    return CachedSource(disk.root, recipe, state.whole, fields=fields)


class CachedSource:
    """The clips of a folder of shards, addressable by index. ``open_folder`` makes one.

    It gives the same dicts as a ``ClipSource`` of its spec, seed and split. Threads may share it;
    it can be pickled, and opens its files again where it arrives. At most 128 shards are mapped
    at a time.

    Attributes:
        folder: where the shards are.
        recipe: what the folder holds when complete.
        spec, seed, split, clips, shard_clips: of the recipe.
        fields: which keys a clip has.
        shards: the numbers of those that can be read.
    """

    def __init__(
        self, folder: Path, recipe: Recipe, shards: frozenset[int], *, fields: Sequence[str]
    ) -> None:
        self.folder = folder
        self.recipe = recipe
        self.shards = shards
        self.fields = check_fields(fields)
        self._prepare()

    def _prepare(self) -> None:
        self._param_names = param_names(self.recipe.spec)
        self._readable = np.zeros(self.recipe.shards, np.bool_)
        self._readable[list(self.shards)] = True
        self._open: OrderedDict[int, OpenShard] = OrderedDict()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("folder", "recipe", "shards", "fields")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()

    def __repr__(self) -> str:
        return (
            f"CachedSource({os.fspath(self.folder)!r}, clips={self.clips}, seed={self.seed}, "
            f"split={self.split!r}, shards={len(self.shards)} of {self.recipe.shards}, "
            f"fields={self.fields})"
        )

    @property
    def spec(self) -> ClipSpec:
        """The distribution that the clips were drawn from."""
        return self.recipe.spec

    @property
    def seed(self) -> int:
        """Of the stream."""
        return self.recipe.seed

    @property
    def split(self) -> str:
        """Of the stream."""
        return self.recipe.split

    @property
    def clips(self) -> int:
        """How many clips the complete folder holds: [0, clips)."""
        return self.recipe.clips

    @property
    def shard_clips(self) -> int:
        """Clips in every shard but the last."""
        return self.recipe.shard_clips

    def contains(self, index: int) -> bool:
        """Whether that clip can be read."""
        return 0 <= index < self.clips and index // self.shard_clips in self.shards

    def held(self, indices: NDArray[np.int64]) -> NDArray[np.bool_]:
        """``contains`` for each of int64 (B,): bool (B,)."""
        shards = np.minimum(indices // self.shard_clips, len(self._readable) - 1)
        readable: NDArray[np.bool_] = self._readable[shards] & (indices < self.clips)
        return readable

    def __len__(self) -> int:
        return self.clips

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One clip: the fields of ``batch`` without the leading axis."""
        return first_clip(self.batch([index]))

    def batch(
        self,
        indices: Sequence[int] | range | NDArray[np.integer],
        *,
        out: Mapping[str, NDArray[Any]] | None = None,
    ) -> dict[str, Any]:
        """The clips of these indices, stacked: as ``ClipSource.batch``, and equal to it.

        Args:
            indices: B whole numbers below ``clips``, in any order, repeats allowed.
            out: for any of the array fields, the array to copy into: its dtype, its shape with B
                in front.

        Raises:
            ValueError: indices that are not in the folder, or an ``out`` that does not fit.
            ShardError: a damaged shard.
        """
        where = check_indices(indices)
        self._check_held(where)
        arrays = batch_arrays(self.fields, self.spec, len(where), out or {})
        wants_texts = any(name in TEXT_FIELDS for name in self.fields)
        parsed: list[dict[str, Any]] = [{}] * len(where)
        for shard, rows, local in self._by_shard(where):
            opened = self._shard(shard)
            records, strict = opened.records, opened.strict
            due = where[rows] - opened.first
            strict.check_keys(records["key"][local], due)
            for name, array in arrays.items():
                if name == "label":
                    array[rows] = strict.labels(records["label"][local], due)
                elif name == "index":
                    array[rows] = where[rows]
                else:
                    array[rows] = records[name][local]
            if wants_texts:
                taken = records["metadata"][local]
                for row, text in zip(np.arange(len(where))[rows], taken, strict=True):
                    parsed[row] = strict.metadata(text.tobytes(), int(where[row]) - opened.first)
        result: dict[str, Any] = {}
        for name in self.fields:
            if name in arrays:
                result[name] = arrays[name]
            elif name == "params":
                result[name] = {
                    key: np.array([clip["params"][key] for clip in parsed], np.float64)
                    for key in self._param_names
                }
            else:
                result[name] = [clip[name] for clip in parsed]
        return result

    def _check_held(self, where: NDArray[np.int64]) -> None:
        beyond = where >= self.clips
        if beyond.any():
            raise ValueError(
                f"indices: given {int(where[beyond][0])}; allowed are 0 to {self.clips - 1}, "
                f"the clips of {os.fspath(self.folder)!r}"
            )
        if len(self.shards) < self.recipe.shards:
            for shard in np.unique(where // self.shard_clips).tolist():
                if shard not in self.shards:
                    raise ValueError(
                        f"indices: given some of shard {shard}, which is not committed yet; "
                        "allowed are clips that contains(index) says are there"
                    )

    def _by_shard(self, where: NDArray[np.int64]) -> Iterator[tuple[int, Rows, Rows]]:
        """(shard, rows of the batch, rows of the shard); slices where clips are consecutive."""
        if len(where) == 0:
            return
        first, size = int(where[0]), self.shard_clips
        if where[-1] - first == len(where) - 1 and (np.diff(where) == 1).all():
            at = 0
            while at < len(where):
                shard, local = divmod(first + at, size)
                count = min(size - local, len(where) - at)
                yield shard, slice(at, at + count), slice(local, local + count)
                at += count
            return
        shards = where // size
        for shard in np.unique(shards).tolist():
            rows = np.flatnonzero(shards == shard)
            yield shard, rows, where[rows] - shard * size

    def _shard(self, shard: int) -> OpenShard:
        with self._lock:
            opened = self._open.get(shard)
            if opened is None:
                opened = self._open[shard] = OpenShard(self.folder, self.recipe, shard)
                if len(self._open) > _OPEN_SHARDS:
                    # A thread that still reads it keeps its mapping alive.
                    self._open.popitem(last=False)
            else:
                self._open.move_to_end(shard)
            return opened
