"""The worker's side: arrays to write into, and tensors that are sent as tickets."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch
from numpy.typing import NDArray
from torch.multiprocessing.reductions import reduce_tensor

from trajdata._loading.arrays import ArrayShape, array_under, tensor_over
from trajdata._loading.transport.memory import create, handle_of
from trajdata._loading.transport.receiver import (
    Ticket,
    dtype_name,
    tensor_of_bytes,
    tensor_of_ticket,
)
from trajdata._loading.transport.slab import SENT, Lease, Slab, SlabShape, lease_of

__all__ = ["Sender"]

_LEAST_SLOTS, _MOST_SLOTS = 4, 16
_MOST_BYTES = 256 << 20
"""Size limit of a slab that has more than ``_LEAST_SLOTS``. Memory is only used for pages that were
written to, which in most cases are those of a few slots."""
_SMALL = 32 << 10
"""Up to this number of bytes, the queue itself carries an array just as fast."""


class Sender:
    """Lets a worker send its batches in slots. Each dataset in each worker has a sender.

    A copy in another process would hand out the same slots, so a sender is pickled as None.

    Args:
        arrays: field -> dtype and shape of its array.
        clips: number of clips in the largest batch.
    """

    def __init__(self, arrays: Mapping[str, ArrayShape], clips: int) -> None:
        ForkingPickler.register(_SentTensor, _reduce)
        self._arrays = dict(arrays)
        self._rings = {
            name: _Ring(array.bytes(clips))
            for name, array in arrays.items()
            if array.bytes(clips) > _SMALL
        }

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()

    def places(self, clips: int) -> dict[str, NDArray[Any]]:
        """Arrays to write a batch into, for the fields for which a slot is free."""
        places = {}
        for name, ring in self._rings.items():
            lease = ring.lease()
            if lease is not None:
                array = self._arrays[name]
                places[name] = lease.array(array.dtype, (clips, *array.shape))
        return places

    def tensor(self, array: NDArray[Any]) -> torch.Tensor:
        """A tensor that shares the array's memory, and is sent as a ticket."""
        tensor = tensor_over(array).as_subclass(_SentTensor)
        tensor.lease = lease_of(array)
        return tensor


class _Ring:
    """The slots of one field: those of a slab, which is replaced when no slot is free and some are
    lost."""

    def __init__(self, slot_bytes: int) -> None:
        self._slot_bytes = slot_bytes
        self._slab = _make_slab(slot_bytes)

    def lease(self) -> Lease | None:
        if self._slab is None:
            return None
        slot = self._slab.claim()
        if slot is None and self._slab.lost:
            self._slab.retire()
            self._slab = _make_slab(self._slot_bytes)
            slot = None if self._slab is None else self._slab.claim()
        if self._slab is None or slot is None:
            return None
        return self._slab.lease(slot, gives_back=False)


class _OwnSlab(Slab):
    """A slab in the worker that made it. It keeps the file open that the consumer has to open."""

    def __init__(self, descriptor: int, shape: SlabShape) -> None:
        super().__init__(descriptor, shape)
        self.sign()
        self.descriptor = descriptor


def _make_slab(slot_bytes: int) -> _OwnSlab | None:
    """A new slab, or None if there is no memory to share: the queue then carries the batches."""
    slots = min(_MOST_SLOTS, max(_LEAST_SLOTS, _MOST_BYTES // slot_bytes))
    shape = SlabShape(os.urandom(16), slots, slot_bytes)
    try:
        descriptor = create(shape.total_bytes)
    except OSError:
        return None
    try:
        handle_of(descriptor)
        slab = _OwnSlab(descriptor, shape)
    except OSError:
        os.close(descriptor)
        return None
    weakref.finalize(slab, os.close, descriptor).atexit = False
    return slab


class _SentTensor(torch.Tensor):
    """A tensor of a worker's batch. A tensor that is computed from it is an ordinary one."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]
    lease: Lease | None

    def __reduce_ex__(self, protocol: Any) -> Any:
        # For saving and copying it is an ordinary tensor. Only ForkingPickler, by which queues
        # between processes send, treats it in its own way (``_reduce``).
        return self.as_subclass(torch.Tensor).__reduce_ex__(protocol)  # type: ignore[no-untyped-call]

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        # Not with ``memo``: that would keep the id of the temporary object that is copied here.
        return self.as_subclass(torch.Tensor).__deepcopy__({})  # type: ignore[no-untyped-call]


def _reduce(tensor: _SentTensor) -> Any:
    if tensor.requires_grad or not tensor.is_contiguous():
        return reduce_tensor(tensor.as_subclass(torch.Tensor))  # type: ignore[no-untyped-call]
    array = array_under(tensor.as_subclass(torch.Tensor))
    dtype, shape = dtype_name(array.dtype), array.shape
    lease = tensor.lease
    if (
        lease is None
        or lease.sent
        or array.ctypes.data != lease.address
        or not isinstance(lease.slab, _OwnSlab)
    ):
        return tensor_of_bytes, (array.tobytes(), dtype, shape)
    lease.sent = True
    slab = lease.slab
    handle = handle_of(slab.descriptor)
    slab.set_mark(lease.slot, SENT)
    ticket = Ticket(os.getpid(), slab.shape, handle, lease.slot, dtype, shape)
    return tensor_of_ticket, (ticket,)
