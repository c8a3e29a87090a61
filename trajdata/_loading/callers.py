"""Find out who iterates a dataset, by looking at the calling frames and their modules' names.

A dataset must know whether a DataLoader would batch its whole batches again, whether accelerate
deals the clips out to other ranks, and which loader is starting workers. None of them tells it. A
type of batch that refuses to be collated would be no way out: a dataset also yields tuples and bare
tensors, and trainers compare types.

A forked worker has the frames of the process that forked it below its own frames. A spawned worker
has not. So everything that depends on these frames is settled when the dataset is pickled for the
worker, and is pickled with it.
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
"""Modules of datasets that wrap another dataset and pass its items on one by one."""


@dataclass(frozen=True)
class Dealer:
    """A library that deals the clips of a dataset out to several ranks.

    Attributes:
        ranks: how many ranks there are.
        at_a_time: clips in a portion that is dealt out; a last portion that is not full is filled
            up with clips that were shown already.
        drops: whether a last portion that is not full is dropped instead.
        per_worker: whether each worker deals out its own clips in such portions.
    """

    ranks: int
    at_a_time: int
    drops: bool
    per_worker: bool


def is_batched_again() -> bool:
    """Whether the caller's caller is a DataLoader that collates the items it gets into batches."""
    for frame in _frames(2):
        module = _module(frame)
        if module == _FETCHER:
            return bool(getattr(frame.f_locals.get("self"), "auto_collation", False))
        if module not in _HANDING_ON:
            return False
    return False


def loader_iterator() -> Any:
    """The iterator of a DataLoader that is starting its workers just now, or None."""
    for frame in _frames(1):
        if _module(frame) in _LOADERS and frame.f_code.co_name == "__init__":
            iterator = frame.f_locals.get("self")
            if hasattr(iterator, "_dataset_kind"):
                return iterator
    return None


def outer_dealer() -> Dealer | None:
    """How accelerate deals out the clips of the dataset, or None if it does not.

    accelerate has two ways. Either every rank iterates over all clips and takes its part
    (``IterableDatasetShard``), or rank 0 iterates and sends the other ranks their parts
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
    # One frame more is skipped: that of this generator.
    frame: FrameType | None = sys._getframe(skipped + 1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
