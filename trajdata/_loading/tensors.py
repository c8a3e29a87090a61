"""Turn a source's batch of NumPy arrays into what a dataset hands out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray

from trajdata._clips.fields import FIELDS, TEXT_FIELDS
from trajdata._clips.typed import Batch
from trajdata._loading.arrays import ArrayShape, tensor_over
from trajdata._loading.output import PARTS, Output
from trajdata._loading.video import VideoFormat
from trajdata._spec.model import ClipSpec

__all__ = ["Handout", "TensorBatch"]

_NOWHERE: Mapping[str, NDArray[Any]] = {}


class TensorBatch(TypedDict, total=False):
    """A batch of tensors: what ``TrajectoryDataset`` yields with ``batch_size=B``, or what a
    DataLoader makes of single clips.

    A batch has the keys that the source's ``fields`` name, or the new names that ``Output`` gives
    them. The video's axes and dtype are those of the ``Output``, which may also cut it in two.
    """

    video: torch.Tensor  # (B, T, C, H, W) uint8
    label: torch.Tensor  # (B,) int64
    index: torch.Tensor  # (B,) int64
    trajectory: torch.Tensor  # (B, T, 3) float32
    jittered: torch.Tensor  # (B, T, 3) float32
    pixels: torch.Tensor  # (B, T, 2) float32
    depth: torch.Tensor  # (B, T) float32
    radius: torch.Tensor  # (B, T) float32
    params: dict[str, torch.Tensor]  # (B,) float64 each
    caption: list[str]
    equation: list[str]


class Handout:
    """An ``Output`` for the clips of one source.

    Attributes:
        arrays: field -> dtype and shape of its array in a batch, for all fields but texts.
        video_parts: the names under which the video is handed out.
        video_unchanged: whether a video is passed on as the source gives it.

    Raises:
        ArgumentError: the output names fields that the source does not have, or another number of
            channels.
    """

    def __init__(self, output: Output, fields: Sequence[str], spec: ClipSpec) -> None:
        output.check_fits(fields, spec.channels, spec.frames)
        self._output = output
        self._video = VideoFormat(output)
        self._cuts = {"video": slice(None)}
        if output.past_frames is not None:
            cuts = slice(output.past_frames), slice(output.past_frames, None)
            self._cuts = dict(zip(PARTS, cuts, strict=True))
        self.video_parts = tuple(self._cuts)
        self.video_unchanged = self._video.unchanged and output.past_frames is None
        self.arrays: dict[str, ArrayShape] = {}
        for name in fields:
            if name == "video":
                *cameras, frames, channels, height, width = FIELDS[name].shape(spec)
                for part, cut in self._cuts.items():
                    kept = len(range(frames)[cut])
                    shape = self._video.shape((*cameras, kept, channels, height, width))
                    self.arrays[part] = ArrayShape(output.carrier, shape)
            elif name not in TEXT_FIELDS:
                dtype = np.dtype(FIELDS[name].dtype)
                self.arrays[name] = ArrayShape(dtype, FIELDS[name].shape(spec))

    def warm(self) -> None:
        """Compile the kernels that are needed. To be called before workers start."""
        self._video.warm()

    def batch(
        self,
        batch: Batch,
        *,
        places: Mapping[str, NDArray[Any]] = _NOWHERE,
        tensor: Callable[[NDArray[Any]], torch.Tensor] = tensor_over,
    ) -> Any:
        """The batch as tensors that share the arrays' memory.

        The result equals what torch's ``default_collate`` makes of ``clips``: arrays become tensors
        with B in front, ``label`` and ``index`` int64 (B,), ``params`` a dict of float64 (B,),
        texts lists.

        Args:
            batch: a batch of a source.
            places: arrays to write the video, or the parts of it, into, if it is not passed on as
                the source gives it.
            tensor: makes a tensor that shares an array's memory.
        """
        values: dict[str, Any] = {}
        for name, value in self._converted(batch, places).items():
            if isinstance(value, dict):
                values[name] = {key: tensor(numbers) for key, numbers in value.items()}
            else:
                values[name] = value if isinstance(value, list) else tensor(value)
        return self._output.select(values)

    def clips(self, batch: Batch, count: int) -> list[Any]:
        """The ``count`` clips of a batch. Their values are tensors, of single numbers without axes,
        and their texts are str.

        Each clip has memory of its own, so that a clip that is kept does not keep the others.
        """
        rows = {name: _rows(value) for name, value in self._converted(batch).items()}
        return [
            self._output.select({name: row(place) for name, row in rows.items()})
            for place in range(count)
        ]

    def _converted(
        self, batch: Batch, places: Mapping[str, NDArray[Any]] = _NOWHERE
    ) -> dict[str, Any]:
        arrays: Mapping[str, Any] = batch
        converted: dict[str, Any] = {}
        for name, value in arrays.items():
            if name != "video":
                converted[name] = value
                continue
            for part, cut in self._cuts.items():
                video = value[..., cut, :, :, :]
                converted[part] = self._video.convert(video, places.get(part))
        return converted


def _rows(value: Any) -> Callable[[int], Any]:
    """A function from a row's number to its value."""
    if isinstance(value, list):
        return value.__getitem__
    if isinstance(value, dict):
        columns = {key: _rows(numbers) for key, numbers in value.items()}
        return lambda row: {key: column(row) for key, column in columns.items()}
    if value.ndim == 1:
        # Single numbers take a few bytes each, so their tensors share one block of memory.
        return torch.from_numpy(value.copy()).unbind().__getitem__
    return lambda row: tensor_over(value[row].copy())
