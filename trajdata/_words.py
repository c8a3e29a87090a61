"""Numbers as people read them, the same wherever they are told."""

from __future__ import annotations

__all__ = ["counted", "per_second", "sized"]

_UNITS = ("kB", "MB", "GB", "TB")


def counted(number: int, noun: str) -> str:
    """A number and its noun: "1 clip", "30,000 clips"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def per_second(rate: float | None) -> str:
    """A rate of clips: "1,234 clips/s", "3.4 clips/s"; "-" for None."""
    if rate is None:
        return "-"
    return f"{rate:,.0f} clips/s" if rate >= 10 else f"{rate:.2g} clips/s"


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
