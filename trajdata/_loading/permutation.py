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

__all__ = ["KeyedPermutation", "bits_below", "image", "preimage"]

_ROUNDS = 8


class KeyedPermutation:
    """An order of n things of an epoch, such as its clips: a bijection of 0 .. n - 1.

    Args:
        n: number of positions, from 1 to 2**63 - 1.
        seed: seed of the stream, from 0 to 2**63 - 1.
        split: split of the stream.
        epoch: number of the epoch; every epoch has another permutation.
        purpose: what the permutation is for, from 0 to 2**32 - 1; every purpose has another one.
            0 stands for the clips of an epoch.

    Raises:
        ArgumentError: names the argument, the value given and what is allowed.
    """

    def __init__(self, n: int, seed: int, split: str, epoch: int, purpose: int = 0) -> None:
        self.n = whole_number("n", n, 1, 2**63 - 1)
        self._key = stream_key(seed, split)
        self._epoch = whole_number("epoch", epoch, 0, 2**63 - 1)
        self._purpose = whole_number("purpose", purpose, 0, 2**32 - 1)

    def __call__(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The images, int64 (B,), of positions, int64 (B,).

        Raises:
            ArgumentError: a position outside 0 .. n - 1.
        """
        return self._mapped(positions, False)

    def inverse(self, images: NDArray[np.int64]) -> NDArray[np.int64]:
        """The positions, int64 (B,), that have these images, int64 (B,).

        Raises:
            ArgumentError: an image outside 0 .. n - 1.
        """
        return self._mapped(images, True)

    def _mapped(self, positions: NDArray[np.int64], backwards: bool) -> NDArray[np.int64]:
        if positions.size and not 0 <= positions.min() <= positions.max() < self.n:
            raise ArgumentError(
                f"positions: given {positions.min()} to {positions.max()}; "
                f"allowed are 0 to {self.n - 1}"
            )
        images = np.empty(positions.shape, np.int64)
        _permute(self._key, self._epoch, self._purpose, self.n, backwards, positions, images)
        return images


@kernel
def _permute(key, epoch, purpose, n, backwards, positions, images):  # type: ignore[no-untyped-def]
    # The epoch goes into the key of the rounds, because their counter is needed for a half.
    w = words(key, epoch, 0, ORDER, purpose)
    bits = bits_below(n)
    for j in range(positions.shape[0]):
        if backwards:
            images[j] = preimage(w, bits, n, positions[j])
        else:
            images[j] = image(w, bits, n, positions[j])


@kernel
def bits_below(n):  # type: ignore[no-untyped-def]
    """How many bits the numbers 0 .. n - 1 need."""
    bits = 0
    rest = np.uint64(n) - np.uint64(1)
    while rest:
        rest >>= np.uint64(1)
        bits += 1
    return bits


@kernel
def _walk(w, bits, n, start, first, step):  # type: ignore[no-untyped-def]
    """Go through all rounds, from the number ``first`` by ``step``, until the result is below n."""
    low_bits = np.uint64(bits // 2)
    low_mask = (np.uint64(1) << low_bits) - np.uint64(1)
    high_mask = (np.uint64(1) << np.uint64(bits - bits // 2)) - np.uint64(1)
    end = np.uint64(n)
    x = np.uint64(start)
    while True:
        low, high = x & low_mask, x >> low_bits
        for count in range(_ROUNDS):
            turn = first + step * count
            # The rounds change the two halves in turn and never swap them, so that the halves
            # may differ in size.
            if turn % 2 == 0:
                high ^= philox4x32(low, np.uint64(turn), w[2], w[3], w[0], w[1])[0] & high_mask
            else:
                low ^= philox4x32(high, np.uint64(turn), w[2], w[3], w[0], w[1])[0] & low_mask
        x = (high << low_bits) | low
        if x < end:
            return np.int64(x)


@kernel
def image(w, bits, n, position):  # type: ignore[no-untyped-def]
    """The image of one position of 0 .. n - 1.

    Args:
        w: the key of the rounds, the four words at the permutation's address.
        bits: ``bits_below(n)``.
        n, position: int64.
    """
    return _walk(w, bits, n, position, 0, 1)


@kernel
def preimage(w, bits, n, found):  # type: ignore[no-untyped-def]
    """The position of 0 .. n - 1 that has this image: the same rounds, the last one first."""
    return _walk(w, bits, n, found, _ROUNDS - 1, -1)
