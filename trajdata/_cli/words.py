"""Wording that several commands share."""

from __future__ import annotations

from trajdata._words import counted

__all__ = ["counted", "sized"]

_UNITS = ("kB", "MB", "GB", "TB")


def sized(size: int) -> str:
    """A number of bytes in the largest unit of which there is at least one: "940 bytes", "1.2 MB".
    Units are powers of 1000."""
    if size < 1000:
        return counted(size, "byte")
    value = float(size)
    for unit in _UNITS:
        value /= 1000
        if value < 1000 or unit == _UNITS[-1]:
            break
    return f"{value:,.1f} {unit}"
