"""What sources return: a plain dict, but for what a notebook makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trajdata._spec.model import ClipSpec

__all__ = ["ShownBatch", "ShownClip"]


class _Shown(dict[str, Any]):
    """A dict that knows the spec of what is in it, for notebooks only.

    It is equal to the dict that it is, and copies and pickles as one: what travels to other
    processes, or is changed on its way, is plain.
    """

    __slots__ = ("_spec",)

    def __init__(self, values: Mapping[str, Any], spec: ClipSpec) -> None:
        super().__init__(values)
        self._spec = spec

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)


class ShownClip(_Shown):
    """One clip: a notebook shows its frames, with the path so far, and lists its fields."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        from trajdata._show.notebook import clip_html

        return clip_html(self, self._spec)


class ShownBatch(_Shown):
    """Several clips, stacked: a notebook shows the first of them, and lists the fields."""

    __slots__ = ()

    @property
    def spec(self) -> ClipSpec:
        """Of the source."""
        return self._spec

    def _repr_html_(self) -> str:
        from trajdata._show.notebook import batch_html

        return batch_html(self, self._spec)
