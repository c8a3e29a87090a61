"""Texts of whole batches from templates, written digit by digit by one kernel.

A template is ordinary text with slots:

- ``{name:.3f}``  a number with that many decimals;
- ``{name:~.3f}`` the same with its sign set apart, "+ 0.250" or "- 0.250", to stand in a sum;
- ``{name:d}``    a whole number;
- ``{name}``      a word, chosen from a list by the column of that name.

Numbers are rounded half up from scaled integers, never by a C library, so the text has the same
bytes everywhere; and a number printed with nine decimals reads back as the very float64 it was,
since the laws' numbers lie on that decimal grid.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trajdata._errors import ArgumentError
from trajdata._jit import kernel

__all__ = ["Program", "compile_templates", "write_texts"]

_LITERAL, _NUMBER, _SIGNED, _WHOLE, _WORD = range(5)
_NUMBER_WIDTH = 20  # sign, up to 7 digits, point, up to 9 decimals, and a blank
_WHOLE_WIDTH = 19  # 2**63 - 1
_SLOT = re.compile(r"\{([a-z0-9_]+)(?::(~?)(?:\.(\d)f|(d)))?\}")


@dataclass(frozen=True)
class Program:
    """Templates, one per law, cut into pieces for ``write_texts``.

    Attributes:
        pieces: int64 (P, 3): kind, then offset and length of a literal, or column and decimals
            of a number, or column and first word of a word slot.
        starts: int64 (laws + 1,): which pieces are a law's.
        characters: uint8 (N,): all literals and words.
        words: int64 (W, 2): offset and length of each word.
        width: no text of this program is longer, in bytes.
    """

    pieces: NDArray[np.int64]
    starts: NDArray[np.int64]
    characters: NDArray[np.uint8]
    words: NDArray[np.int64]
    width: int


def compile_templates(
    templates: Sequence[str],
    columns: Sequence[Sequence[str]],
    choices: Mapping[str, Sequence[str]],
) -> Program:
    """Cut templates into a Program.

    Args:
        templates: one per law.
        columns: for each template, the names of the columns of the numbers it is given.
        choices: for a column whose number chooses a word, the words.

    Raises:
        ArgumentError: a slot that is neither a column nor a choice.
    """
    characters = bytearray()
    words: list[tuple[int, int]] = []
    first_word: dict[str, int] = {}
    pieces: list[tuple[int, int, int]] = []
    starts = [0]

    def literal(text: str) -> tuple[int, int]:
        characters.extend(text.encode("ascii"))
        return len(characters) - len(text), len(text)

    for name, options in choices.items():
        first_word[name] = len(words)
        words.extend(literal(option) for option in options)

    longest = 0
    for template, names in zip(templates, columns, strict=True):
        width = end = 0
        for slot in _SLOT.finditer(template):
            if slot.start() > end:
                pieces.append((_LITERAL, *literal(template[end : slot.start()])))
            width += slot.start() - end
            end = slot.end()
            name, signed, decimals, whole = slot.groups()
            if name not in names:
                raise ArgumentError(f"template: given slot {name!r}; allowed are {tuple(names)}")
            column = list(names).index(name)
            if decimals is not None:
                pieces.append((_SIGNED if signed else _NUMBER, column, int(decimals)))
                width += _NUMBER_WIDTH
            elif whole is not None:
                pieces.append((_WHOLE, column, 0))
                width += _WHOLE_WIDTH
            elif name in choices:
                pieces.append((_WORD, column, first_word[name]))
                width += max(len(option) for option in choices[name])
            else:
                raise ArgumentError(
                    f"template: slot {name!r} has no words; give it a number format"
                )
        if end < len(template):
            pieces.append((_LITERAL, *literal(template[end:])))
            width += len(template) - end
        starts.append(len(pieces))
        longest = max(longest, width)
    return Program(
        np.array(pieces, np.int64).reshape(-1, 3),
        np.array(starts, np.int64),
        np.frombuffer(bytes(characters), np.uint8),
        np.array(words, np.int64).reshape(-1, 2),
        longest,
    )


@kernel
def _write_digits(value, least_digits, out, at):  # type: ignore[no-untyped-def]
    """Write a whole number >= 0 with at least so many digits; return where it ends."""
    # Unsigned, where a division by ten is a multiplication and a shift.
    ten = np.uint64(10)
    left = np.uint64(value)
    digits, bound = 1, ten
    while digits < least_digits or (digits < 19 and left >= bound):
        digits += 1
        bound *= ten
    for j in range(digits - 1, -1, -1):
        rest = left // ten
        out[at + j] = np.uint8(np.uint64(48) + left - rest * ten)
        left = rest
    return at + digits


@kernel
def _write_text(pieces, characters, words, values, index, out):  # type: ignore[no-untyped-def]
    at = 0
    for p in range(pieces.shape[0]):
        kind, a, b = pieces[p, 0], pieces[p, 1], pieces[p, 2]
        if kind == _WORD:
            w = b + np.int64(values[a])
            kind, a, b = _LITERAL, words[w, 0], words[w, 1]
        if kind == _LITERAL:
            for j in range(b):
                out[at + j] = characters[a + j]
            at += b
        elif kind == _WHOLE:
            at = _write_digits(index, 1, out, at)
        else:
            scale = np.int64(1)
            for _ in range(b):
                scale *= 10
            scaled = np.int64(np.floor(abs(values[a]) * scale + 0.5))
            negative = values[a] < 0.0 and scaled > 0
            if kind == _SIGNED:
                out[at] = np.uint8(45 if negative else 43)
                out[at + 1] = np.uint8(32)
                at += 2
            elif negative:
                out[at] = np.uint8(45)
                at += 1
            at = _write_digits(scaled // scale, 1, out, at)
            if b > 0:
                out[at] = np.uint8(46)
                at = _write_digits(scaled % scale, b, out, at + 1)
    return at


@kernel
def write_texts(pieces, starts, characters, words, laws, values, indices, fill, out):  # type: ignore[no-untyped-def]
    """Write B texts into ``out`` (uint8 (B, width)), each filled up with the byte ``fill``.

    laws: int64 (B,), which template. values: float64 (B, columns). indices: int64 (B,), what a
    ``:d`` slot shows (kept apart: a float64 would not hold every index).
    """
    for b in range(out.shape[0]):
        first, last = starts[laws[b]], starts[laws[b] + 1]
        end = _write_text(pieces[first:last], characters, words, values[b], indices[b], out[b])
        out[b, end:] = fill
