"""Render committed clips again and compare: does this machine still render the same bytes?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from trajdata._errors import ShardError
from trajdata._shards.recipe import Recipe
from trajdata._shards.records import RecordBuilder
from trajdata._store.protocol import Store
from trajdata._store.shard_view import ShardView

__all__ = ["check_clip", "check_clips", "spread"]


def check_clip(view: ShardView, recipe: Recipe, index: int) -> None:
    """Render a clip again and compare every byte of its record.

    Args:
        view: the shard that holds the clip.
        recipe: the store's recipe.
        index: the clip's index.

    Raises:
        ShardError: a byte differs; names the first one.
    """
    due, _ = RecordBuilder(recipe, 0).build(range(index, index + 1))
    row = index - view.first
    view.check_uncut()
    wrong = np.flatnonzero(due[0] != view.raw[row])
    if len(wrong):
        at = int(wrong[0])
        raise ShardError(
            view.path,
            offset=row * view.raw.shape[1] + at,
            expected=f"byte {due[0, at]:#04x}, as clip {index} is rendered now",
            found=f"{view.raw[row, at]:#04x}",
        )


def check_clips(
    store: Store, recipe: Recipe, shards: Iterable[int], count: int
) -> Iterator[tuple[int, ShardError | None]]:
    """Render ``count`` clips of some shards again. They are spread evenly over these shards, and
    every call takes the same ones.

    Yields:
        For each clip: its shard, and the error if a byte differs, or None.

    Raises:
        ShardError: a shard cannot be opened.
    """
    held = sorted(shards)
    lengths = np.array([len(recipe.indices(shard)) for shard in held], np.int64)
    ends = lengths.cumsum()
    view: ShardView | None = None
    for place in spread(int(lengths.sum()), count):
        at = int(np.searchsorted(ends, place, side="right"))
        indices = recipe.indices(held[at])
        if view is None or view.first != indices.start:
            view = ShardView(store, recipe, held[at])
        try:
            check_clip(view, recipe, indices[place - int(ends[at] - lengths[at])])
        except ShardError as error:
            yield held[at], error
        else:
            yield held[at], None


def spread(total: int, count: int) -> list[int]:
    """Up to ``count`` of the whole numbers from 0 to ``total`` - 1, evenly spread and rising."""
    count = min(count, total)
    return [(2 * k + 1) * total // (2 * count) for k in range(count)]
