"""Which epoch each pass over a dataset shows, in whatever process it is made.

While nobody calls ``set_epoch``, every pass shows the epoch after the latest. All workers of a
loader must agree on it, also where some are stopped before they have begun. So it is settled where
the loader is: its process plans a pass for each iterator of a loader, once, before the first worker
is forked or the dataset is pickled for it. Persistent workers go on to further passes; each of them
makes all of these, and counts them from there.
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
"""Places of the shared numbers: the epoch that ``set_epoch`` named, how often it did so, and the
latest epoch that a pass has begun."""

_DEPTH = 4
"""How deep a dataset is looked for in the datasets that are wrapped around it."""
_WIDTH = 64
"""How many items of a list or dict are looked at for that."""


@dataclass(frozen=True)
class Plan:
    """What a pass shows: an epoch, and the state that it goes on from where there is one."""

    epoch: int
    resume: Pass | None = None


class Passes:
    """The passes over one dataset.

    Args:
        epoch: of the first pass.
        repeats_are_noted: warn where an epoch that was named once is shown again.
    """

    def __init__(self, epoch: int, *, repeats_are_noted: bool) -> None:
        self._repeats_are_noted = repeats_are_noted
        self._next = epoch
        self._first = epoch
        self._resume: Pass | None = None
        self._ended = False  # whether that state has nothing left of its epoch
        self._begun = False
        self._planned_at = 0
        self._numbers = SharedNumbers([epoch, 0, -1])
        self._handed: Plan | None = None
        self._reset()

    def _reset(self) -> None:
        self._owner = os.getpid()
        self._plans: weakref.WeakKeyDictionary[Any, Plan] = weakref.WeakKeyDictionary()
        # Of a worker: its process, the plan it began with, passes since, and when it last looked
        # how often an epoch was named.
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
        # A worker goes on with the numbers that came along; what is no worker takes its own.
        self._owner = 0

    @property
    def first_epoch(self) -> int:
        """The epoch of the first pass; it alone begins at the dataset's ``start``."""
        return self._first

    def name(self, epoch: int) -> None:
        """Let the next pass show that epoch, and every one until another is named."""
        self._own()
        if not self._begun and self._numbers[_LATEST] < 0:
            # A resumed trainer makes the dataset with start= and then names the epoch it is in.
            self._first = epoch
        self._numbers[_NAMED_EPOCH] = epoch
        self._numbers[_TIMES_NAMED] += 1
        if self._resume is not None and self._resume.epoch != epoch:
            self._resume = None

    def resume(self, state: Pass, *, ended: bool) -> None:
        """Let the next pass go on from a state."""
        if get_worker_info() is None:
            self._own()
        self._resume, self._ended = state, ended
        if self._numbers[_TIMES_NAMED] and not ended and get_worker_info() is None:
            self._numbers[_NAMED_EPOCH] = state.epoch

    def peek(self) -> Plan:
        """What the next pass shows, as far as this process can tell."""
        if self._resume is not None:
            return Plan(self._resume.epoch, self._resume)
        if self._numbers[_TIMES_NAMED]:
            return Plan(self._numbers[_NAMED_EPOCH])
        return Plan(max(self._next, self._numbers[_LATEST] + 1))

    def begin(self) -> Plan:
        """A pass begins: what it shows."""
        plan = self._take() if get_worker_info() is None else self._worker_begins()
        self._numbers[_LATEST] = max(self._numbers[_LATEST], plan.epoch)
        return plan

    def _own(self) -> None:
        """Have numbers of this process, where they are another's: ranks are forked, too."""
        if self._owner != os.getpid():
            self._numbers = SharedNumbers([self._numbers[place] for place in range(3)])
            self._reset()

    def _take(self) -> Plan:
        """The next pass, which is made in this process or by workers of it."""
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
        """The pass that a loader's iterator makes; the same for each of its workers."""
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
            # The loader gave this worker its own state. Passes after this one count from there.
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
    """Plan the pass of the loader whose worker is about to be forked, if it has not been yet."""
    iterator = loader_iterator()
    if iterator is None or get_worker_info() is not None:
        return
    for passes in tuple(_ALL):
        if _holds(iterator._dataset, passes, _DEPTH):
            passes._plan_for(iterator)


def _holds(value: Any, wanted: Passes, depth: int) -> bool:
    """Whether an object is or has the wanted one, among its attributes and theirs."""
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
