"""What both kinds of dataset have in common: a source and an output."""

from __future__ import annotations

from trajdata._checks import whole_number
from trajdata._clips.source_protocol import Source
from trajdata._errors import ArgumentError
from trajdata._loading.output import Output
from trajdata._spec.model import ClipSpec

__all__ = ["SourceView", "checked_length"]


class SourceView:
    """Attributes that every dataset has.

    Raises:
        ArgumentError: ``source`` is no source, or ``output`` is no ``Output``.
    """

    def __init__(self, source: Source, output: Output) -> None:
        if isinstance(source, type) or not isinstance(source, Source):
            raise ArgumentError(
                f"source: given {source!r:.80}; allowed is a source: trajdata.ClipSource(spec), "
                f"trajdata.open_shards(where) or trajdata.read_through(source, where)"
            )
        if not isinstance(output, Output):
            raise ArgumentError(f"output: given {output!r:.80}; allowed is a trajdata.Output")
        self.source = source
        self.output = output

    @property
    def spec(self) -> ClipSpec:
        """The distribution that the clips are sampled from."""
        return self.source.spec

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each label."""
        return tuple(self.spec.laws)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each name."""
        return {name: label for label, name in enumerate(self.classes)}


def checked_length(source: Source, length: int | None) -> int | None:
    """How many clips a dataset has: ``length``, or else all of the source; None if it has no end.

    Raises:
        ArgumentError: ``length`` is no whole number from 1 on, or exceeds the source's clips.
    """
    if length is None:
        return source.clips
    if source.clips is not None and length > source.clips:
        raise ArgumentError(
            f"length: given {length!r}; allowed are whole numbers from 1 to {source.clips}, the "
            f"clips that {source!r} has"
        )
    return whole_number("length", length, 1, 2**63 - 1)
