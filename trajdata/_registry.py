"""Things that are found by name: one module each in a room, and nothing else to edit."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

from trajdata._errors import ArgumentError

__all__ = ["find_in", "names_in"]

_OWN_MODULE = "registry"


@cache
def names_in(room: str) -> tuple[str, ...]:
    """The names of a room's modules, in alphabetical order, but for the one that describes them.

    Args:
        room: full name of the package.
    """
    folders = importlib.import_module(room).__path__
    found = (module.name for module in pkgutil.iter_modules(folders))
    return tuple(sorted(name for name in found if name != _OWN_MODULE))


@cache
def find_in(room: str, name: str, attribute: str, setting: str) -> Any:
    """What the module of that name declares.

    Args:
        room: full name of the package.
        name: of the module.
        attribute: under which it declares what it is.
        setting: that names it, for the error.

    Raises:
        ArgumentError: there is no such module.
    """
    if name not in names_in(room):
        allowed = ", ".join(names_in(room))
        raise ArgumentError(f"{setting}: given {name!r:.80}; allowed are {allowed}")
    return getattr(importlib.import_module(f"{room}.{name}"), attribute)
