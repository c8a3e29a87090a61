"""What is wrong with the small files of a store: raised at once, or noted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from trajdata._errors import ShardError

__all__ = ["Damage", "DamageLog"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Damage:
    """A small file of a store that is damaged.

    Attributes:
        kind: "index", "recipe", "commit record", or "contradiction" if the index and the recipe
            file can both be read but hold different recipes.
        name: name of the file in the store.
        error: what was expected in the file and what was found.
    """

    kind: str
    name: str
    error: ShardError


class DamageLog:
    """Raises at the first damaged file, or keeps a list of them.

    Args:
        is_kept: whether damage is noted and not raised.

    Attributes:
        damage: what was noted so far.
    """

    def __init__(self, *, is_kept: bool) -> None:
        self._is_kept = is_kept
        self.damage: list[Damage] = []

    def guarded(self, kind: str, name: str, read: Callable[[], _T]) -> _T | None:
        """What ``read`` returns, or None if it raises and damage is noted."""
        try:
            return read()
        except ShardError as error:
            self.note(kind, name, error)
            return None

    def note(self, kind: str, name: str, error: ShardError) -> None:
        """Note that a file is damaged.

        Raises:
            ShardError: ``error``, if damage is not noted but raised.
        """
        if not self._is_kept:
            raise error
        self.damage.append(Damage(kind, name, error))
