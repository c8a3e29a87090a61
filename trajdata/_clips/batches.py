"""What every source of clips does with a batch: make room for it, and take a clip out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.fields import FIELDS, TEXT_FIELDS
from trajdata._clips.shown import ShownBatch, ShownClip
from trajdata._clips.typed import Batch, Clip
from trajdata._errors import ArgumentError
from trajdata._spec.model import ClipSpec

__all__ = ["batch_arrays", "check_out", "first_clip", "slice_indices"]


def batch_arrays(
    fields: Sequence[str], spec: ClipSpec, count: int, out: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """An array for each array field of a batch: the one in ``out``, else a fresh one.

    Raises:
        ArgumentError: ``out`` names another field, or holds an array that does not fit.
    """
    names = [name for name in fields if name not in TEXT_FIELDS]
    for name in out:
        if name not in names:
            raise ArgumentError(f"out: given {name!r}; allowed are {', '.join(names)}")
    arrays = {}
    for name in names:
        field = FIELDS[name]
        dtype, shape = np.dtype(field.dtype), (count, *field.shape(spec))
        if name in out:
            check_out(name, out[name], dtype, shape)
            arrays[name] = out[name]
        else:
            arrays[name] = np.empty(shape, dtype)
    return arrays


def check_out(name: str, array: NDArray[Any], dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Raise a ValueError unless the array can take what is meant for it."""
    if array.dtype != dtype or array.shape != shape or not array.flags.writeable:
        raise ArgumentError(
            f"out[{name!r}]: given {array.dtype} {array.shape}; "
            f"allowed is a writable array, {dtype} {shape}"
        )


def first_clip(batch: Batch) -> Clip:
    """A batch's first clip: its fields without the leading axis."""
    clip: dict[str, Any] = {}
    for name, value in batch.items():
        if isinstance(value, dict):
            clip[name] = {key: numbers[0] for key, numbers in value.items()}
        else:
            clip[name] = cast(Sequence[Any], value)[0]
    return cast(Clip, ShownClip(clip, batch.spec) if isinstance(batch, ShownBatch) else clip)


def slice_indices(part: slice, clips: int | None) -> range:
    """The indices that ``source[part]`` means.

    Args:
        part: of a source that has clips [0, clips) it means what it means of a list.
        clips: None for a source without end, whose slices need a stop and count from the start.

    Raises:
        ArgumentError: a slice of a source without end that has no stop, or a negative number.
    """
    if clips is not None:
        return range(*part.indices(clips))
    bounds = [number for number in (part.start, part.stop) if number is not None]
    if part.stop is None or any(number < 0 for number in bounds):
        raise ArgumentError(
            f"index: given the slice [{_written(part.start)}:{_written(part.stop)}] of a source "
            f"without end; allowed are slices with a stop, counted from the start, as in [0:4]"
        )
    return range(part.start or 0, part.stop, 1 if part.step is None else part.step)


def _written(bound: object) -> str:
    return "" if bound is None else str(bound)
