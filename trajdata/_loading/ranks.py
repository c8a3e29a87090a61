"""Which of the ranks this process is, asked when a dataset is used and not when it is made."""

from __future__ import annotations

import torch.distributed

from trajdata._checks import whole_number
from trajdata._errors import ArgumentError

__all__ = ["Ranks"]


class Ranks:
    """The rank that was given, else that of ``torch.distributed``, else 0 of 1.

    Raises:
        ArgumentError: one of both without the other, or numbers out of range.
    """

    def __init__(self, rank: int | None, world_size: int | None) -> None:
        if (rank is None) != (world_size is None):
            raise ArgumentError(
                f"rank, world_size: given {rank!r} and {world_size!r}; allowed are both or neither"
            )
        self._given: tuple[int, int] | None = None
        if rank is not None and world_size is not None:
            world_size = whole_number("world_size", world_size, 1)
            self._given = whole_number("rank", rank, 0, world_size - 1), world_size

    @property
    def given(self) -> bool:
        """Whether the rank was given and will not change."""
        return self._given is not None

    def __repr__(self) -> str:
        if self._given is None:
            return "ranks of torch.distributed"
        return "rank={}, world_size={}".format(*self._given)

    def settle(self) -> tuple[int, int]:
        """(rank, world_size) as they are now."""
        if self._given is not None:
            return self._given
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            return torch.distributed.get_rank(), torch.distributed.get_world_size()
        return 0, 1
