"""Who is iterating a dataset, as far as its behaviour must depend on that.

Nobody tells a dataset whether a DataLoader batches its whole batches again, whether accelerate
deals them out to other ranks, or which loader's workers are being started. A type of batch that
refuses to be collated would not do: a dataset also yields tuples and bare tensors, and trainers
compare types. So the calling frames are looked at, by the names of their modules.

A forked worker still has the frames of the process that forked it below its own. A spawned one has
not: what depends on them is settled when the dataset is pickled, and travels with it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

__all__ = ["Dealer", "is_batched_again", "loader_iterator", "outer_dealer"]

_FETCHER = "torch.utils.data._utils.fetch"
_LOADERS = ("torch.utils.data.dataloader", "torchdata.stateful_dataloader.stateful_dataloader")
_ACCELERATE = "accelerate.data_loader"
_HANDING_ON = ("torch.utils.data.dataset", _ACCELERATE)
"""Modules whose datasets hand on what another one yields, item by item."""


@dataclass(frozen=True)
class Dealer:
    """Somebody who deals out what a dataset yields to several ranks.

    Attributes:
        ranks: how many.
        at_a_time: clips are dealt out in portions of so many; what is missing in the last one is
            filled up with clips that were shown already.
        drops: whether a portion that is not full is dropped instead.
        per_worker: whether each worker's clips are dealt out by themselves.
    """

    ranks: int
    at_a_time: int
    drops: bool
    per_worker: bool


def is_batched_again() -> bool:
    """Whether the caller's caller is a DataLoader that collates what it is given into batches."""
    for frame in _frames(2):
        module = _module(frame)
        if module == _FETCHER:
            return bool(getattr(frame.f_locals.get("self"), "auto_collation", False))
        if module not in _HANDING_ON:
            return False
    return False


def loader_iterator() -> Any:
    """The DataLoader's iterator that is being made, with its workers; None: there is none."""
    for frame in _frames(1):
        if _module(frame) in _LOADERS and frame.f_code.co_name == "__init__":
            iterator = frame.f_locals.get("self")
            if hasattr(iterator, "_dataset_kind"):
                return iterator
    return None


def outer_dealer() -> Dealer | None:
    """accelerate, where it deals out what the dataset yields; None: nobody does.

    In this version of accelerate every rank has all of the stream, and takes its part of it
    (``IterableDatasetShard``), or rank 0 has it and sends the others theirs
    (``DataLoaderDispatcher``).
    """
    found = None
    for frame in _frames(1):
        if _module(frame) == _ACCELERATE:
            owner: Any = frame.f_locals.get("self")
            kind = type(owner).__name__
            if kind == "IterableDatasetShard":
                size = owner.batch_size or 1
                portion = size if owner.split_batches else size * owner.num_processes
                return Dealer(owner.num_processes, portion, owner.drop_last, True)
            if kind == "DataLoaderDispatcher":
                ranks = owner.state.num_processes
                return Dealer(ranks, ranks, owner._drop_last, False)
            found = Dealer(1, 1, True, False)
    return found


def _frames(skipped: int) -> Iterator[FrameType]:
    # One more for this generator itself.
    frame: FrameType | None = sys._getframe(skipped + 1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
