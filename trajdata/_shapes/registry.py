"""The shapes of objects, found by name: one module each in this folder, nothing else to edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trajdata._registry import find_in, names_in

__all__ = ["Shape", "find_shape", "shape_names"]

_ROOM = "trajdata._shapes"


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


def shape_names() -> tuple[str, ...]:
    """The names of all shapes, in alphabetical order."""
    return names_in(_ROOM)


def find_shape(name: str) -> Shape:
    """The shape of that name.

    Raises:
        ArgumentError: there is none.
    """
    found: Shape = find_in(_ROOM, name, "SHAPE", "shapes")
    return found
