"""From a source's batch of NumPy arrays to what a DataLoader passes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from numpy.typing import NDArray

from trajdata._loading.output import OutputFormat

__all__ = ["batch_of", "clips_of"]


def batch_of(
    batch: dict[str, Any],
    output: OutputFormat,
    *,
    place: NDArray[Any] | None = None,
    tensor: Callable[[NDArray[Any]], torch.Tensor] = torch.from_numpy,
) -> Any:
    """The batch as tensors that share the arrays' memory.

    Just what torch's ``default_collate`` makes of ``clips_of``: arrays become tensors with B in
    front, ``label`` and ``index`` int64 (B,), ``params`` a dict of float64 (B,), texts lists.

    Args:
        batch: of a source.
        output: what is passed on.
        place: where to write a video that is not passed on as it was drawn.
        tensor: makes a tensor that shares an array's memory.
    """
    values: dict[str, Any] = {}
    for name, value in _formatted(batch, output, place).items():
        if isinstance(value, dict):
            values[name] = {key: tensor(numbers) for key, numbers in value.items()}
        else:
            values[name] = value if isinstance(value, list) else tensor(value)
    return output.select(values)


def clips_of(batch: dict[str, Any], count: int, output: OutputFormat) -> list[Any]:
    """The batch's ``count`` clips: tensors, int labels and indices, float params, str texts.

    Each clip owns its memory, so that one that is kept does not keep the others.
    """
    formatted = _formatted(batch, output)
    return [
        output.select({name: _row(value, row) for name, value in formatted.items()})
        for row in range(count)
    ]


def _formatted(
    batch: dict[str, Any], output: OutputFormat, place: NDArray[Any] | None = None
) -> dict[str, Any]:
    return {
        name: output.video(value, place) if name == "video" else value
        for name, value in batch.items()
    }


def _row(value: Any, row: int) -> Any:
    if isinstance(value, dict):
        return {key: float(numbers[row]) for key, numbers in value.items()}
    if isinstance(value, list):
        return value[row]
    return int(value[row]) if value.ndim == 1 else torch.from_numpy(value[row].copy())
