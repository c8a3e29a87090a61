"""Wording that several commands share."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """A number and its noun: "1 clip", "30,000 clips"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
