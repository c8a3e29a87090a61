"""Find things by the name of their module, so that a new one needs a module and no other edit."""

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
    """The names of a room's modules, in alphabetical order, without the module ``registry``.

    Args:
        room: full name of the package.
    """
    folders = importlib.import_module(room).__path__
    found = (module.name for module in pkgutil.iter_modules(folders))
    return tuple(sorted(name for name in found if name != _OWN_MODULE))


@cache
def find_in(room: str, name: str, attribute: str, setting: str) -> Any:
    """What a module of a room declares.

    Args:
        room: full name of the package.
        name: name of the module.
        attribute: name of the attribute of the module that is returned.
        setting: the setting that has ``name`` as its value, for the error.

    Raises:
        ArgumentError: there is no such module.
    """
    if name not in names_in(room):
        allowed = ", ".join(names_in(room))
        raise ArgumentError(f"{setting}: given {name!r:.80}; allowed are {allowed}")
    return getattr(importlib.import_module(f"{room}.{name}"), attribute)
