"""The order of an epoch: which clip it shows at which position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trajdata._checks import whole_number
from trajdata._errors import ArgumentError
from trajdata._loading.permutation import KeyedPermutation

__all__ = ["Order"]


@dataclass(frozen=True)
class Order:
    """The clips of each epoch, in order.

    Attributes:
        seed, split: of the stream; the permutations are keyed by them.
        length: clips in an epoch; None if the dataset is endless, which has a single epoch, 0.
        fresh: whether epoch e shows the clips [e * length, (e + 1) * length). If not, every epoch
            shows the clips [0, length).
        shuffle: whether each epoch shows its clips in an order of its own.
        clips: how many clips the source has; None if it has no end.

    Raises:
        ArgumentError: ``fresh`` or ``shuffle`` is no bool, or an endless dataset is to be shuffled.
    """

    seed: int
    split: str
    length: int | None
    fresh: bool
    shuffle: bool
    clips: int | None = None

    def __post_init__(self) -> None:
        for name in ("fresh", "shuffle"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise ArgumentError(f"{name}: given {value!r}; allowed are True and False")
        if self.shuffle and self.length is None:
            raise ArgumentError(
                "shuffle: given True with length None; only a length can be shuffled"
            )

    def check_epoch(self, epoch: int) -> int:
        """``epoch`` as an int, if the dataset has this epoch.

        Raises:
            ArgumentError: the epoch is negative, or its clips would lie beyond the source's end, or
                it is not 0 and the dataset is endless.
        """
        if self.length is None:
            if epoch != 0:
                raise ArgumentError(
                    f"epoch: given {epoch!r} with length None; an endless stream has no epoch but "
                    f"0: give a length, or go on in the stream with start="
                )
            return 0
        if self.fresh and self.clips is not None:
            last = self.clips // self.length - 1
            if epoch > last:
                raise ArgumentError(
                    f"epoch: given {epoch!r} with fresh=True: clips {epoch * self.length} to "
                    f"{(epoch + 1) * self.length - 1}, but the source has {self.clips}; allowed "
                    f"are epochs 0 to {last}, or fresh=False, which shows the same clips again"
                )
        return whole_number("epoch", epoch, 0, 2**63 // self.length - 1)

    def warm(self) -> None:
        """Compile the kernels that ``indices`` calls. To be called before workers start."""
        self.indices(0, range(1))

    def indices(self, epoch: int, positions: Sequence[int]) -> NDArray[np.int64]:
        """The indices of the clips at these positions of an epoch, int64 (B,)."""
        if isinstance(positions, range):  # faster: NumPy would read a range number by number
            places = np.arange(positions.start, positions.stop, positions.step, dtype=np.int64)
        else:
            places = np.asarray(positions, np.int64)
        if self.length is None:
            return places
        if self.shuffle:
            places = KeyedPermutation(self.length, self.seed, self.split, epoch)(places)
        return places + epoch * self.length if self.fresh else places
