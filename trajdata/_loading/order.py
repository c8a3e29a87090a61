"""The order of an epoch: which clip it shows at which position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trajdata._checks import whole_number
from trajdata._errors import ArgumentError
from trajdata._loading.permutation import KeyedPermutation
from trajdata._loading.shard_order import ShardOrder

__all__ = ["Order"]

_MOST = 2**62
"""So many clips may an epoch have that is ordered by shards: its positions are counted as if all
shards were full."""


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
        shuffle_shards: if given, each epoch shows its shards in an order of its own, and the clips
            of so many consecutive shards mixed. Not together with ``shuffle``.
        shard_clips: clips in a shard of the source; None if it has no shards.

    Raises:
        ArgumentError: ``fresh`` or ``shuffle`` is no bool, an endless dataset is to be shuffled, or
            a source without shards by its shards.
    """

    seed: int
    split: str
    length: int | None
    fresh: bool
    shuffle: bool
    clips: int | None = None
    shuffle_shards: int | None = None
    shard_clips: int | None = None

    def __post_init__(self) -> None:
        for name in ("fresh", "shuffle"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise ArgumentError(f"{name}: given {value!r}; allowed are True and False")
        if self.shuffle and self.length is None:
            raise ArgumentError(
                "shuffle: given True with length None; only a length can be shuffled"
            )

        if self.shuffle_shards is not None:
            self._check_shuffle_shards(self.shuffle_shards)

    def _check_shuffle_shards(self, given: int) -> None:
        width = whole_number("shuffle_shards", given, 1, 2**31 - 1)
        object.__setattr__(self, "shuffle_shards", width)
        if self.shuffle:
            raise ArgumentError(
                f"shuffle_shards: given {width} with shuffle=True, which mixes the whole epoch; "
                f"allowed is one of them"
            )
        if self.shard_clips is None:
            raise ArgumentError(
                f"shuffle_shards: given {width} with a source that has no shards; allowed is "
                f"trajdata.open_shards(where) or trajdata.read_through(source, where), or "
                f"shuffle=True, which costs a rendered clip nothing"
            )
        if self.length is None:
            raise ArgumentError(
                f"shuffle_shards: given {width} with length None; only a length can be shuffled"
            )
        if self.length > _MOST:
            raise ArgumentError(
                f"length: given {self.length} with shuffle_shards; allowed are 1 to {_MOST}"
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
        if self.shuffle_shards is not None:
            return self.by_shards(epoch).indices(places)
        if self.shuffle:
            places = KeyedPermutation(self.length, self.seed, self.split, epoch)(places)
        return places + epoch * self.length if self.fresh else places

    def by_shards(self, epoch: int) -> ShardOrder:
        """The order of an epoch whose shards are shuffled. Only with ``shuffle_shards``.

        Raises:
            ArgumentError: the shards are not shuffled.
        """
        if self.shuffle_shards is None or self.shard_clips is None or self.length is None:
            raise ArgumentError("shuffle_shards: given None; allowed is a number of shards")
        first = epoch * self.length if self.fresh else 0
        return ShardOrder(
            self.seed,
            self.split,
            epoch,
            first,
            first + self.length,
            self.shard_clips,
            self.shuffle_shards,
        )
