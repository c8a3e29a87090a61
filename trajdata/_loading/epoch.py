"""The epoch's number, and whether a pass was begun, shared by all copies of a dataset."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["SharedEpoch"]


class SharedEpoch:
    """Two int64 in memory that the worker processes of a DataLoader share with their parent.

    That is how ``set_epoch`` reaches persistent workers, whose dataset is a copy, and how the
    parent knows that a worker has begun a pass. A copy made by ``copy.deepcopy`` or by a plain
    pickle has numbers of its own.
    """

    def __init__(self, epoch: int) -> None:
        self._numbers = _shared(torch.tensor([epoch, 0], dtype=torch.int64))

    def get(self) -> int:
        """The epoch."""
        return int(self._numbers[0].item())

    def set(self, epoch: int) -> None:
        """Change it, for all copies in other processes too."""
        self._numbers[0] = epoch

    @property
    def begun(self) -> bool:
        """Whether any copy has begun a pass."""
        return bool(self._numbers[1].item())

    def begin(self) -> None:
        """A pass begins."""
        self._numbers[1] = 1

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._numbers = _shared(state["_numbers"])


def _shared(numbers: torch.Tensor) -> torch.Tensor:
    # torch leaves these two methods untyped. Numbers that came from another process stay where
    # they are, in memory that is shared already.
    if numbers.is_shared():  # type: ignore[no-untyped-call]
        return numbers
    shared: torch.Tensor = numbers.share_memory_()  # type: ignore[no-untyped-call]
    return shared
