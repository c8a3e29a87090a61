"""What a source of clips is: the one description that everything which takes clips asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trajdata._spec.model import ClipSpec

__all__ = ["Source"]


class Source(Protocol):
    """A stream of clips, addressable by index: live, stored, or both."""

    @property
    def spec(self) -> ClipSpec:
        """The distribution of the clips."""

    @property
    def seed(self) -> int:
        """Of the stream."""

    @property
    def split(self) -> str:
        """Of the stream."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The keys of a clip, in order."""

    @property
    def clips(self) -> int | None:
        """How many clips there are, [0, clips); None where there is no end."""

    def batch(
        self,
        indices: Sequence[int] | range | NDArray[np.integer],
        *,
        out: Mapping[str, NDArray[Any]] | None = None,
    ) -> dict[str, Any]:
        """The clips of these indices, stacked: each field with B in front."""

    def __getitem__(self, index: int | slice) -> dict[str, Any]:
        """One clip, or the batch of a slice."""

    def warm(self) -> None:
        """Compile what is compiled, or load it from the disk cache."""

    def with_fields(self, fields: Sequence[str]) -> Source:
        """The same stream with other fields."""
