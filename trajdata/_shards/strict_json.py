"""Read JSON from files that anyone may have written, and write it in one canonical spelling."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Iterable
from typing import Any

from trajdata._errors import ShardError

__all__ = [
    "SEAL",
    "canonical",
    "check_spelling",
    "check_spelling_of",
    "expect",
    "parse",
    "sealed",
]

SEAL = "seal"

_DEPTH = 16
_DIGITS = 40
# A string without an end counts as a token too, so that the search never reads a byte twice.
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)


def canonical(value: object) -> bytes:
    """The canonical spelling of a value: sorted keys, indented by two blanks, ASCII, a newline at
    the end.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(value, sort_keys=True, indent=2, allow_nan=False)
    return text.encode("ascii") + b"\n"


def parse(
    data: bytes, file: str | os.PathLike[str], limit: int, *, start: int | None = None
) -> dict[str, Any]:
    """Parse a JSON object strictly, and with a bounded amount of work.

    Args:
        data: the JSON text.
        file: name of the file, for errors.
        limit: the largest number of bytes that ``data`` may have.
        start: offset of ``data`` in the file, if it is only a part of the file.

    Raises:
        ShardError: the text is too long or nested too deeply, is no JSON or no object, has a key
            twice, or a number that is not finite or has too many digits.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ShardError(
                file, offset=start, expected="each key once", found=f"{twice!r:.80} twice"
            )
        return value

    def whole(text: str) -> int:
        if len(text) > _DIGITS:
            raise ShardError(
                file,
                offset=start,
                expected=f"at most {_DIGITS} digits",
                found=f"a number of {len(text)}",
            )
        return int(text)

    def finite(text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise ShardError(file, offset=start, expected="finite numbers", found=f"{text:.80}")
        return value

    if len(data) > limit:
        raise ShardError(file, offset=start, expected=f"at most {limit} bytes", found="more")
    # The depth is measured before parsing, because the parser recurses.
    depth = deepest = 0
    for token in _TOKENS.finditer(data):
        first = token.group()[:1]
        depth += (first in b"[{") - (first in b"]}")
        deepest = max(deepest, depth)
        if deepest > _DEPTH:
            raise ShardError(
                file,
                offset=(start or 0) + token.start(),
                expected=f"at most {_DEPTH} levels",
                found="more",
            )
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=once,
            parse_int=whole,
            parse_float=finite,
            parse_constant=finite,
        )
    except (ValueError, RecursionError) as error:
        raise ShardError(file, offset=start, expected="JSON", found=f"{error}") from error
    if not isinstance(value, dict):
        raise ShardError(file, offset=start, expected="a JSON object", found=type(value).__name__)
    return value


def sealed(value: dict[str, Any]) -> dict[str, Any]:
    """The value with a seal, the SHA-256 of its canonical spelling. A damaged file has a wrong
    seal, while a file that was written with other values has the right one."""
    return {**value, SEAL: hashlib.sha256(canonical(value)).hexdigest()}


def check_spelling(data: bytes, value: object, file: str | os.PathLike[str]) -> None:
    """Check that a file is the canonical spelling of the value that was read from it. If not, this
    project did not write the file.

    Raises:
        ShardError: names the first byte that differs.
    """
    check_spelling_of(data, [canonical(value)], file)


def check_spelling_of(data: bytes, pieces: Iterable[bytes], file: str | os.PathLike[str]) -> None:
    """``check_spelling`` for a spelling in pieces, so that memory need not hold it whole.

    Raises:
        ShardError: names the first byte that differs.
    """
    start = 0
    for due in pieces:
        held = data[start : start + len(due)]
        if held != due:
            pairs = enumerate(zip(held, due, strict=False))
            at = next((n for n, (one, other) in pairs if one != other), min(len(held), len(due)))
            raise ShardError(
                file,
                offset=start + at,
                expected=f"{due[at : at + 20]!r}, as trajdata writes it",
                found=f"{held[at : at + 20]!r}" if at < len(held) else "the end",
            )
        start += len(due)
    if start < len(data):
        raise ShardError(
            file, offset=start, expected="the end", found=f"{data[start : start + 20]!r}"
        )


def expect(value: dict[str, Any], key: str, kind: type, file: str | os.PathLike[str]) -> Any:
    """The value of a key, which must exist and be of type ``kind``.

    Raises:
        ShardError: the key is missing, or its value has another type.
    """
    if key not in value or not isinstance(value[key], kind) or isinstance(value[key], bool):
        found = f"{value[key]!r:.80}" if key in value else "no such key"
        raise ShardError(file, expected=f"{key}: {kind.__name__}", found=found)
    return value[key]
