"""TrajectoryDataset: the clips of a source as a torch IterableDataset."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

from torch.utils.data import IterableDataset, get_worker_info

from trajdata._checks import whole_number
from trajdata._clips.source_protocol import Source
from trajdata._errors import ArgumentError
from trajdata._loading.ahead import made_ahead, parts_ahead
from trajdata._loading.callers import is_batched_again
from trajdata._loading.order import Order
from trajdata._loading.output import Output
from trajdata._loading.partition import Partition
from trajdata._loading.passes import Passes, Plan
from trajdata._loading.producer import Producer
from trajdata._loading.ranks import Ranks
from trajdata._loading.state import Pass, StreamOrder, check_state, make_state, resume_point
from trajdata._loading.tensors import Handout
from trajdata._loading.view import SourceView, checked_length

__all__ = ["TrajectoryDataset"]

_AT_ONCE = 32
"""How many clips are rendered together when the dataset yields single clips."""


_RUN = 2**10 * 3**2 * 5**2
"""How many single clips a worker takes at a time if ``collate_size`` is not given. It is a multiple
of every usual batch size, so that the DataLoader's len() is exact."""

_AS_IT_IS = Output()


class TrajectoryDataset(SourceView, IterableDataset[Any]):
    """A source's clips, partitioned among the ranks and the workers of a DataLoader.

    With ``batch_size=B`` the dataset yields whole batches, for ``DataLoader(ds, batch_size=None)``.
    This is the fast way, and gives the same batches in the same order for every ``num_workers``.
    With ``batch_size=None`` it yields single clips, for a DataLoader that collates them.

    One global batch is ``world_size * batch_size`` consecutive positions of the epoch, of which
    rank r takes the r-th slice. Every rank yields the same number of batches. The last batch may be
    short.

    Args:
        source: where the clips come from: a ``ClipSource``, ``open_shards(...)`` or
            ``read_through(...)``. Its ``fields`` decide which fields a clip has.
        length: clips in an epoch, all ranks together. None means all clips of the source; if the
            source has no end, the dataset is then endless and has no ``len()``.
        batch_size: clips in a batch of one rank; None means that single clips are yielded.
        output: how clips are handed out.
        fresh: True: epoch e shows the clips [e * length, (e + 1) * length). False: every epoch
            shows the clips [0, length). None means True for a source without end, and False for a
            source that has an end.
        shuffle: whether each epoch has an order of its own, given by a keyed permutation.
        shuffle_shards: only for a source with shards, instead of ``shuffle``: each epoch has an
            order of its own in which every shard is read once. The shards are ordered by a keyed
            permutation, and the clips of so many consecutive shards are mixed by another one. A
            node needs room for three times as many shards: those that are read, where two such
            windows meet those of both, and the next ones.
        drop_last: whether to leave out, at the end of each epoch, the clips that the ranks cannot
            share equally, and a last batch that is short.
        start: how many clips of the first epoch are consumed already, all ranks together; the first
            pass goes on from there. The first epoch is ``epoch``, or the one that ``set_epoch``
            names before the first pass. Every other epoch begins at 0.
        epoch: the epoch to begin in.
        rank, world_size: this rank, and how many ranks there are. If not given, they are taken from
            ``torch.distributed`` when the dataset is used; if that is not initialized, there is one
            rank.
        collate_size: only with ``batch_size=None``: how many consecutive clips each worker takes at
            a time. With the DataLoader's ``batch_size`` here, each worker takes whole batches. If
            not given, a worker takes 230,400 clips at a time, a multiple of every usual batch size;
            an epoch that is no longer than this keeps only one worker busy. In both cases the
            DataLoader's batches are the same for every ``num_workers``, and its ``len()`` is exact;
            with a batch size that does not divide that number, only in epochs up to that length.
        prefetch_threads: only with ``batch_size=B``, and only used without workers: how many
            threads make the next batches while the trainer is busy with one.

    Attributes:
        source, output: as they were given.
        spec: the source's spec.
        classes: the name of each label: ``spec.laws``.
        class_to_idx: the label of each name.

    Raises:
        ArgumentError: names the argument, the value given and what is allowed. A ``length`` that
            the ranks cannot share equally raises this when the dataset is used.
    """

    def __init__(
        self,
        source: Source,
        *,
        length: int | None = None,
        batch_size: int | None = None,
        output: Output = _AS_IT_IS,
        fresh: bool | None = None,
        shuffle: bool = False,
        shuffle_shards: int | None = None,
        drop_last: bool = False,
        start: int = 0,
        epoch: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        collate_size: int | None = None,
        prefetch_threads: int = 0,
    ) -> None:
        super().__init__(source, output)
        if batch_size is not None and collate_size is not None:
            raise ArgumentError(
                f"collate_size: given {collate_size!r} with batch_size {batch_size!r}; it is for "
                f"batch_size=None, with which a DataLoader collates"
            )
        if not isinstance(drop_last, bool):
            raise ArgumentError(f"drop_last: given {drop_last!r}; allowed are True and False")
        self._in_batches = batch_size is not None
        self._batch = _RUN
        if batch_size is not None:
            self._batch = whole_number("batch_size", batch_size, 1)
        elif collate_size is not None:
            self._batch = whole_number("collate_size", collate_size, 1)
        self._prefetch_threads = whole_number("prefetch_threads", prefetch_threads, 0, 64)
        if prefetch_threads and batch_size is None:
            raise ArgumentError(
                f"prefetch_threads: given {prefetch_threads} with batch_size None; allowed is 0, "
                f"or a batch_size, as threads make whole batches"
            )
        self._length = checked_length(source, length)
        self._drop_last = drop_last
        self._order = Order(
            source.seed,
            source.split,
            self._length,
            fresh=source.clips is None if fresh is None else fresh,
            shuffle=shuffle,
            clips=source.clips,
            shuffle_shards=shuffle_shards,
            shard_clips=getattr(source, "shard_clips", None),
        )
        self._ranks = Ranks(rank, world_size)
        self._passes = Passes(self._order.check_epoch(epoch), repeats_are_noted=self._order.fresh)
        self._start = whole_number("start", start, 0, self._length or 2**63 - 1)
        if self._ranks.given:
            self._partition(self._start)
        self._running: tuple[Partition, Pass] | None = None
        handout = Handout(output, source.fields, source.spec)
        self._producer = Producer(
            source, self._order, handout, self._batch, parts_ahead(prefetch_threads)
        )
        # The kernels are compiled here, so that workers which are forked later have them.
        source.warm()
        self._order.warm()
        handout.warm()

    def __repr__(self) -> str:
        what = f"batches of {self._batch}" if self._in_batches else "clips"
        return (
            f"TrajectoryDataset({self.source!r}, {what}, length={self._length}, "
            f"epoch={self.epoch}, {self._ranks})"
        )

    @property
    def epoch(self) -> int:
        """The epoch that the next pass shows."""
        return self._passes.peek().epoch

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass show this epoch, in persistent workers too.

        Without any call, every pass shows the next epoch. After a first call, there must be one
        before every pass: otherwise the pass shows the same epoch again, and with ``fresh=True``
        it gives a warning.

        Raises:
            ArgumentError: the epoch is negative or too large, or is not 0 and the dataset is
                endless.
        """
        self._passes.name(self._order.check_epoch(epoch))
        self._running = None

    def start_after(self, batches: int) -> int:
        """The ``start`` with which this epoch goes on after ``batches`` batches of each rank.

        With ``batch_size=None`` a batch is one of ``collate_size`` clips.
        """
        start = self._pass(self._passes.peek()).start
        return self._partition(start).after(start, batches)

    def __len__(self) -> int:
        """Batches (or clips, with ``batch_size=None``) that this rank yields in the next pass.

        Raises:
            TypeError: the dataset is endless.
            ArgumentError: the ranks cannot share the length equally.
        """
        start = self._pass(self._passes.peek()).start
        partition = self._partition(start)
        count = partition.rank_batches(start) if self._in_batches else partition.rank_clips(start)
        if count is None:
            raise TypeError("an endless TrajectoryDataset has no len(); give it a length")
        return count

    def __iter__(self) -> Iterator[Any]:
        # The start of the pass is settled here and not in the body of the generator, which runs
        # only at its first step: a loader may ask for the state before that.
        if self._in_batches and is_batched_again():
            raise ArgumentError(
                f"batch_size: given {self._batch} to the dataset, whose batches the DataLoader "
                f"would batch again; write DataLoader(dataset, batch_size=None), or leave out the "
                f"dataset's batch_size"
            )
        plan = self._passes.begin()
        if self._length is None and self._order.fresh and plan.epoch > 0:
            raise ArgumentError(
                "length: given None, and this endless dataset was iterated before: a second pass "
                "would show its first clips again. Go on with the iterator of the first pass, or "
                "give a length, and every pass is a new epoch, or fresh=False to see them again"
            )
        current = self._pass(plan)
        self._order.check_epoch(current.epoch)
        partition = self._partition(current.start)
        self._check_dealt(partition, current)
        self._running = partition, current
        if self._in_batches:
            return self._batches(partition, current)
        return self._single_clips(partition, current)

    def state_dict(self) -> dict[str, Any]:
        """How far the latest pass has come, as a small dict of ints, strings, bools and None.

        The value of ``consumed`` is the number of clips of the epoch that all ranks and workers
        together have consumed, as far as this worker knows; see ``trajdata.resume_point``.
        """
        if self._running is None:
            current = self._pass(self._passes.peek())
            return make_state(self._stream_order(), self._partition(current.start), current)
        return make_state(self._stream_order(), *self._running)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next pass go on where ``state`` was taken. Later passes show whole epochs again.

        In a worker of a DataLoader, ``state`` must be the worker's own. Elsewhere, it may come from
        a run with another number of workers or ranks, or with another ``batch_size``.

        Raises:
            SpecMismatchError: the state belongs to another stream, or to another ``length``,
                ``fresh``, ``shuffle`` or ``shuffle_shards``; names what differs.
            ArgumentError: ``state`` is no state of a dataset, or does not tell where to go on.
        """
        stream, info = self._stream_order(), get_worker_info()
        if info is not None:
            check_state(state, stream)
            worker = (info.id, info.num_workers)
            partition = self._partition(state["start"])
            check_state(state, stream, partition, worker)
            resume = Pass(state["epoch"], state["start"], *worker, given=state["given"])
        else:
            check_state(state, stream)
            point = resume_point(state)
            resume = Pass(point.epoch, point.start)
            partition = self._partition(resume.start)
        self._order.check_epoch(resume.epoch)
        # A StatefulDataLoader loads a state when it is iterated, which is after the trainer has set
        # the epoch. If the state's epoch has ended, the pass must show the epoch that was set.
        ended = next(_positions(partition, resume), None) is None
        self._passes.resume(resume, ended=ended)
        self._running = None

    def _partition(self, start: int) -> Partition:
        """The partition of an epoch from ``start`` on, among the ranks that there are now."""
        share = self._ranks.settle()
        multiple = None
        if self._drop_last:
            ranks = share.world_size if share.dealer is None else share.dealer.ranks
            multiple = ranks * (self._batch if self._in_batches else 1)
            if share.dealer is not None:
                multiple = math.lcm(multiple, share.dealer.at_a_time)
        partition = Partition(self._length, self._batch, share.rank, share.world_size, multiple)
        partition.check_start(start)
        return partition

    def _stream_order(self) -> StreamOrder:
        order = self._order
        return StreamOrder(
            self.spec.fingerprint,
            order.seed,
            order.split,
            order.length,
            order.fresh,
            order.shuffle,
            order.shuffle_shards,
            None if order.shuffle_shards is None else order.shard_clips,
        )

    def _pass(self, plan: Plan) -> Pass:
        """The start of a planned pass, in this process."""
        info = get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        if plan.resume is not None:
            resume = plan.resume
            return Pass(resume.epoch, resume.start, worker, workers, resume.given)
        epoch = 0 if self._length is None else plan.epoch
        start = self._start if epoch == self._passes.first_epoch else 0
        return Pass(epoch, start, worker, workers)

    def _check_dealt(self, partition: Partition, current: Pass) -> None:
        """Raise if accelerate deals the clips out to ranks and would show some of them twice."""
        dealer = self._ranks.settle().dealer
        end = partition.end(current.start)
        if dealer is None or dealer.drops or end is None:
            return
        worker = (current.worker, current.workers) if dealer.per_worker else (0, 1)
        clips = partition.worker_clips(current.start, *worker)
        if clips % dealer.at_a_time:
            whole = end - current.start - (end - current.start) % dealer.at_a_time
            raise ArgumentError(
                f"length: given {self._length}; accelerate deals out {dealer.at_a_time} clips at a "
                f"time{' of each worker' if dealer.per_worker else ''} to {dealer.ranks} ranks and "
                f"would fill up the last portion with clips that were shown already. Allowed are "
                f"drop_last=True, of the dataset or of the DataLoader, or a length of "
                f"{[n for n in (whole, whole + dealer.at_a_time) if n]} from the start on"
            )

    def _batches(self, partition: Partition, current: Pass) -> Iterator[Any]:
        threads = self._prefetch_threads if get_worker_info() is None else 0
        make = functools.partial(self._producer.batch, current.epoch)
        for positions, batch in made_ahead(make, _positions(partition, current), threads):
            current.given += len(positions)
            yield batch
            # Without a reference here, the memory of the batch can be used for the next one.
            del batch

    def _single_clips(self, partition: Partition, current: Pass) -> Iterator[Any]:
        left = itertools.chain.from_iterable(_positions(partition, current))
        while positions := list(itertools.islice(left, _AT_ONCE)):
            for clip in self._producer.single_clips(current.epoch, positions):
                current.given += 1
                yield clip


def _positions(partition: Partition, current: Pass) -> Iterator[range]:
    return partition.worker_positions(current.start, current.worker, current.workers, current.given)
