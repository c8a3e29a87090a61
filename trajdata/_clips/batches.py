"""What every source of clips does with a batch: make room for it, and take a clip out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.fields import FIELDS, TEXT_FIELDS
from trajdata._errors import ArgumentError
from trajdata._spec.model import ClipSpec

__all__ = ["batch_arrays", "check_out", "first_clip"]


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


def first_clip(batch: Mapping[str, Any]) -> dict[str, Any]:
    """A batch's first clip: its fields without the leading axis."""
    clip: dict[str, Any] = {}
    for name, value in batch.items():
        if name == "params":
            clip[name] = {key: numbers[0] for key, numbers in value.items()}
        else:
            clip[name] = value[0]
    return clip
