"""Slabs: slots of one size in shared memory, and who holds them.

Every slot has a state byte in the slab's first page. It is FREE until the worker sends the slot,
then SENT until the consumer gives it back. Each byte has one writer at a time, so that nothing is
locked across processes and a process that is killed blocks nobody. The byte orders the accesses to
its slot: the consumer's last read comes before the atomic count of references falls to zero, and
that before the byte is written; the worker writes only after it has read the byte.

A slab whose worker sends no more of it is kept by the batches that still lie on it. The pages of
its other slots are given back to the system, so that a batch keeps no more than its own memory.
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
_RETIRED, _STATES = 16, 64
_REMOVE: int | None = getattr(mmap, "MADV_REMOVE", None)
"""Linux only: frees pages of a file that is mapped, for all who have mapped it."""


@dataclass(frozen=True)
class SlabShape:
    """Which slab, and what is in it: ``slots`` of ``slot_bytes`` each.

    ``name`` is 16 random bytes, which the slab begins with.
    """

    name: bytes
    slots: int
    slot_bytes: int

    @property
    def total_bytes(self) -> int:
        """Of the whole slab."""
        return mmap.PAGESIZE + self.slots * self.stride

    @property
    def stride(self) -> int:
        """Bytes from one slot to the next, whole pages."""
        return -(-self.slot_bytes // mmap.PAGESIZE) * mmap.PAGESIZE

    def offset(self, slot: int) -> int:
        """Where a slot begins, in bytes from the start of the slab."""
        return mmap.PAGESIZE + slot * self.stride


class Slab:
    """A slab as this process has it mapped.

    Args:
        descriptor: of its memory; it can be closed afterwards.
        shape: of the slab.

    Attributes:
        abandoned: whether the worker that made it has ended.

    Raises:
        OSError: it cannot be mapped.
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
        """What the memory says it is."""
        return self._bytes[:_ID_BYTES].tobytes()

    def sign(self) -> None:
        """Write the slab's name into it."""
        self._bytes[:_ID_BYTES] = np.frombuffer(self.shape.name, np.uint8)

    @property
    def retired(self) -> bool:
        """Whether its worker sends no more of it."""
        return bool(self._bytes[_RETIRED])

    def retire(self) -> None:
        """To be called by the worker, which will claim no more slots."""
        self._bytes[_RETIRED] = True
        for slot in self._slots():
            if slot not in self._held and slot not in self._lost and self.state(slot) == FREE:
                self._release(slot)

    def abandon(self) -> None:
        """To be called by the consumer when the worker has ended."""
        self.abandoned = True
        for slot in self._slots():
            if slot not in self._held and slot not in self._lost and self.state(slot) != LOST:
                self._release(slot)

    @property
    def held(self) -> int:
        """Slots that live arrays of this process lie on."""
        return len(self._held)

    @property
    def lost(self) -> bool:
        """Whether a slot will never come back."""
        return bool(self._lost) or any(self.state(slot) == LOST for slot in self._slots())

    def state(self, slot: int) -> int:
        """FREE, SENT or LOST."""
        return int(self._bytes[_STATES + slot])

    def set_state(self, slot: int, state: int) -> None:
        """To be called by who holds the slot."""
        self._bytes[_STATES + slot] = state

    def claim(self) -> int | None:
        """A slot that neither process holds; the lowest, so that few pages are ever touched."""
        for slot in self._slots():
            if slot not in self._held and slot not in self._lost and self.state(slot) == FREE:
                return slot
        return None

    def lease(self, slot: int, *, gives_back: bool) -> Lease:
        """Hold a slot until the last array on it is gone.

        Args:
            slot: which one.
            gives_back: set its state to FREE then.
        """
        lease = Lease(self, slot, self._bytes.ctypes.data + self.shape.offset(slot))
        self._held.add(slot)
        weakref.finalize(lease, self._end, slot, gives_back).atexit = False
        return lease

    def lose_held(self) -> None:
        """Never use again the slots that are held now.

        A forked process has tensors on them too, and nobody hears when these are gone.
        """
        for slot in tuple(self._held - self._lost):
            self._lost.add(slot)
            self.set_state(slot, LOST)

    def _end(self, slot: int, gives_back: bool) -> None:
        self._held.discard(slot)
        if slot in self._lost:
            return
        if gives_back:
            self.set_state(slot, FREE)
        if self.abandoned or (self.retired and self.state(slot) == FREE):
            self._release(slot)

    def _release(self, slot: int) -> None:
        """Give a slot's pages back to the system; nobody will read or write them any more."""
        if _REMOVE is not None:
            # Where it cannot be had they go with the slab.
            with contextlib.suppress(OSError):
                self._memory.madvise(_REMOVE, self.shape.offset(slot), self.shape.stride)

    def _slots(self) -> range:
        return range(self.shape.slots)


class Lease:
    """The owner of a slot's memory: every array and tensor on the slot keeps it alive."""

    def __init__(self, slab: Slab, slot: int, address: int) -> None:
        self.slab = slab
        self.slot = slot
        self.address = address
        self.sent = False
        # NumPy makes an object with this the base of the array, and of all views of that.
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
    """The lease that an array lies on."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return owner if isinstance(owner, Lease) else None


_SLABS: weakref.WeakSet[Slab] = weakref.WeakSet()


@functools.cache
def _watch_forks() -> None:
    if hasattr(os, "register_at_fork"):
        # Before: no finalizer may give a slot back once the child has it. After: another thread
        # may have been handed a slot in between.
        os.register_at_fork(before=_lose_all, after_in_parent=_lose_all, after_in_child=_lose_all)


def _lose_all() -> None:
    for slab in tuple(_SLABS):
        slab.lose_held()
