"""Checks of arguments, and of packages that not everyone has, that several rooms need."""

from __future__ import annotations

import importlib
import operator
from typing import Any, SupportsIndex

from trajdata._errors import ArgumentError, MissingPackageError

__all__ = ["needed", "whole_number"]


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


def needed(module: str, how: str) -> Any:
    """A module of a package that not everyone has.

    Args:
        module: its name.
        how: what brings it, as the error says it.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingPackageError(f"this needs {package}, which cannot be imported: {how}") from (
            error
        )
