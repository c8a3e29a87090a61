"""The splits: disjoint streams of one seed, by construction."""

from __future__ import annotations

from dataclasses import dataclass

from trajdata._errors import ArgumentError

__all__ = ["SPLITS", "Split", "find_split", "split_names"]


@dataclass(frozen=True)
class Split:
    """A stream beside the others of its seed.

    Attributes:
        name: how it is asked for.
        number: stands in every address of its randomness. It is part of FORMAT: a number never
            moves and is never given to another split.
        held_out: the setting whose held-out range it shows; None: the spec's own ranges.
        separate_colours: whether it shows each law in the colours that the others hold out.
        separate_shapes: whether it shows each law in the shape that the others hold out.
    """

    name: str
    number: int
    held_out: str | None = None
    separate_colours: bool = False
    separate_shapes: bool = False

    @property
    def is_out_of_distribution(self) -> bool:
        """Whether it shows what train, val and test never do."""
        return self.held_out is not None or self.separate_colours or self.separate_shapes


SPLITS = (
    Split("train", 0),
    Split("val", 1),
    Split("test", 2),
    Split("ood-speed", 3, held_out="speed"),
    Split("ood-radius", 4, held_out="radius"),
    Split("ood-depth", 5, held_out="depth"),
    Split("ood-colour-law", 6, separate_colours=True),
    Split("ood-shape-law", 7, separate_shapes=True),
    Split("ood-count", 8, held_out="count"),
)
"""All splits. The first three follow the spec's own ranges; in an ``ood-`` split one factor lies
in a range that is held out of those three (or, for colour and law and for shape and law, a pair
that never meets there)."""


def split_names() -> tuple[str, ...]:
    """The names of all splits."""
    return tuple(split.name for split in SPLITS)


def find_split(name: str) -> Split:
    """The split of that name.

    Raises:
        ArgumentError: there is none.
    """
    for split in SPLITS:
        if split.name == name:
            return split
    raise ArgumentError(f"split: given {name!r:.80}; allowed are {', '.join(split_names())}")
