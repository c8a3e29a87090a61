"""The consumer's side: make tensors of tickets."""

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
        worker: process id of the worker, which made the slab.
        slab: which slab it is.
        handle: tells how to open the slab's memory.
        slot: number of the slot that the tensor lies on.
        dtype: dtype of the array under the tensor, as ``dtype_name`` calls it.
        shape: shape of the tensor.
    """

    worker: int
    slab: SlabShape
    handle: Handle
    slot: int
    dtype: str
    shape: tuple[int, ...]


def tensor_of_ticket(ticket: Ticket) -> torch.Tensor:
    """The tensor on a slot. If this process holds half of the slots already, a copy of it instead.

    The slot is given back when the tensor's memory is no longer used.

    Raises:
        RuntimeError: the slab cannot be opened, for example because the worker has ended.
    """
    slab = _MAPPINGS.slab(ticket)
    copies = 2 * slab.held >= slab.shape.slots
    lease = slab.lease(ticket.slot, gives_back=True)
    array = lease.array(_dtype(ticket.dtype), ticket.shape)
    return tensor_over(array.copy() if copies else array)


def tensor_of_bytes(data: bytes, dtype: str, shape: tuple[int, ...]) -> torch.Tensor:
    """A tensor with memory of its own."""
    return tensor_over(np.frombuffer(data, _dtype(dtype)).reshape(shape).copy())


def dtype_name(dtype: np.dtype[Any]) -> str:
    """The name of a dtype in a ticket."""
    return _BFLOAT16_NAME if dtype == BFLOAT16 else dtype.str


def _dtype(name: str) -> np.dtype[Any]:
    return BFLOAT16 if name == _BFLOAT16_NAME else np.dtype(name)


class _Mappings:
    """The slabs that this process has mapped.

    A slab stays mapped while a tensor lies on it, and while its worker, a child of this process,
    may send more tickets for it.
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
        # Two threads may have mapped the same slab at the same time: both use the first mapping.
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
        """Called when the process object of a worker is gone. Most often the process has ended."""
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
