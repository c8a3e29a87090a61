"""What every source of clips offers, wherever its clips come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, overload, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.typed import Batch, Clip
from trajdata._spec.model import ClipSpec

__all__ = ["RenderingSource", "Source"]


@runtime_checkable
class Source(Protocol):
    """A stream of clips, addressable by index: the same bytes from every kind of source.

    A source can be pickled, and threads may share it.
    """

    @property
    def spec(self) -> ClipSpec:
        """The distribution that the clips are sampled from."""
        ...

    @property
    def seed(self) -> int:
        """Of the stream."""
        ...

    @property
    def split(self) -> str:
        """Of the stream."""
        ...

    @property
    def fields(self) -> tuple[str, ...]:
        """Which keys a clip has; see ``trajdata.FIELDS``."""
        ...

    @property
    def clips(self) -> int | None:
        """How many clips it has, [0, clips); None: it has no end."""
        ...

    def batch(
        self,
        indices: Sequence[int] | range | NDArray[np.integer],
        *,
        out: Mapping[str, NDArray[Any]] | None = None,
    ) -> Batch:
        """The clips of these indices, stacked along a new first axis B.

        Args:
            indices: B whole numbers, in any order, repeats allowed.
            out: for any of the array fields, the array to write into: its dtype, its shape with
                B in front.

        Raises:
            ArgumentError: indices that the source does not have, or an ``out`` that does not fit.
        """
        ...

    @overload
    def __getitem__(self, index: int) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> Batch: ...

    def warm(self) -> None:
        """Compile every kernel (or load it from the disk cache): call before starting workers."""
        ...

    def with_fields(self, fields: Sequence[str]) -> Source:
        """The same stream with other fields."""
        ...


class RenderingSource(Source, Protocol):
    """A source that can render a clip that is not its own."""

    def pair(self, index: int, law: str) -> Clip:
        """Clip ``index`` as it would be under another law."""
        ...
