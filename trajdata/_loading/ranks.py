"""Find out which rank this process is. That is done when a dataset is used, not when it is made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch.distributed
from torch.utils.data import get_worker_info

from trajdata._checks import whole_number
from trajdata._errors import ArgumentError
from trajdata._loading.callers import Dealer, loader_iterator, outer_dealer
from trajdata._loading.environment import announced_ranks

__all__ = ["Ranks", "Share"]


@dataclass(frozen=True)
class Share:
    """The part of an epoch that a process takes.

    Attributes:
        rank, world_size: the number of this rank, and how many ranks share the epoch.
        dealer: how accelerate deals out the clips of this process to several ranks, or None.
    """

    rank: int = 0
    world_size: int = 1
    dealer: Dealer | None = None


class Ranks:
    """The rank that was given, or else that of ``torch.distributed``, or else 0 of 1.

    If accelerate deals out the clips of the dataset, the dataset itself yields all of them.

    Raises:
        ArgumentError: only one of ``rank`` and ``world_size`` was given, or one is out of range.
    """

    def __init__(self, rank: int | None, world_size: int | None) -> None:
        if (rank is None) != (world_size is None):
            raise ArgumentError(
                f"rank, world_size: given {rank!r} and {world_size!r}; allowed are both or neither"
            )
        self._given: Share | None = None
        self._settled: Share | None = None
        if rank is not None and world_size is not None:
            world_size = whole_number("world_size", world_size, 1)
            self._given = Share(whole_number("rank", rank, 0, world_size - 1), world_size)

    @property
    def given(self) -> bool:
        """Whether the rank was given and will not change."""
        return self._given is not None

    def __repr__(self) -> str:
        if self._given is None:
            return "ranks of torch.distributed"
        return f"rank={self._given.rank}, world_size={self._given.world_size}"

    def __getstate__(self) -> dict[str, Any]:
        # A spawned worker has neither the process group nor the frames of the loader that starts
        # it, so the rank is settled here. A copy that goes to another process, such as one that
        # becomes a rank, finds out its rank itself.
        settled = None if loader_iterator() is None else self.settle()
        return {"_given": self._given, "_settled": settled}

    def settle(self) -> Share:
        """The share of this process at this moment.

        Raises:
            ArgumentError: there are several ranks and it is not known which one this is; or a rank
                was given although accelerate deals out the clips to ranks itself.
        """
        if self._settled is not None and get_worker_info() is not None:
            return self._settled
        dealer = outer_dealer()
        if self._given is not None:
            if dealer is not None and dealer.ranks > 1 and self._given.world_size > 1:
                raise ArgumentError(
                    f"rank, world_size: given {self._given.rank} and {self._given.world_size}, but "
                    f"accelerate deals this dataset's clips out to {dealer.ranks} ranks itself; "
                    f"leave out both, or do not prepare() the DataLoader"
                )
            return replace(self._given, dealer=dealer)
        if dealer is not None:
            return Share(dealer=dealer)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            return Share(torch.distributed.get_rank(), torch.distributed.get_world_size())
        if announced_ranks() > 1:
            raise ArgumentError(
                f"rank, world_size: given neither, and torch.distributed is not initialized, but "
                f"the environment says WORLD_SIZE={announced_ranks()}; call "
                f"torch.distributed.init_process_group() before the dataset is used, or write "
                f"rank=int(os.environ['RANK']), world_size=int(os.environ['WORLD_SIZE']); with "
                f"rank=0, world_size=1 every process shows all clips"
            )
        return Share()
