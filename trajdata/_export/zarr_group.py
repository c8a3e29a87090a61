"""A group of zarr 3: an array for each field, whose first axis is the clips.

zarr makes the bytes in memory; they are written as those of every other export, so that a kill
leaves no half-written chunk, and no link is followed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from trajdata._checks import needed
from trajdata._clips.fields import FIELDS
from trajdata._clips.texts import param_names
from trajdata._export.extra import EXPORT_EXTRA
from trajdata._export.plan import CLIPS, ExportPlan

__all__ = ["ZarrGroup"]

_HOW = f"{EXPORT_EXTRA}, on Python 3.11 or newer"
_CHUNK_BYTES = 2**17
"""About as much is read where one clip is asked for."""
_KEYS = {"name": "default", "separator": "."}
"""Names of chunks without folders below the array's own."""


class ZarrGroup:
    """Writes ``clips`` as a group. A part is one chunk of each array; of a larger field, one shard
    of many chunks, so that a single clip can be read.

    Args:
        plan: of the export.

    Raises:
        MissingPackageError: zarr is not installed.
    """

    def __init__(self, plan: ExportPlan) -> None:
        self._zarr = needed("zarr", _HOW)
        self._described: dict[str, Any] = {}
        group = self._zarr.create_group(
            store=self._zarr.storage.MemoryStore(self._described),
            zarr_format=3,
            attributes=plan.as_json(),
        )
        for name in plan.fields:
            field = FIELDS[name]
            told = {"unit": field.unit, "meaning": field.meaning}
            if name == "params":
                params = group.create_group(name, attributes=told)
                for number in param_names(plan.spec):
                    _create(params, plan, number, "float64", (), (), {})
                continue
            is_text = field.dtype == "str"
            shape = () if is_text else field.shape(plan.spec)
            axes = () if is_text else field.axes_of(plan.spec)
            _create(group, plan, name, str if is_text else field.dtype, shape, axes, told)

    def part(self, clips: range, batch: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
        """The chunks of a part; see ``Writer``."""
        held = dict(self._described)
        group = self._zarr.open_group(self._zarr.storage.MemoryStore(held), mode="r+")
        where = slice(clips.start, clips.stop)
        for name, values in batch.items():
            if isinstance(values, Mapping):
                for number, column in values.items():
                    group[f"{name}/{number}"][where] = column
            else:
                group[name][where] = np.asarray(values)
        for key in sorted(set(held) - set(self._described)):
            yield f"{CLIPS}/{key}", held[key].to_bytes()

    def closing(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The descriptions of group and arrays. Without them, nobody takes an unfinished export
        for one whose last clips are black."""
        for key in sorted(self._described):
            yield f"{CLIPS}/{key}", self._described[key].to_bytes()


def _create(
    group: Any,
    plan: ExportPlan,
    name: str,
    dtype: Any,
    shape: tuple[int, ...],
    axes: tuple[str, ...],
    told: dict[str, str],
) -> None:
    part = plan.part_clips
    size = 0 if dtype is str else np.dtype(dtype).itemsize * math.prod(shape)
    # Small fields are one chunk a part.
    chunk = part
    if size * part > _CHUNK_BYTES:
        chunk = min(part, 1 << (max(1, _CHUNK_BYTES // size).bit_length() - 1))
    # A size that stands for itself, such as the 3 of (T, 3), is no name of an axis.
    names = ["clip", *(None if axis.isdigit() else axis for axis in axes)]
    group.create_array(
        name,
        shape=(plan.clips, *shape),
        chunks=(chunk, *shape),
        shards=None if chunk == part else (part, *shape),
        dtype=dtype,
        dimension_names=names,
        chunk_key_encoding=_KEYS,
        attributes=told,
    )
