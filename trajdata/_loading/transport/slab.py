"""Slabs: slots of one size in shared memory, and who holds them.

Every slot has a mark, a byte in the slab's first page. The mark is FREE until the worker sends the
slot, and then SENT until the consumer gives the slot back. Only one process at a time may write a
mark, so there is no lock between processes, and a process that is killed blocks no other.

The mark also orders the accesses to its slot. The consumer's last read of the slot comes before the
atomic reference count falls to zero, and that comes before the consumer writes the mark. The worker
writes to the slot only after it has read the mark.

A slab from which its worker sends no more is kept alive by the batches that still lie on it. The
pages of its other slots are given back to the system, so that a batch keeps no more than its own
memory.
"""

from __future__ import annotations

import contextlib
import functools
import mmap
import os
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FREE", "LOST", "SENT", "Lease", "Slab", "SlabShape", "lease_of"]

FREE, SENT, LOST = 0, 1, 2

_ID_BYTES = 16
_RETIRED, _MARKS = 16, 64
"""Offsets in the slab's first page: the byte that says whether it is retired, and the marks."""
_REMOVE: int | None = getattr(mmap, "MADV_REMOVE", None)
"""Linux only: frees pages of a mapped file, for all processes that have mapped it."""


@dataclass(frozen=True)
class SlabShape:
    """Which slab it is, and how it is divided.

    Attributes:
        name: 16 random bytes, with which the slab's memory begins.
        slots: number of slots.
        slot_bytes: bytes in a slot.
    """

    name: bytes
    slots: int
    slot_bytes: int

    @property
    def total_bytes(self) -> int:
        """Bytes of the whole slab."""
        return mmap.PAGESIZE + self.slots * self.stride

    @property
    def stride(self) -> int:
        """Bytes from one slot to the next, whole pages."""
        return -(-self.slot_bytes // mmap.PAGESIZE) * mmap.PAGESIZE

    def offset(self, slot: int) -> int:
        """Where a slot begins, in bytes from the start of the slab."""
        return mmap.PAGESIZE + slot * self.stride


class Slab:
    """A slab that this process has mapped.

    Args:
        descriptor: file descriptor of the slab's memory; it may be closed afterwards.
        shape: which slab it is, and how it is divided.

    Attributes:
        abandoned: whether the worker that made the slab has ended.

    Raises:
        OSError: the memory cannot be mapped.
    """

    def __init__(self, descriptor: int, shape: SlabShape) -> None:
        self.shape = shape
        self.abandoned = False
        self._memory = mmap.mmap(descriptor, shape.total_bytes)
        self._bytes = np.frombuffer(self._memory, np.uint8)
        self._held: set[int] = set()
        self._lost: set[int] = set()
        _SLABS.add(self)
        _watch_forks()

    @property
    def name(self) -> bytes:
        """The name that stands in the memory."""
        return self._bytes[:_ID_BYTES].tobytes()

    def sign(self) -> None:
        """Write the slab's name into it."""
        self._bytes[:_ID_BYTES] = np.frombuffer(self.shape.name, np.uint8)

    @property
    def retired(self) -> bool:
        """Whether the worker sends no more slots of this slab."""
        return bool(self._bytes[_RETIRED])

    def retire(self) -> None:
        """To be called by the worker when it will claim no more slots."""
        self._bytes[_RETIRED] = True
        for slot in self._slots():
            if slot not in self._held and slot not in self._lost and self.mark(slot) == FREE:
                self._release(slot)

    def abandon(self) -> None:
        """To be called by the consumer when the worker has ended."""
        self.abandoned = True
        for slot in self._slots():
            if slot not in self._held and slot not in self._lost and self.mark(slot) != LOST:
                self._release(slot)

    @property
    def held(self) -> int:
        """How many slots have arrays of this process on them."""
        return len(self._held)

    @property
    def lost(self) -> bool:
        """Whether there is a slot that can never be used again."""
        return bool(self._lost) or any(self.mark(slot) == LOST for slot in self._slots())

    def mark(self, slot: int) -> int:
        """The mark of a slot: FREE, SENT or LOST."""
        return int(self._bytes[_MARKS + slot])

    def set_mark(self, slot: int, mark: int) -> None:
        """Write the mark of a slot. To be called by the process that holds the slot."""
        self._bytes[_MARKS + slot] = mark

    def claim(self) -> int | None:
        """The lowest slot that neither process holds, or None if there is none.

        The lowest one is taken so that few pages are ever touched.
        """
        for slot in self._slots():
            if slot not in self._held and slot not in self._lost and self.mark(slot) == FREE:
                return slot
        return None

    def lease(self, slot: int, *, gives_back: bool) -> Lease:
        """Hold a slot until the last array on it is gone.

        Args:
            slot: number of the slot.
            gives_back: whether to set the slot's mark to FREE then.
        """
        lease = Lease(self, slot, self._bytes.ctypes.data + self.shape.offset(slot))
        self._held.add(slot)
        weakref.finalize(lease, self._end, slot, gives_back).atexit = False
        return lease

    def lose_held(self) -> None:
        """Give up the slots that are held now: they are never used again.

        A forked process has tensors on them too, and this process cannot know when these are gone.
        """
        for slot in tuple(self._held - self._lost):
            self._lost.add(slot)
            self.set_mark(slot, LOST)

    def _end(self, slot: int, gives_back: bool) -> None:
        self._held.discard(slot)
        if slot in self._lost:
            return
        if gives_back:
            self.set_mark(slot, FREE)
        if self.abandoned or (self.retired and self.mark(slot) == FREE):
            self._release(slot)

    def _release(self, slot: int) -> None:
        """Give the pages of a slot back to the system. The slot must never be used again."""
        if _REMOVE is not None:
            # If the system refuses, the pages are freed together with the slab.
            with contextlib.suppress(OSError):
                self._memory.madvise(_REMOVE, self.shape.offset(slot), self.shape.stride)

    def _slots(self) -> range:
        return range(self.shape.slots)


class Lease:
    """Owns a slot's memory. Every array and tensor on the slot keeps the lease alive."""

    def __init__(self, slab: Slab, slot: int, address: int) -> None:
        self.slab = slab
        self.slot = slot
        self.address = address
        self.sent = False
        # NumPy makes an object with this attribute the base of the array and of all its views.
        self.__array_interface__: dict[str, Any] = {
            "version": 3,
            "data": (address, False),
            "typestr": "|u1",
            "shape": (slab.shape.slot_bytes,),
        }

    def array(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        """An array on the beginning of the slot."""
        size = int(np.prod(shape)) * dtype.itemsize
        return np.asarray(self)[:size].view(dtype).reshape(shape)


def lease_of(array: NDArray[Any]) -> Lease | None:
    """The lease of the slot that an array lies on, or None if it lies on no slot."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return owner if isinstance(owner, Lease) else None


_SLABS: weakref.WeakSet[Slab] = weakref.WeakSet()


@functools.cache
def _watch_forks() -> None:
    if hasattr(os, "register_at_fork"):
        # Before the fork, because no finalizer may give back a slot that the child has too. After
        # it, because another thread may have leased a slot just before.
        os.register_at_fork(before=_lose_all, after_in_parent=_lose_all, after_in_child=_lose_all)


def _lose_all() -> None:
    for slab in tuple(_SLABS):
        slab.lose_held()
