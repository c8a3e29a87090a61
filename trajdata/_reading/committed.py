"""Read clips from the committed shards of a store, which are mapped into memory and checked."""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from trajdata._checks import whole_number
from trajdata._clips.batches import batch_arrays
from trajdata._clips.fields import FIELDS, TEXT_FIELDS
from trajdata._clips.shown import ShownBatch
from trajdata._clips.source import check_indices
from trajdata._clips.texts import param_names
from trajdata._clips.typed import Batch
from trajdata._errors import ArgumentError
from trajdata._reading.ahead import Ahead
from trajdata._shards.gather import gather_values, read_labels
from trajdata._shards.layout import KEY_DIGITS
from trajdata._shards.recipe import Recipe
from trajdata._store.cached import CachedStore
from trajdata._store.contents import read_contents
from trajdata._store.opening import is_url, open_store
from trajdata._store.protocol import ViewedStore
from trajdata._store.shard_view import ShardView, check_size

if TYPE_CHECKING:
    from trajdata._store.cache import ShardCache

__all__ = ["CommittedShards", "find_shards"]

_OPEN_SHARDS = 128
_CACHE_BYTES = 64 * 2**30
_MEMORY_BYTES = 2**30
_CARRIED = ("store", "recipe", "shards", "memory_bytes")
_AHEAD = 2
"""Shards that are fetched while the one before them is read."""


def find_shards(
    where: str | os.PathLike[str],
    *,
    unfinished: bool,
    cache_dir: str | os.PathLike[str] | None = None,
    cache_bytes: int | None = None,
) -> CommittedShards:
    """The committed shards of a store.

    Args:
        where: a folder or URL as ``materialize`` wrote it; ``.trajdata`` may be missing when it is
            complete.
        unfinished: take what is committed so far. Otherwise an unfinished bake is an error.
        cache_dir, cache_bytes: as of ``open_shards``.

    Raises:
        ArgumentError: ``where`` is no store, or an unfinished one though ``unfinished`` is false.
        ShardError: the index, a commit record or a shard's file is damaged.
    """
    folder = os.fspath(where)
    store = open_store(folder)
    contents = read_contents(store)
    if contents is None:
        raise ArgumentError(
            f"where: given {folder!r}; allowed is a store that trajdata.materialize wrote"
        )
    recipe = contents.recipe
    recipe.check_format(store.where)
    if not unfinished:
        if contents.index is None and len(contents.commits) < recipe.shards:
            raise ArgumentError(
                f"where: given {folder!r}, a bake with {len(contents.present)} of {recipe.shards} "
                f"shards committed; run the same materialize command again to finish it "
                f"({store.path('PROGRESS.txt')} shows how far it is), or read what is there with "
                f"trajdata.read_through"
            )
        for shard in contents.present.others():
            check_size(store, recipe, shard)
    cache, memory_bytes = _cache(cache_dir, cache_bytes)
    if cache is None and not is_url(folder):
        return CommittedShards(store, recipe, contents.present, memory_bytes)
    cached = CachedStore(store, recipe, contents.promised, cache)
    return CommittedShards(cached, recipe, contents.present, memory_bytes)


def _cache(
    folder: str | os.PathLike[str] | None, most_bytes: int | None
) -> tuple[ShardCache | None, int]:
    """The cache of shards, if one is asked for, and how much memory shards may take."""
    if most_bytes is not None:
        most_bytes = whole_number("cache_bytes", most_bytes, 0, 2**63 - 1)
    if folder is None:
        return None, _MEMORY_BYTES if most_bytes is None else most_bytes
    from trajdata._store.cache import ShardCache

    return ShardCache(folder, _CACHE_BYTES if most_bytes is None else most_bytes), _MEMORY_BYTES


class CommittedShards:
    """Reads clips out of the committed shards of one store. ``find_shards`` makes one.

    Threads may share it; it can be pickled, and opens its files again where it arrives. At most
    128 shards are mapped at a time, and those that are no mapped files take ``memory_bytes`` of
    memory at most, but one of them is always held.

    Attributes:
        store: where the shards are.
        recipe: what the store holds when complete.
        shards: the numbers of those that can be read.
        memory_bytes: of shards that are held in memory.
        fields: which fields of a clip they hold.
    """

    def __init__(
        self, store: ViewedStore, recipe: Recipe, shards: Set[int], memory_bytes: int
    ) -> None:
        self.store = store
        self.recipe = recipe
        self.shards = shards
        self.memory_bytes = memory_bytes
        self._prepare()

    def _prepare(self) -> None:
        self._members = {member.field: member for member in self.recipe.layout.members}
        held = {*self._members, *TEXT_FIELDS, "index"}
        self.fields = tuple(name for name in FIELDS if name in held)
        self._param_names = param_names(self.recipe.spec)
        self._readable = np.zeros(self.recipe.shards, np.bool_)
        self._readable[np.fromiter(self.shards, np.int64, len(self.shards))] = True
        self._open: OrderedDict[int, ShardView] = OrderedDict()
        self._lock = threading.Lock()
        self._ahead = Ahead(self.store, _AHEAD)

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _CARRIED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()

    def held(self, indices: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the clips of these indices, int64 (B,), can be read: bool (B,)."""
        shards = np.minimum(indices // self.recipe.shard_clips, len(self._readable) - 1)
        readable: NDArray[np.bool_] = self._readable[shards] & (indices < self.recipe.clips)
        return readable

    def batch(
        self,
        fields: Sequence[str],
        indices: Sequence[int] | range | NDArray[np.integer],
        out: Mapping[str, NDArray[Any]],
    ) -> Batch:
        """The clips of these indices, stacked: the fields that are asked for, in that order.

        Raises:
            ArgumentError: a clip cannot be read, or an array of ``out`` does not fit.
            ShardError: a shard is damaged.
        """
        where = check_indices(indices)
        lowest, highest = (int(where.min()), int(where.max())) if len(where) else (0, 0)
        self._check_held(where, highest)
        arrays = batch_arrays(fields, self.recipe.spec, len(where), out)
        wants_texts = any(name in TEXT_FIELDS for name in fields)
        parsed: list[dict[str, Any]] = [{}] * len(where)
        for shard, rows, places in self._by_shard(where, lowest, highest):
            opened = self._shard(shard)
            labels = self._checked_labels(opened, rows)
            for name, array in arrays.items():
                if name == "label":
                    array[places] = labels
                elif name == "index":
                    array[places] = where[places]
                else:
                    self._gather(opened, name, rows, places, array)
            if wants_texts:
                taken = opened.records["metadata"][rows]
                for row, place, text in zip(rows.tolist(), places.tolist(), taken, strict=True):
                    parsed[place] = opened.strict.metadata(text.tobytes(), row)
        result: dict[str, Any] = {}
        for name in fields:
            if name in arrays:
                result[name] = arrays[name]
            elif name == "params":
                result[name] = {
                    key: np.array([clip["params"][key] for clip in parsed], np.float64)
                    for key in self._param_names
                }
            else:
                result[name] = [clip[name] for clip in parsed]
        return cast(Batch, ShownBatch(result, self.recipe.spec))

    def warm(self) -> None:
        """Compile the kernels, or load them from the disk cache: call before workers start."""
        record = np.zeros((1, self.recipe.layout.record_bytes), np.uint8)
        # Numba compiles a kernel separately for read-only arrays, such as mapped shards.
        record.flags.writeable = False
        none = np.empty(0, np.int64)
        gather_values(record, none, none, 0, np.empty((1, 1), np.uint8))
        read_labels(record, none, 0, KEY_DIGITS, 0, 1, 1, none)

    def fetch_ahead(self, shards: Sequence[int]) -> None:
        """These shards are read next, in this order: those that can be read are fetched into the
        cache, if there is one. The others are let go, so that the cache can give up their room."""
        told = frozenset(shards)
        with self._lock:
            for shard in [shard for shard in self._open if shard not in told]:
                del self._open[shard]
        self._ahead.fetch([shard for shard in shards if shard in self.shards])

    def _check_held(self, where: NDArray[np.int64], highest: int) -> None:
        clips = self.recipe.clips
        if highest >= clips:
            raise ArgumentError(
                f"indices: given {int(where[where >= clips][0])}; "
                f"allowed are 0 to {clips - 1}, the clips of {self.store.where!r}"
            )
        if len(self.shards) < self.recipe.shards:
            for shard in np.unique(where // self.recipe.shard_clips).tolist():
                if shard not in self.shards:
                    raise ArgumentError(
                        f"indices: given some of shard {shard}, which is not committed yet; "
                        f"{len(self.shards)} of {self.recipe.shards} shards are committed"
                    )

    def _by_shard(
        self, where: NDArray[np.int64], lowest: int, highest: int
    ) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.intp]]]:
        """(shard, rows of the shard, rows of the batch) for every shard that holds a clip asked
        for."""
        if len(where) == 0:
            return
        size = self.recipe.shard_clips
        shard = lowest // size
        if shard == highest // size:
            yield shard, where - shard * size, np.arange(len(where))
            return
        shards = where // size
        for shard in np.unique(shards).tolist():
            places = np.flatnonzero(shards == shard)
            yield shard, where[places] - shard * size, places

    def _gather(
        self,
        opened: ShardView,
        name: str,
        rows: NDArray[np.int64],
        places: NDArray[np.intp],
        array: NDArray[Any],
    ) -> None:
        """Copy a field of some records into the rows ``places`` of ``array``."""
        start = self._members[name].offset
        if array.flags.c_contiguous:
            gather_values(opened.raw, rows, places, start, _as_bytes(array))
        else:
            part = np.empty((len(rows), *array.shape[1:]), array.dtype)
            gather_values(opened.raw, rows, np.arange(len(rows)), start, _as_bytes(part))
            array[places] = part

    def _checked_labels(self, opened: ShardView, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The labels of some records. Their keys are checked too.

        Raises:
            ShardError: a key or a label is wrong.
        """
        labels = np.empty(len(rows), np.int64)
        member = self._members["label"]
        sound = read_labels(
            opened.raw,
            rows,
            opened.first,
            KEY_DIGITS,
            member.offset,
            member.value_bytes,
            len(self.recipe.spec.laws),
            labels,
        )
        if not sound:
            # These checks are slower, but say what is wrong and where.
            opened.strict.check_keys(opened.records["key"][rows], rows)
            labels = opened.strict.labels(opened.records["label"][rows], rows)
        return labels

    def _shard(self, shard: int) -> ShardView:
        with self._lock:
            opened = self._open.get(shard)
            if opened is None:
                self._make_room(self.recipe.shard_bytes(shard))
                opened = self._open[shard] = ShardView(self.store, self.recipe, shard)
                self._ahead.follow(shard)
            else:
                self._open.move_to_end(shard)
        opened.check_uncut()
        return opened

    def _make_room(self, coming: int) -> None:
        """Let go of the shards that were used longest ago. A thread that still reads one keeps it
        alive."""
        held = sum(opened.memory_bytes for opened in self._open.values())
        while self._open and (
            len(self._open) >= _OPEN_SHARDS or (held and held + coming > self.memory_bytes)
        ):
            held -= self._open.popitem(last=False)[1].memory_bytes


def _as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    """A C-contiguous array (B, ...) as bytes: uint8 (B, bytes of a row) on the same memory."""
    size = math.prod(array.shape[1:])
    return array.reshape(len(array), size).view(np.uint8)
