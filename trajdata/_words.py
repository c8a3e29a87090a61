"""Numbers as people read them, the same wherever they are told."""

from __future__ import annotations

__all__ = ["counted", "per_second"]


def counted(number: int, noun: str) -> str:
    """A number and its noun: "1 clip", "30,000 clips"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def per_second(rate: float | None) -> str:
    """A rate of clips: "1,234 clips/s", "3.4 clips/s"; "-" for None."""
    if rate is None:
        return "-"
    return f"{rate:,.0f} clips/s" if rate >= 10 else f"{rate:.2g} clips/s"
