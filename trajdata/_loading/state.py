"""The state of a pass: how far it has come in its epoch, as a small dict.

A ``StatefulDataLoader`` asks each of its workers for its state after every batch, and on resuming
gives it to the worker with the same number. If the number of workers or ranks has changed, the
states of all workers together still tell how many clips of the epoch are consumed:
``resume_point``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trajdata._errors import ArgumentError, SpecMismatchError
from trajdata._loading.partition import Partition

__all__ = ["Pass", "ResumePoint", "StreamOrder", "check_state", "make_state", "resume_point"]

_MARK = "trajdata_state"
_VERSION = 1
_PARTITION = ("batch", "rank", "world_size", "multiple")
_WORKER = ("worker", "workers")
_PASS = ("epoch", "start", "given", "consumed")


@dataclass(frozen=True)
class StreamOrder:
    """All that decides which clips an epoch shows and in which order. A state can only be loaded
    into a dataset with the same ones."""

    fingerprint: str
    seed: int
    split: str
    length: int | None
    fresh: bool
    shuffle: bool
    shuffle_shards: int | None = None
    shard_clips: int | None = None
    """Decides the order only where the shards are shuffled, and is None otherwise."""


@dataclass
class Pass:
    """One worker's pass over an epoch; ``given`` grows while it runs.

    Attributes:
        epoch: the epoch's number.
        start: the position from which the epoch was partitioned.
        worker, workers: the worker that makes the pass, and how many workers there are.
        given: how many clips this worker has given out in this pass.
    """

    epoch: int
    start: int
    worker: int = 0
    workers: int = 1
    given: int = 0


@dataclass(frozen=True)
class ResumePoint:
    """Where to go on: the arguments ``epoch`` and ``start`` of a new ``TrajectoryDataset``."""

    epoch: int
    start: int


def make_state(stream: StreamOrder, partition: Partition, current: Pass) -> dict[str, Any]:
    """The state of a pass. ``consumed`` counts clips of all ranks and workers together."""
    return {
        _MARK: _VERSION,
        **vars(stream),
        **{name: getattr(partition, name) for name in _PARTITION},
        **vars(current),
        "consumed": partition.consumed(
            current.start, current.worker, current.workers, current.given
        ),
    }


def check_state(
    state: Mapping[str, Any],
    stream: StreamOrder,
    partition: Partition | None = None,
    worker: tuple[int, int] | None = None,
) -> None:
    """Check that a state fits. The partition and the worker are compared only if they are given.

    Raises:
        SpecMismatchError: the state has another order of clips; names what differs.
        ArgumentError: ``state`` is no state, or belongs to another partition or worker.
    """
    names = (*vars(stream), *_PARTITION, *_WORKER, *_PASS)
    if state.get(_MARK) != _VERSION or set(state) != {_MARK, *names}:
        raise ArgumentError(
            f"state: given a dict with the keys {sorted(map(str, state))!r:.200}; allowed is what "
            f"state_dict() of a TrajectoryDataset of this version returned"
        )
    differences = {
        name: (asked, state[name]) for name, asked in vars(stream).items() if asked != state[name]
    }
    if differences:
        raise SpecMismatchError("the state", differences)
    have = {} if partition is None else {name: getattr(partition, name) for name in _PARTITION}
    if worker is not None:
        have |= dict(zip(_WORKER, worker, strict=True))
    for name, value in have.items():
        if state[name] != value:
            raise ArgumentError(
                f"state: given one of {name} {state[name]}; allowed is one of {name} {value}. "
                f"To go on with another number of workers or ranks, or another batch_size, make "
                f"a TrajectoryDataset with the epoch= and start= that trajdata.resume_point(state) "
                f"tells"
            )


def resume_point(loader_state: Mapping[str, Any]) -> ResumePoint:
    """The epoch and the ``start`` with which training goes on after the clips that a loader has
    given out.

    They are right for any number of workers or ranks and for any batch size from then on.

    Args:
        loader_state: ``state_dict()`` of a ``StatefulDataLoader`` over a ``TrajectoryDataset``,
            or of a dataset that is iterated without workers. All ranks have come equally far, so
            the state of any rank will do.

    Raises:
        ArgumentError: ``loader_state`` has no state of a dataset; or has the state of one worker
            out of several; or the clips given out are no stretch from the start. The last happens
            if single clips were dealt out to several workers or ranks with a ``collate_size`` other
            than the DataLoader's batch size.
    """
    states = list(_states_in(loader_state))
    if not states:
        raise ArgumentError(
            "state: given a dict without the state of a TrajectoryDataset; allowed is what "
            "state_dict() of a StatefulDataLoader or of a TrajectoryDataset returned"
        )
    first = states[0]
    alike = [name for name in first if name not in ("worker", "given", "consumed")]
    if any(state[name] != first[name] for state in states for name in alike) or sorted(
        state["worker"] for state in states
    ) != list(range(first["workers"])):
        raise ArgumentError(
            f"state: given the states of workers {[state['worker'] for state in states]} of "
            f"{first['workers']}; allowed are those of all workers of one loader"
        )
    partition = Partition(first["length"], **{name: first[name] for name in _PARTITION})
    given = sum(state["given"] for state in states)
    consumed = max(state["consumed"] for state in states)
    givers = [state["worker"] for state in states if state["given"]]
    # The clips that were given out are a stretch from the start if only one worker gave any, and it
    # was the only worker or worker 0 in its first run.
    in_first_run = givers in ([], [0]) and given <= partition.batch
    alone = partition.world_size == 1 and (first["workers"] == 1 or in_first_run)
    whole = consumed == partition.end(first["start"]) or given % partition.batch == 0
    if consumed != first["start"] + given * partition.world_size or not (alone or whole):
        raise ArgumentError(
            f"state: given one in which {first['workers']} workers of {partition.world_size} ranks "
            f"have consumed no stretch of clips from {first['start']} on; allowed are states of a "
            f"loader whose batch_size is the collate_size ({partition.batch}) of its dataset"
        )
    # With snapshot_every_n_steps > 1, the loader has taken some steps since its workers' states.
    later = partition.after(consumed, loader_state.get("_steps_since_snapshot", 0))
    return ResumePoint(first["epoch"], later)


def _states_in(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if _MARK in value:
            yield value
            return
        for part in value.values():
            yield from _states_in(part)
