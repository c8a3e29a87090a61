"""The epoch's number, shared by all copies of a dataset."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["SharedEpoch"]


class SharedEpoch:
    """One int64 in memory that the worker processes of a DataLoader share with their parent.

    That is how ``set_epoch`` reaches persistent workers, whose dataset is a copy. A copy made by
    ``copy.deepcopy`` or by a plain pickle has a number of its own.
    """

    def __init__(self, epoch: int) -> None:
        self._number = _shared(torch.tensor([epoch], dtype=torch.int64))

    def get(self) -> int:
        """The epoch."""
        return int(self._number.item())

    def set(self, epoch: int) -> None:
        """Change it, for all copies in other processes too."""
        self._number.fill_(epoch)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._number = _shared(state["_number"])


def _shared(number: torch.Tensor) -> torch.Tensor:
    # torch leaves these two methods untyped. A number that came from another process stays where
    # it is, in memory that is shared already.
    if number.is_shared():  # type: ignore[no-untyped-call]
        return number
    shared: torch.Tensor = number.share_memory_()  # type: ignore[no-untyped-call]
    return shared
