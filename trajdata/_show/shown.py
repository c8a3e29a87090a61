"""The few attributes of a spec and of a source that pictures and pages use.

This room shows whatever has these attributes, live or stored. It imports no source and no spec, so
it can lie below the rooms that define these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from trajdata._errors import ArgumentError

__all__ = ["PREVIEW_FIELDS", "ShownSource", "ShownSpec", "check_shown", "first_camera"]

PREVIEW_FIELDS = ("video", "label", "index", "pixels")
"""The fields that a source must have to be shown."""


class ShownSpec(Protocol):
    """The attributes of a ``ClipSpec`` that are used here."""

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


class ShownSource(Protocol):
    """The attributes of a source that are used here."""

    @property
    def spec(self) -> ShownSpec: ...
    @property
    def fields(self) -> tuple[str, ...]: ...
    def batch(self, indices: Sequence[int]) -> Mapping[str, Any]: ...


_SEEN = ("video", "pixels", "depth", "radius")


def first_camera(batch: Mapping[str, Any]) -> Mapping[str, Any]:
    """A batch as the first of its cameras sees it: pictures for people show that one.

    Args:
        batch: with ``video``, (B, T, C, H, W), or of several cameras (B, V, T, C, H, W), in which
            case V stands in front of T in all that a camera sees.
    """
    if batch["video"].ndim == 5:
        return batch
    return {name: value[:, 0] if name in _SEEN else value for name, value in batch.items()}


def check_shown(
    source: ShownSource, clips: Sequence[int], fields: Sequence[str] = PREVIEW_FIELDS
) -> None:
    """Check that a source has the fields that are shown, and that there are clips to show.

    Raises:
        ArgumentError: a field is missing, or ``clips`` is empty.
    """
    missing = [name for name in fields if name not in source.fields]
    if missing:
        raise ArgumentError(
            f"source.fields: given {source.fields}; a picture also needs {', '.join(missing)}"
        )
    if not len(clips):
        raise ArgumentError(f"clips: given {clips!r}; allowed is at least one index")
