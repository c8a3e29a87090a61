"""TrajectoryDataset: the stream of clips as a torch IterableDataset."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch.distributed
from torch.utils.data import IterableDataset, get_worker_info

from trajdata._checks import whole_number
from trajdata._clips.fields import DEFAULT_FIELDS
from trajdata._loading.drawing import Drawing
from trajdata._loading.epoch import SharedEpoch
from trajdata._loading.order import Order
from trajdata._loading.output import OutputFormat, output_format
from trajdata._loading.partition import Partition
from trajdata._loading.prefetch import drawn_ahead, parts_ahead
from trajdata._loading.state import Progress, Stream, check_state, make_state, resume_point
from trajdata._reading.read_through import Clips, live_clips, stored_clips
from trajdata._spec.model import ClipSpec

__all__ = ["TrajectoryDataset"]

_AT_ONCE = 32
"""Clips that are rendered together where single clips are asked for."""


_RUN = 2**10 * 3**2 * 5**2
"""Single clips a worker takes at a time where nobody says what the DataLoader collates: whole
batches for every usual batch size, so that the DataLoader's len() is exact."""


class TrajectoryDataset(IterableDataset[Any]):
    """The stream of clips, partitioned among the ranks and the workers of a DataLoader.

    With ``batch_size=B`` it yields whole batches, for ``DataLoader(ds, batch_size=None)``: the
    fast way, and the same batches in the same order for every ``num_workers``. With
    ``batch_size=None`` it yields single clips, for a DataLoader that collates them.

    One global batch is ``world_size * batch_size`` consecutive positions of the epoch, of which
    rank r takes the r-th slice; every rank yields the same number of batches. The last one may be
    short.

    Args:
        spec: the distribution that clips are drawn from.
        seed: from 0 to 2**63 - 1; every seed is an independent stream.
        split: one of ``spec.splits``.
        length: clips in an epoch, all ranks together; None: endless, and no ``len()``.
        batch_size: clips in a batch of one rank; None: yield single clips.
        fields: which keys a clip has; see ``trajdata.FIELDS``.
        fresh: epoch e shows the clips [e * length, (e + 1) * length); False: [0, length) always.
        shuffle: each epoch is shown in an order of its own, by a keyed permutation.
        start: clips of the first epoch shown that are consumed already, all ranks together: go on
            from there. That epoch is ``epoch``, or what ``set_epoch`` names before anything is
            shown; every other one begins at 0.
        epoch: the epoch to begin in.
        rank, world_size: else those of ``torch.distributed`` where it is initialized now, else
            0 of 1.
        cache: a folder of shards of this stream: what is committed there is read, the rest
            rendered; the batches are the same either way.
        layout: of the video: ``"TCHW"``, ``"CTHW"`` or ``"THWC"``.
        dtype: of the video: ``"uint8"`` or ``"float32"``.
        value_range: black and white as float32: (0, 1), (-1, 1) or (-0.5, 0.5).
        as_tuple: yield these fields as a tuple instead of a dict.
        as_tensor: yield this field's tensor alone.
        collate_size: with ``batch_size=None``: single clips are dealt to the workers in runs of
            that many: with the DataLoader's ``batch_size`` here, batch by batch. If not given, in
            runs of 230,400, whole batches of any usual size, so that a short epoch keeps one
            worker busy. Either way the batches are the same for every ``num_workers``, up to that
            length, and ``len()`` of the DataLoader is exact.
        prefetch_threads: with ``batch_size=B`` and without workers: threads that draw the next
            batches while the trainer is busy with one. Workers have no need of them.

    Raises:
        ValueError: names the argument, the value given and what is allowed; among others where
            the ranks cannot share ``length`` equally.
        SpecMismatchError: ``cache`` holds another stream.
    """

    def __init__(
        self,
        spec: ClipSpec,
        *,
        seed: int = 0,
        split: str = "train",
        length: int | None = None,
        batch_size: int | None = None,
        fields: Sequence[str] = DEFAULT_FIELDS,
        fresh: bool = True,
        shuffle: bool = False,
        start: int = 0,
        epoch: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        cache: str | os.PathLike[str] | None = None,
        layout: str = "TCHW",
        dtype: str = "uint8",
        value_range: tuple[float, float] = (0, 1),
        as_tuple: Sequence[str] | None = None,
        as_tensor: str | None = None,
        collate_size: int | None = None,
        prefetch_threads: int = 0,
    ) -> None:
        output = output_format(
            fields,
            layout=layout,
            dtype=dtype,
            value_range=value_range,
            as_tuple=as_tuple,
            as_tensor=as_tensor,
        )
        partition = _partition(length, batch_size, collate_size, rank, world_size)
        clips = live_clips(spec, seed, split, output.fields, cache)
        order = Order(clips.seed, clips.split, partition.length, fresh=fresh, shuffle=shuffle)
        self._set_up(
            clips,
            order,
            partition,
            output,
            batch_size is not None,
            start,
            epoch,
            prefetch_threads,
        )

    @classmethod
    def from_shards(
        cls,
        folder: str | os.PathLike[str],
        *,
        batch_size: int | None = None,
        fields: Sequence[str] = DEFAULT_FIELDS,
        shuffle: bool = False,
        start: int = 0,
        epoch: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        layout: str = "TCHW",
        dtype: str = "uint8",
        value_range: tuple[float, float] = (0, 1),
        as_tuple: Sequence[str] | None = None,
        as_tensor: str | None = None,
        collate_size: int | None = None,
        prefetch_threads: int = 0,
    ) -> TrajectoryDataset:
        """The clips of a finished folder of shards: every epoch shows all of them.

        Args: as of the class. The batches are those of a live dataset of the same spec, seed,
        split and arguments, with the folder's clips as ``length`` and ``fresh=False``.

        Raises:
            ValueError: an unfinished folder, or as of the class.
            ShardError: the folder is damaged.
        """
        output = output_format(
            fields,
            layout=layout,
            dtype=dtype,
            value_range=value_range,
            as_tuple=as_tuple,
            as_tensor=as_tensor,
        )
        clips = stored_clips(folder, output.fields)
        partition = _partition(clips.clips, batch_size, collate_size, rank, world_size)
        order = Order(clips.seed, clips.split, partition.length, fresh=False, shuffle=shuffle)
        dataset = cls.__new__(cls)
        dataset._set_up(
            clips,
            order,
            partition,
            output,
            batch_size is not None,
            start,
            epoch,
            prefetch_threads,
        )
        return dataset

    def _set_up(
        self,
        clips: Clips,
        order: Order,
        partition: Partition,
        output: OutputFormat,
        in_batches: bool,
        start: int,
        epoch: int,
        prefetch_threads: int,
    ) -> None:
        self._clips = clips
        self._order = order
        self._partition = partition
        self._in_batches = in_batches
        self._prefetch_threads = whole_number("prefetch_threads", prefetch_threads, 0, 64)
        if prefetch_threads and not in_batches:
            raise ValueError(
                f"prefetch_threads: given {prefetch_threads} with batch_size None; allowed is 0, "
                f"or a batch_size, as threads draw whole batches"
            )
        self._first_epoch = order.check_epoch(epoch)
        self._start = partition.check_start(start)
        self._epoch = SharedEpoch(self._first_epoch)
        self._resume: Progress | None = None
        self._progress: Progress | None = None
        self._drawing = Drawing(
            clips, order, output, partition.batch, parts_ahead(prefetch_threads)
        )
        order.warm()
        output.warm()

    def __repr__(self) -> str:
        partition = self._partition
        what = f"batches of {partition.batch}" if self._in_batches else "clips"
        return (
            f"TrajectoryDataset({what}, length={partition.length}, seed={self._clips.seed}, "
            f"split={self._clips.split!r}, epoch={self.epoch}, rank={partition.rank} of "
            f"{partition.world_size})"
        )

    @property
    def spec(self) -> ClipSpec:
        """The distribution that the clips are drawn from."""
        return self._clips.spec

    @property
    def epoch(self) -> int:
        """The epoch that the next pass shows."""
        return self._epoch.get()

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass show that epoch, in persistent workers too.

        Raises:
            ValueError: it is negative or too great; or not 0 where the stream is endless.
        """
        self._order.check_epoch(epoch)
        if not self._epoch.begun:
            # A resumed trainer makes the dataset with start= and then names the epoch it is in.
            self._first_epoch = epoch
        self._epoch.set(epoch)
        self._progress = None
        if self._resume is not None and self._resume.epoch != epoch:
            self._resume = None

    def start_after(self, batches: int) -> int:
        """The ``start`` that resumes this epoch after each rank was given that many batches.

        With ``batch_size=None`` a batch is one of ``collate_size`` clips.
        """
        return self._partition.after(self._next_pass().start, batches)

    def __len__(self) -> int:
        """Batches (or clips, with ``batch_size=None``) that this rank yields in the next pass.

        Raises:
            TypeError: the stream is endless.
        """
        start = self._next_pass().start
        count = (
            self._partition.rank_batches(start)
            if self._in_batches
            else self._partition.rank_clips(start)
        )
        if count is None:
            raise TypeError("an endless TrajectoryDataset has no len(); give it a length")
        return count

    def __iter__(self) -> Iterator[Any]:
        # A loader asks for the state before the generator's first step, so that what a pass
        # starts from is settled here and not in the generator's body.
        progress = self._next_pass()
        self._epoch.begin()
        self._resume = None
        self._progress = progress
        return self._batches(progress) if self._in_batches else self._single_clips(progress)

    def state_dict(self) -> dict[str, Any]:
        """How far the latest pass has come: a small dict of ints and strings.

        Its ``consumed`` is the clips of the epoch that all ranks and workers together have
        consumed, as far as this worker can know; see ``trajdata._loading.state.resume_point``.
        """
        return make_state(self._stream(), self._partition, self._progress or self._next_pass())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next pass go on from ``state``, in its epoch; the pass after it begins anew.

        In a worker of a DataLoader, this is called with the worker's own state. Elsewhere, the
        state may be that of another number of workers, ranks or clips in a batch.

        Raises:
            SpecMismatchError: a state of another stream; names what differs.
            ValueError: no state, or one that does not tell where to go on.
        """
        stream, info = self._stream(), get_worker_info()
        if info is not None:
            worker = (info.id, info.num_workers)
            check_state(state, stream, self._partition, worker)
            resume = Progress(state["epoch"], state["start"], *worker, given=state["given"])
        else:
            check_state(state, stream)
            point = resume_point(state)
            resume = Progress(point.epoch, self._partition.check_start(point.start))
        self._order.check_epoch(resume.epoch)
        self._resume = resume
        self._progress = None
        # A StatefulDataLoader loads a state when it is iterated, after the trainer has set the
        # epoch: one that has ended must not take the trainer back to it.
        if next(self._positions(self._next_pass()), None) is not None:
            self._epoch.set(resume.epoch)

    def _stream(self) -> Stream:
        order = self._order
        return Stream(
            self.spec.fingerprint, order.seed, order.split, order.length, order.fresh, order.shuffle
        )

    def _next_pass(self) -> Progress:
        """What the next pass in this process starts from."""
        info = get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        if self._resume is not None:
            resume = self._resume
            return Progress(resume.epoch, resume.start, worker, workers, resume.given)
        epoch = self.epoch
        start = self._start if epoch == self._first_epoch else 0
        return Progress(epoch, start, worker, workers)

    def _positions(self, progress: Progress) -> Iterator[range]:
        return self._partition.worker_positions(
            progress.start, progress.worker, progress.workers, progress.given
        )

    def _batches(self, progress: Progress) -> Iterator[Any]:
        threads = self._prefetch_threads if get_worker_info() is None else 0
        draw = functools.partial(self._drawing.batch, progress.epoch)
        for positions, batch in drawn_ahead(draw, self._positions(progress), threads):
            progress.given += len(positions)
            yield batch
            # Or its memory could not be used for the next one.
            del batch

    def _single_clips(self, progress: Progress) -> Iterator[Any]:
        left = itertools.chain.from_iterable(self._positions(progress))
        while positions := list(itertools.islice(left, _AT_ONCE)):
            for clip in self._drawing.single_clips(progress.epoch, positions):
                progress.given += 1
                yield clip


def _partition(
    length: int | None,
    batch_size: int | None,
    collate_size: int | None,
    rank: int | None,
    world_size: int | None,
) -> Partition:
    if batch_size is not None and collate_size is not None:
        raise ValueError(
            f"collate_size: given {collate_size!r} with batch_size {batch_size!r}; it is for "
            f"batch_size=None, where a DataLoader collates"
        )
    if (rank is None) != (world_size is None):
        raise ValueError(
            f"rank, world_size: given {rank!r} and {world_size!r}; allowed are both or neither"
        )
    if rank is None or world_size is None:
        rank, world_size = 0, 1
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            rank, world_size = torch.distributed.get_rank(), torch.distributed.get_world_size()
    batch = _RUN
    if batch_size is not None:
        batch = whole_number("batch_size", batch_size, 1)
    elif collate_size is not None:
        batch = whole_number("collate_size", collate_size, 1)
    return Partition(length, batch, rank=rank, world_size=world_size)
