"""Checks of arguments that several rooms need."""

from __future__ import annotations

import operator
from typing import SupportsIndex

from trajdata._errors import ArgumentError

__all__ = ["whole_number"]


def whole_number(name: str, value: SupportsIndex, least: int, most: int | None = None) -> int:
    """``value`` as an int, if it is a whole number from ``least`` to ``most``.

    Raises:
        ArgumentError: it is no such number; names the argument, the value given and what is
            allowed.
    """
    allowed = f"from {least} to {most}" if most is not None else f"from {least} on"
    error = ArgumentError(f"{name}: given {value!r:.80}; allowed are whole numbers {allowed}")
    if isinstance(value, bool):
        raise error
    try:
        number = operator.index(value)
    except TypeError:
        raise error from None
    if number < least or (most is not None and number > most):
        raise error
    return number
