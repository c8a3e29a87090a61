"""Compare what a bake is asked for with what the store holds, before anything is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from trajdata._bake.progress import LIVELY
from trajdata._checks import whole_number
from trajdata._clips.source import ClipSource
from trajdata._clips.source_protocol import Source
from trajdata._errors import ArgumentError
from trajdata._shards.card import CARD
from trajdata._shards.index import INDEX
from trajdata._shards.layout import STANDARD_ARRAYS, check_array_fields, default_shard_clips
from trajdata._shards.recipe import Recipe
from trajdata._store.contents import held_recipe
from trajdata._store.names import PREVIEW, RECIPE
from trajdata._store.protocol import Store
from trajdata._store.ranges import listed_names

__all__ = ["agree", "check_fits", "check_threads", "check_whether_it_grows"]

_MOST_THREADS = 1024


def agree(
    store: Store,
    source: Source,
    *,
    clips: int,
    fields: Sequence[str] | None,
    shard_clips: int | None,
) -> Recipe:
    """The recipe that is asked for. A store that has a recipe must have this one, or this one with
    fewer clips.

    Raises:
        ArgumentError: an argument is out of range, the store has more clips than are asked for, or
            a folder without a recipe has files with the names that a bake uses.
        SpecMismatchError: the store holds another stream.
        ShardError: the recipe or the index of the store is damaged.
    """
    live = getattr(source, "live", source)
    if not isinstance(live, ClipSource):
        raise ArgumentError(
            f"source: given {source!r:.80}; allowed is a ClipSource, or read_through of one"
        )
    held = _held(store)
    if shard_clips is None:
        shard_clips = held.shard_clips if held else default_shard_clips(live.spec)
    if fields is None:
        fields = held.fields if held else STANDARD_ARRAYS
    recipe = Recipe(
        live.spec,
        live.seed,
        live.split,
        clips,
        shard_clips,
        live.spec.fingerprint,
        check_array_fields(fields),
    )
    check_fits(store, recipe, held)
    return recipe


def check_fits(store: Store, recipe: Recipe, held: Recipe | None = None) -> None:
    """Check that a store is empty, or has this recipe, or this one with fewer clips.

    Args:
        store: the store.
        recipe: the recipe that is asked for.
        held: the recipe of the store if it was read already.

    Raises:
        ArgumentError, SpecMismatchError, ShardError: as ``agree``.
    """
    held = held or _held(store)
    if held is not None:
        check_whether_it_grows(store, recipe, held)
    else:
        _check_not_foreign(store)


def _held(store: Store) -> Recipe | None:
    try:
        return held_recipe(store)
    except NotADirectoryError as error:
        raise ArgumentError(f"out: given {store.where!r}, a file; allowed is a folder") from error


def check_whether_it_grows(store: Store, recipe: Recipe, held: Recipe) -> bool:
    """Whether a recipe asks for more clips than the store has. Nothing else may differ.

    Raises:
        ArgumentError: the recipe asks for fewer clips.
        SpecMismatchError: something other than the number of clips differs.
    """
    recipe.check_same(replace(held, clips=recipe.clips), store.where)
    if recipe.clips < held.clips:
        raise ArgumentError(
            f"clips: given {recipe.clips}; {store.where!r} is a store of {held.clips} clips, and a "
            f"store grows but never shrinks: allowed are {held.clips} or more"
        )
    return recipe.clips > held.clips


def _check_not_foreign(store: Store) -> None:
    ours = {CARD, INDEX, PREVIEW, *LIVELY}
    for name in listed_names(store, ""):
        if name in ours or name.endswith(".tar"):
            raise ArgumentError(
                f"out: given {store.where!r}, which has {name!r} and no {RECIPE}; allowed is "
                "an empty folder or one that materialize began"
            )


def check_threads(threads: int | None) -> int:
    """How many threads to use.

    Raises:
        ArgumentError: ``threads`` is not a whole number from 1 to 1024.
    """
    if threads is None:
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    return whole_number("threads", threads, 1, _MOST_THREADS)
