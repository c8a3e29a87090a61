"""The shapes of objects, found by name: one module each in this folder, nothing else to edit."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from trajdata._errors import ArgumentError

__all__ = ["Shape", "find_shape", "shape_names"]


@dataclass(frozen=True)
class Shape:
    """A shape whose outline is a disc. A module ``<name>.py`` declares it as ``SHAPE``.

    Attributes:
        name: by which specs and captions call it; also its module's name.
        shade: kernel (xs, ys, inverses, sharps, samples, lx, ly, lz, weight, shades): write how
            much of the object's colour each listed pixel shows, float32 0..1, into ``shades``; see
            ``_render.compositing`` for the lists.
    """

    name: str
    shade: Any


@lru_cache(maxsize=1)
def shape_names() -> tuple[str, ...]:
    """The names of all shapes, in alphabetical order."""
    found = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return tuple(sorted(name for name in found if name != __name__.rpartition(".")[2]))


@cache
def find_shape(name: str) -> Shape:
    """The shape of that name.

    Raises:
        ArgumentError: there is none.
    """
    if name not in shape_names():
        raise ArgumentError(f"shapes: given {name!r:.80}; allowed are {', '.join(shape_names())}")
    shape: Shape = importlib.import_module(f"{__package__}.{name}").SHAPE
    return shape
