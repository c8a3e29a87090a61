"""What can be shown: the few attributes of a spec and of a source that pictures and pages use.

The room knows no other: it shows whatever has these, live or stored, and so it can lie below the
rooms whose values it shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from trajdata._errors import ArgumentError

__all__ = ["PREVIEW_FIELDS", "Drawable", "ShownSpec", "check_shown"]

PREVIEW_FIELDS = ("video", "label", "index", "pixels")
"""The fields that a source must have to be shown."""


class ShownSpec(Protocol):
    """What is used of a ``ClipSpec``."""

    @property
    def frames(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def laws(self) -> Sequence[str]: ...


class Drawable(Protocol):
    """What is used of a source of clips."""

    @property
    def spec(self) -> ShownSpec: ...
    @property
    def fields(self) -> tuple[str, ...]: ...
    def batch(self, indices: Sequence[int]) -> Mapping[str, Any]: ...


def check_shown(
    source: Drawable, clips: Sequence[int], fields: Sequence[str] = PREVIEW_FIELDS
) -> None:
    """Check that a source has what is shown.

    Raises:
        ArgumentError: a field is missing, or no clip is named.
    """
    missing = [name for name in fields if name not in source.fields]
    if missing:
        raise ArgumentError(
            f"source.fields: given {source.fields}; a picture also needs {', '.join(missing)}"
        )
    if not len(clips):
        raise ArgumentError(f"clips: given {clips!r}; allowed is at least one index")
