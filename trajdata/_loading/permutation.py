"""A permutation of 0 .. n - 1 without a table: the image of each position is computed by itself.

It is a Feistel network over the smallest power of two that is not below n, with Philox as the round
function. An image outside 0 .. n - 1 goes through the network again until it lies inside ("cycle
walking", Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002). Both steps are
bijections, so their combination is one. The power of two is below 2 n, so on average a position
goes through the network less than twice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trajdata._arithmetic.philox import ORDER, philox4x32, words
from trajdata._checks import whole_number
from trajdata._errors import ArgumentError
from trajdata._jit import kernel
from trajdata._spec.streams import stream_key

__all__ = ["KeyedPermutation"]

_ROUNDS = 8


class KeyedPermutation:
    """The order in which an epoch of n clips is shown: a bijection of 0 .. n - 1.

    Args:
        n: number of positions, from 1 to 2**63 - 1.
        seed: seed of the stream, from 0 to 2**63 - 1.
        split: split of the stream.
        epoch: number of the epoch; every epoch has another permutation.

    Raises:
        ArgumentError: names the argument, the value given and what is allowed.
    """

    def __init__(self, n: int, seed: int, split: str, epoch: int) -> None:
        self.n = whole_number("n", n, 1, 2**63 - 1)
        self._key = stream_key(seed, split)
        self._epoch = whole_number("epoch", epoch, 0, 2**63 - 1)
        self._bits = (self.n - 1).bit_length()

    def __call__(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The images, int64 (B,), of positions, int64 (B,).

        Raises:
            ArgumentError: a position outside 0 .. n - 1.
        """
        if positions.size and not 0 <= positions.min() <= positions.max() < self.n:
            raise ArgumentError(
                f"positions: given {positions.min()} to {positions.max()}; "
                f"allowed are 0 to {self.n - 1}"
            )
        images = np.empty(positions.shape, np.int64)
        _permute(self._key, self._epoch, self.n, self._bits, positions, images)
        return images


@kernel
def _permute(key, epoch, n, bits, positions, images):  # type: ignore[no-untyped-def]
    # The epoch goes into the key of the rounds, because their counter is needed for a half.
    w = words(key, epoch, 0, ORDER, 0)
    low_bits = np.uint64(bits // 2)
    low_mask = (np.uint64(1) << low_bits) - np.uint64(1)
    high_mask = (np.uint64(1) << np.uint64(bits - bits // 2)) - np.uint64(1)
    end = np.uint64(n)
    for j in range(positions.shape[0]):
        x = np.uint64(positions[j])
        while True:
            low, high = x & low_mask, x >> low_bits
            for turn in range(_ROUNDS):
                # The rounds change the two halves in turn and never swap them, so that the halves
                # may differ in size.
                if turn % 2 == 0:
                    high ^= philox4x32(low, np.uint64(turn), w[2], w[3], w[0], w[1])[0] & high_mask
                else:
                    low ^= philox4x32(high, np.uint64(turn), w[2], w[3], w[0], w[1])[0] & low_mask
            x = (high << low_bits) | low
            if x < end:
                break
        images[j] = np.int64(x)
