"""The consumer's side: from tickets to tensors."""

from __future__ import annotations

import multiprocessing
import os
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from trajdata._loading.arrays import BFLOAT16, tensor_over
from trajdata._loading.transport.memory import Handle
from trajdata._loading.transport.slab import Slab, SlabShape

__all__ = ["Ticket", "dtype_name", "tensor_of_bytes", "tensor_of_ticket"]

_BFLOAT16_NAME = "bfloat16"


@dataclass(frozen=True)
class Ticket:
    """What a worker sends in place of a tensor's bytes.

    Attributes:
        worker: the process that made the slab.
        slab: which slab.
        handle: leads to its memory.
        slot: on which the tensor lies.
        dtype: of the array under the tensor, as ``dtype_name`` calls it.
        shape: of the tensor.
    """

    worker: int
    slab: SlabShape
    handle: Handle
    slot: int
    dtype: str
    shape: tuple[int, ...]


def tensor_of_ticket(ticket: Ticket) -> torch.Tensor:
    """The tensor on that slot, or a copy of it where this process holds half of the slots.

    The slot is given back when the tensor's memory is no longer used.

    Raises:
        RuntimeError: the slab cannot be had, as where the worker has ended.
    """
    slab = _MAPPINGS.slab(ticket)
    copies = 2 * slab.held >= slab.shape.slots
    lease = slab.lease(ticket.slot, gives_back=True)
    array = lease.array(_dtype(ticket.dtype), ticket.shape)
    return tensor_over(array.copy() if copies else array)


def tensor_of_bytes(data: bytes, dtype: str, shape: tuple[int, ...]) -> torch.Tensor:
    """A tensor of its own memory."""
    return tensor_over(np.frombuffer(data, _dtype(dtype)).reshape(shape).copy())


def dtype_name(dtype: np.dtype[Any]) -> str:
    """The name by which a dtype travels."""
    return _BFLOAT16_NAME if dtype == BFLOAT16 else dtype.str


def _dtype(name: str) -> np.dtype[Any]:
    return BFLOAT16 if name == _BFLOAT16_NAME else np.dtype(name)


class _Mappings:
    """The slabs that this process has mapped.

    Each stays mapped while a tensor lies on it, and while its worker, a child of this process,
    may send more of it.
    """

    def __init__(self) -> None:
        self._mapped: weakref.WeakValueDictionary[bytes, Slab] = weakref.WeakValueDictionary()
        self._kept: dict[bytes, Slab] = {}

    def slab(self, ticket: Ticket) -> Slab:
        slab = self._mapped.get(ticket.slab.name)
        if slab is None:
            return self._map(ticket)
        ticket.handle.discard()
        if slab.abandoned:
            raise _unreadable(ticket, "the process has ended")
        return slab

    def _map(self, ticket: Ticket) -> Slab:
        name = ticket.slab.name
        try:
            descriptor = ticket.handle.open()
            try:
                slab = Slab(descriptor, ticket.slab)
            finally:
                os.close(descriptor)
            if slab.name != name:
                raise OSError("its file is another one now")
        except OSError as error:
            raise _unreadable(ticket, error) from error
        # Two threads may map one slab at once: one of both is for all.
        slab = self._mapped.setdefault(name, slab)
        for other in tuple(self._kept.values()):
            if other.retired:
                self._kept.pop(other.shape.name, None)
        for worker in multiprocessing.active_children():
            if worker.pid == ticket.worker:
                self._kept[name] = slab
                weakref.finalize(worker, self._forget, name, ticket.worker).atexit = False
        return slab

    def _forget(self, name: bytes, worker: int) -> None:
        """The process object of a worker is gone, and most often the process is."""
        slab = self._kept.pop(name, None) or self._mapped.get(name)
        if slab is not None and _has_ended(worker):
            slab.abandon()


def _unreadable(ticket: Ticket, reason: object) -> RuntimeError:
    return RuntimeError(
        f"a batch of worker process {ticket.worker} cannot be read: {reason}. Batches must be "
        f"taken from a DataLoader's queue while its workers run"
    )


def _has_ended(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


_MAPPINGS = _Mappings()
