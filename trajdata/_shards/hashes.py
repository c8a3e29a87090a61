"""The hashes of many shards, in 32 bytes each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

__all__ = ["Hashes", "digests_of", "is_sha256"]

_BYTES = 32
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)
_NO_DIGIT = 16
_VALUES = np.full(256, _NO_DIGIT, np.uint8)
_VALUES[_DIGITS] = np.arange(16)


class Hashes(Sequence[str]):
    """A sequence of SHA-256, each of which is read as hex. It cannot be changed.

    Args:
        data: the digests one after another, 32 bytes each.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    @staticmethod
    def of(hexes: Iterable[str]) -> Hashes:
        """The hashes of these texts, each 64 digits, lower-case.

        Raises:
            ValueError: a text is no SHA-256 in hex.
        """
        data = bytearray()
        for text in hexes:
            if not is_sha256(text):
                raise ValueError(f"{text!r:.80} is no SHA-256 in hex")
            data += bytes.fromhex(text)
        return Hashes(bytes(data))

    def lines(self, first: int, last: int, before: bytes, after: bytes) -> bytes:
        """Some of the hashes in hex, each with these bytes before and after it."""
        digests = self.table[first:last]
        lines = np.empty((len(digests), len(before) + 2 * _BYTES + len(after)), np.uint8)
        lines[:, : len(before)] = np.frombuffer(before, np.uint8)
        lines[:, len(before) + 2 * _BYTES :] = np.frombuffer(after, np.uint8)
        digits = lines[:, len(before) : len(before) + 2 * _BYTES]
        digits[:, 0::2] = _DIGITS[digests >> 4]
        digits[:, 1::2] = _DIGITS[digests & 15]
        return lines.tobytes()

    @property
    def table(self) -> NDArray[np.uint8]:
        """The digests: uint8 (n, 32), read-only."""
        return np.frombuffer(self._data, np.uint8).reshape(-1, _BYTES)

    def __len__(self) -> int:
        return len(self._data) // _BYTES

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[str, ...]: ...

    def __getitem__(self, at: int | slice) -> str | tuple[str, ...]:
        if isinstance(at, slice):
            return tuple(self[each] for each in range(*at.indices(len(self))))
        first = range(len(self))[at] * _BYTES
        return self._data[first : first + _BYTES].hex()

    def __eq__(self, other: object) -> bool:
        return self._data == other._data if isinstance(other, Hashes) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._data)

    def __repr__(self) -> str:
        return f"Hashes of {len(self)} shards"


def digests_of(lines: NDArray[np.uint8]) -> tuple[bytes, int | None]:
    """Hashes that stand below each other in hex: uint8 (n, 64).

    Returns:
        Their digests one after another, and the first row that is no hash, if there is one.
    """
    values = _VALUES[lines]
    if (values == _NO_DIGIT).any():
        return b"", int((values == _NO_DIGIT).any(1).argmax())
    return (values[:, 0::2] << 4 | values[:, 1::2]).tobytes(), None


def is_sha256(value: object) -> bool:
    """Whether a value is a SHA-256 in hex: 64 digits, lower-case."""
    return isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef")
