"""Decide which epoch each pass over a dataset shows, in the loader's process and in its workers.

Until ``set_epoch`` is called, every pass shows the epoch after the latest one. All workers of a
loader must agree on that epoch, even if some are stopped before they have begun. So it is decided
in the process of the loader, which plans one pass for each iterator of the loader, before the first
worker is forked or the dataset is pickled for one. Persistent workers go on to further passes. Each
worker takes part in all of these, so it can count them, beginning with the planned one.
"""

from __future__ import annotations

import functools
import os
import warnings
import weakref
from dataclasses import dataclass
from typing import Any

from torch.utils.data import get_worker_info

from trajdata._loading.callers import loader_iterator
from trajdata._loading.shared_numbers import SharedNumbers
from trajdata._loading.state import Pass

__all__ = ["Passes", "Plan"]

_NAMED_EPOCH, _TIMES_NAMED, _LATEST = 0, 1, 2
"""Places of the shared numbers: the epoch that ``set_epoch`` named last, how often it was called,
and the latest epoch of which a pass has begun."""

_DEPTH = 4
"""How many levels of attributes are searched for a dataset inside the datasets that wrap it."""
_WIDTH = 64
"""How many items of a list or dict are searched for it."""


@dataclass(frozen=True)
class Plan:
    """What a pass shows: the epoch, and if it goes on from a loaded state, what that says."""

    epoch: int
    resume: Pass | None = None


class Passes:
    """The passes over one dataset.

    Args:
        epoch: the epoch of the first pass.
        repeats_are_noted: whether to warn when an epoch is shown again because ``set_epoch`` was
            not called before the pass.
    """

    def __init__(self, epoch: int, *, repeats_are_noted: bool) -> None:
        self._repeats_are_noted = repeats_are_noted
        self._next = epoch
        self._first = epoch
        self._resume: Pass | None = None
        self._ended = False  # whether nothing is left of the epoch of self._resume
        self._begun = False
        self._planned_at = 0
        self._numbers = SharedNumbers([epoch, 0, -1])
        self._handed: Plan | None = None
        self._reset()

    def _reset(self) -> None:
        self._owner = os.getpid()
        self._plans: weakref.WeakKeyDictionary[Any, Plan] = weakref.WeakKeyDictionary()
        # In a worker: its process, the plan that it began with, how many passes it has begun since,
        # and how often an epoch had been named when the latest of them began.
        self._worker: tuple[int, Plan, int, int] | None = None
        _ALL.add(self)
        _watch_forks()

    def __getstate__(self) -> dict[str, Any]:
        iterator = loader_iterator() if get_worker_info() is None else None
        handed = None if iterator is None else self._plan_for(iterator)
        left_out = {"_plans", "_worker", "_owner"}
        state = {name: value for name, value in vars(self).items() if name not in left_out}
        return {**state, "_handed": handed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()
        # A worker keeps the shared numbers that it was pickled with. Any other process takes
        # numbers of its own.
        self._owner = 0

    @property
    def first_epoch(self) -> int:
        """The epoch of the first pass. Only this epoch begins at the dataset's ``start``."""
        return self._first

    def name(self, epoch: int) -> None:
        """Let the next pass show this epoch, and each later pass until another epoch is named."""
        self._own()
        if not self._begun and self._numbers[_LATEST] < 0:
            # A trainer that resumes makes the dataset with start= and then names its epoch.
            self._first = epoch
        self._numbers[_NAMED_EPOCH] = epoch
        self._numbers[_TIMES_NAMED] += 1
        if self._resume is not None and self._resume.epoch != epoch:
            self._resume = None

    def resume(self, state: Pass, *, ended: bool) -> None:
        """Let the next pass go on from a loaded state."""
        if get_worker_info() is None:
            self._own()
        self._resume, self._ended = state, ended
        if self._numbers[_TIMES_NAMED] and not ended and get_worker_info() is None:
            self._numbers[_NAMED_EPOCH] = state.epoch

    def peek(self) -> Plan:
        """What the next pass will show, as far as this process knows."""
        if self._resume is not None:
            return Plan(self._resume.epoch, self._resume)
        if self._numbers[_TIMES_NAMED]:
            return Plan(self._numbers[_NAMED_EPOCH])
        return Plan(max(self._next, self._numbers[_LATEST] + 1))

    def begin(self) -> Plan:
        """Begin a pass. Returns what it shows."""
        plan = self._take() if get_worker_info() is None else self._worker_begins()
        self._numbers[_LATEST] = max(self._numbers[_LATEST], plan.epoch)
        return plan

    def _own(self) -> None:
        """Take numbers of this process if the present ones are shared with another process, as in a
        rank that was forked."""
        if self._owner != os.getpid():
            self._numbers = SharedNumbers([self._numbers[place] for place in range(3)])
            self._reset()

    def _take(self) -> Plan:
        """Take the plan of the next pass, which this process or its workers will make."""
        self._own()
        plan, named = self.peek(), self._numbers[_TIMES_NAMED]
        if plan.resume is None and named and named == self._planned_at:
            self._note_repeat(plan.epoch)
        if plan.resume is None or not self._ended:
            self._planned_at = named
        self._resume = None
        self._begun = True
        self._next = max(self._next, plan.epoch + 1)
        return plan

    def _plan_for(self, iterator: Any) -> Plan:
        """The plan of the pass that a loader's iterator makes, the same for all its workers."""
        self._own()
        plan = self._plans.get(iterator)
        if plan is None:
            plan = self._plans[iterator] = self._take()
        return plan

    def _worker_begins(self) -> Plan:
        process, named = os.getpid(), self._numbers[_TIMES_NAMED]
        if self._worker is None or self._worker[0] != process:
            plan = self._handed or self._plans.get(loader_iterator()) or self.peek()
            number, seen = 0, -1
        else:
            _, plan, number, seen = self._worker
            number += 1
        mine, self._resume = self._resume, None
        if mine is not None:
            # The loader gave this worker its own state. The passes after this one are counted from
            # the epoch of that state.
            self._worker = process, Plan(mine.epoch - number), number, named
            return Plan(mine.epoch, mine)
        self._worker = process, plan, number, named
        if number == 0 and plan.resume is not None:
            return plan
        if named:
            epoch = self._numbers[_NAMED_EPOCH]
            if number and seen == named and get_worker_info().id == 0:  # type: ignore[union-attr]
                self._note_repeat(epoch)
            return Plan(epoch)
        return Plan(plan.epoch + number)

    def _note_repeat(self, epoch: int) -> None:
        if self._repeats_are_noted:
            warnings.warn(
                f"epoch {epoch} of a TrajectoryDataset is shown again: set_epoch was called, but "
                f"not before this pass. Call set_epoch(e) before every pass, or never, and each "
                f"pass shows the next epoch",
                stacklevel=4,
            )


_ALL: weakref.WeakSet[Passes] = weakref.WeakSet()


@functools.cache
def _watch_forks() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_plan_forked_loader)


def _plan_forked_loader() -> None:
    """Before a loader forks a worker, plan the pass of this loader unless that was done before."""
    iterator = loader_iterator()
    if iterator is None or get_worker_info() is not None:
        return
    for passes in tuple(_ALL):
        if _holds(iterator._dataset, passes, _DEPTH):
            passes._plan_for(iterator)


def _holds(value: Any, wanted: Passes, depth: int) -> bool:
    """Whether an object is the wanted one, or has it among its attributes or their attributes."""
    if value is wanted:
        return True
    if depth == 0:
        return False
    if isinstance(value, (list, tuple)):
        parts = list(value[:_WIDTH])
    elif isinstance(value, dict):
        parts = list(value.values())[:_WIDTH]
    else:
        parts = list(getattr(value, "__dict__", {}).values())
    return any(_holds(part, wanted, depth - 1) for part in parts)
