"""The order of an epoch that reads each shard once: shards by key, then clips within windows.

The shards of the epoch are ordered by a keyed permutation and cut into windows of W shards; the
clips of each window are ordered by another one. So the W shards of a window are read together, and
never again in this epoch. The clip at a position is computed by itself, without a table.

The epoch's first and last shard may be short, because the epoch begins or ends inside of them. A
short shard keeps its place among the others, and the positions after it move up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trajdata._arithmetic.philox import ORDER, words
from trajdata._jit import kernel
from trajdata._loading.permutation import KeyedPermutation, bits_below, image, preimage
from trajdata._spec.streams import stream_key

__all__ = ["ShardOrder"]

_SHARDS, _CLIPS = 1, 2
"""What a permutation is for: the order of the shards is 1, that of window v's clips is 2 + v."""


@dataclass(frozen=True)
class ShardOrder:
    """An order of the clips [first, end) of a stream that is cut into shards.

    Attributes:
        seed, split: of the stream; the permutations are keyed by them.
        epoch: number of the epoch; every epoch has another order.
        first, end: the clips of the epoch.
        shard_clips: shard k holds the clips [k * shard_clips, (k + 1) * shard_clips).
        width: how many shards a window has.
    """

    seed: int
    split: str
    epoch: int
    first: int
    end: int
    shard_clips: int
    width: int

    @property
    def shards(self) -> range:
        """The shards that hold a clip of the epoch."""
        return range(self.first // self.shard_clips, (self.end - 1) // self.shard_clips + 1)

    @property
    def windows(self) -> int:
        """How many windows there are."""
        return -(-len(self.shards) // self.width)

    def indices(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The indices of the clips at these positions of the epoch, int64 (B,)."""
        found = np.empty(positions.shape, np.int64)
        _place(
            stream_key(self.seed, self.split),
            self.epoch,
            self.first,
            self.end,
            self.shard_clips,
            self.width,
            positions,
            found,
        )
        return found

    def window_of(self, index: int) -> int:
        """The window in which the clip of this index is shown."""
        shard = np.array([index // self.shard_clips - self.shards.start])
        return int(self._permutation().inverse(shard)[0]) // self.width

    def window_shards(self, window: int) -> list[int]:
        """The shards of a window, empty after the last one."""
        first = window * self.width
        ranks = np.arange(first, max(first, min(first + self.width, len(self.shards))))
        return [self.shards.start + shard for shard in self._permutation()(ranks).tolist()]

    def _permutation(self) -> KeyedPermutation:
        return KeyedPermutation(len(self.shards), self.seed, self.split, self.epoch, _SHARDS)


@kernel
def _start(rank, size, head, head_gap, tail, tail_gap):  # type: ignore[no-untyped-def]
    """The position at which the shard of this rank begins.

    The first shard of the epoch has the rank ``head`` and lacks ``head_gap`` clips of a full one;
    the last one has the rank ``tail`` and lacks ``tail_gap``.
    """
    at = rank * size
    if rank > head:
        at -= head_gap
    if rank > tail:
        at -= tail_gap
    return at


@kernel
def _place(key, epoch, first, end, size, width, positions, indices):  # type: ignore[no-untyped-def]
    shard = first // size
    count = (end - 1) // size - shard + 1
    windows = (count + width - 1) // width
    order, bits = words(key, epoch, 0, ORDER, _SHARDS), bits_below(count)
    head, tail = preimage(order, bits, count, 0), preimage(order, bits, count, count - 1)
    if count == 1:
        head_gap, tail_gap = size - (end - first), 0
    else:
        head_gap, tail_gap = first - shard * size, (shard + count) * size - end
    low = high = 0
    mix, mix_bits = order, 0
    for j in range(positions.shape[0]):
        at = positions[j]
        if not low <= at < high:
            # Gaps move positions up, so this is the window or one of the two before it.
            window = at // (width * size)
            low = _start(window * width, size, head, head_gap, tail, tail_gap)
            while True:
                next_rank = min((window + 1) * width, count)
                high = _start(next_rank, size, head, head_gap, tail, tail_gap)
                if at < high or window + 1 == windows:
                    break
                window += 1
                low = high
            mix = words(key, epoch, 0, ORDER, _CLIPS + window)
            mix_bits = bits_below(high - low)
        mixed = low + image(mix, mix_bits, high - low, at - low)
        rank = mixed // size
        while _start(rank + 1, size, head, head_gap, tail, tail_gap) <= mixed:
            rank += 1
        found = image(order, bits, count, rank)
        begins = first if found == 0 else (shard + found) * size
        indices[j] = begins + mixed - _start(rank, size, head, head_gap, tail, tail_gap)
