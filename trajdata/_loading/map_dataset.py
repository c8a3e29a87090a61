"""TrajectoryMapDataset: the first clips of a stream as a torch map-style Dataset."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
from torch.utils.data import Dataset

from trajdata._checks import whole_number
from trajdata._clips.fields import DEFAULT_FIELDS
from trajdata._loading.output import OutputFormat, output_format
from trajdata._loading.tensors import clips_of
from trajdata._reading.read_through import Clips, live_clips, stored_clips
from trajdata._spec.model import ClipSpec

__all__ = ["TrajectoryMapDataset"]


class TrajectoryMapDataset(Dataset[Any]):
    """Clips [0, length) by index, for ``random_split``, ``shuffle=True`` and samplers.

    A DataLoader's batch is rendered at once, then collated by the DataLoader. Where nothing of
    that is needed, ``TrajectoryDataset`` is faster.

    Args:
        spec: the distribution that clips are drawn from.
        length: how many clips there are.
        seed, split, fields, cache, layout, dtype, value_range, as_tuple, as_tensor: as of
            ``TrajectoryDataset``.

    Raises:
        ValueError: names the argument, the value given and what is allowed.
        SpecMismatchError: ``cache`` holds another stream.
    """

    def __init__(
        self,
        spec: ClipSpec,
        *,
        length: int,
        seed: int = 0,
        split: str = "train",
        fields: Sequence[str] = DEFAULT_FIELDS,
        cache: str | os.PathLike[str] | None = None,
        layout: str = "TCHW",
        dtype: str = "uint8",
        value_range: tuple[float, float] = (0, 1),
        as_tuple: Sequence[str] | None = None,
        as_tensor: str | None = None,
    ) -> None:
        output = output_format(
            fields,
            layout=layout,
            dtype=dtype,
            value_range=value_range,
            as_tuple=as_tuple,
            as_tensor=as_tensor,
        )
        length = whole_number("length", length, 1, 2**63 - 1)
        self._set_up(live_clips(spec, seed, split, output.fields, cache), length, output)

    @classmethod
    def from_shards(
        cls,
        folder: str | os.PathLike[str],
        *,
        fields: Sequence[str] = DEFAULT_FIELDS,
        layout: str = "TCHW",
        dtype: str = "uint8",
        value_range: tuple[float, float] = (0, 1),
        as_tuple: Sequence[str] | None = None,
        as_tensor: str | None = None,
    ) -> TrajectoryMapDataset:
        """The clips of a finished folder of shards, by index.

        Raises:
            ValueError: an unfinished folder, or as of the class.
            ShardError: the folder is damaged.
        """
        output = output_format(
            fields,
            layout=layout,
            dtype=dtype,
            value_range=value_range,
            as_tuple=as_tuple,
            as_tensor=as_tensor,
        )
        clips = stored_clips(folder, output.fields)
        dataset = cls.__new__(cls)
        dataset._set_up(clips, clips.clips, output)
        return dataset

    def _set_up(self, clips: Clips, length: int, output: OutputFormat) -> None:
        self._clips = clips
        self._length = length
        self._output = output
        output.warm()

    def __repr__(self) -> str:
        return (
            f"TrajectoryMapDataset(length={self._length}, seed={self._clips.seed}, "
            f"split={self._clips.split!r})"
        )

    @property
    def spec(self) -> ClipSpec:
        """The distribution that the clips are drawn from."""
        return self._clips.spec

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: SupportsIndex) -> Any:
        """One clip; a negative index counts from the end, as in a list.

        Raises:
            IndexError: an index outside the length.
        """
        clip: Any = self.__getitems__([index])[0]
        return clip

    def __getitems__(self, indices: Sequence[SupportsIndex]) -> list[Any]:
        """The clips of these indices, in that order, rendered together.

        Raises:
            IndexError: an index outside the length.
        """
        where = np.fromiter((self._index(index) for index in indices), np.int64, len(indices))
        return clips_of(self._clips.batch(where), len(indices), self._output)

    def _index(self, index: SupportsIndex) -> int:
        number = operator.index(index)
        if not -self._length <= number < self._length:
            raise IndexError(
                f"index: given {number}; allowed are {-self._length} to {self._length - 1}"
            )
        return number % self._length
