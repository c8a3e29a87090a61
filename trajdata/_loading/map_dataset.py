"""TrajectoryMapDataset: the first clips of a source as a torch map-style Dataset."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
from torch.utils.data import Dataset

from trajdata._clips.source_protocol import Source
from trajdata._errors import ArgumentError
from trajdata._loading.output import Output
from trajdata._loading.tensors import Handout
from trajdata._loading.view import SourceView, checked_length

__all__ = ["TrajectoryMapDataset"]

_AS_IT_IS = Output()


class TrajectoryMapDataset(SourceView, Dataset[Any]):
    """Clips [0, length) by index, for ``random_split``, ``shuffle=True`` and samplers.

    The clips of a DataLoader's batch are rendered together, and then the DataLoader collates them.
    ``TrajectoryDataset`` is faster: take it if you need no random access.

    Args:
        source: where the clips come from, as for ``TrajectoryDataset``.
        length: how many clips the dataset has; None means all clips of a source that has an end.
        output: how clips are handed out.

    Attributes:
        source, output, spec, classes, class_to_idx: as in ``TrajectoryDataset``.

    Raises:
        ArgumentError: names the argument, the value given and what is allowed.
    """

    def __init__(
        self, source: Source, *, length: int | None = None, output: Output = _AS_IT_IS
    ) -> None:
        super().__init__(source, output)
        known = checked_length(source, length)
        if known is None:
            raise ArgumentError(
                f"length: given None; {source!r} has no end: allowed are whole numbers from 1 on"
            )
        self._length = known
        self._handout = Handout(output, source.fields, source.spec)
        source.warm()
        self._handout.warm()

    def __repr__(self) -> str:
        return f"TrajectoryMapDataset({self.source!r}, length={self._length})"

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        """One clip, or for a slice a batch. A negative index counts from the end, as in a list.

        Returns:
            Tensors: ``label`` and ``index`` are int64 without axes, ``params`` is a dict of float64
            without axes. In a batch, all have B in front. A text is a str, or in a batch a list.

        Raises:
            IndexError: an index outside the length.
        """
        if isinstance(index, slice):
            return self._handout.batch(self.source.batch(range(*index.indices(self._length))))
        clip: Any = self.__getitems__([index])[0]
        return clip

    def __getitems__(self, indices: Sequence[SupportsIndex]) -> list[Any]:
        """The clips of these indices, in that order, rendered together.

        Raises:
            IndexError: an index outside the length.
        """
        where = np.fromiter((self._index(index) for index in indices), np.int64, len(indices))
        return self._handout.clips(self.source.batch(where), len(indices))

    def _index(self, index: SupportsIndex) -> int:
        number = operator.index(index)
        if not -self._length <= number < self._length:
            raise IndexError(
                f"index: given {number}; allowed are {-self._length} to {self._length - 1}"
            )
        return number % self._length
