"""Positions of an epoch in, what the dataset yields out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch.utils.data import get_worker_info

from trajdata._loading.order import Order
from trajdata._loading.output import OutputFormat
from trajdata._loading.pool import Pool
from trajdata._loading.tensors import batch_of, clips_of
from trajdata._loading.transport.sender import Sender
from trajdata._reading.read_through import Clips

__all__ = ["Drawing"]


class Drawing:
    """Draws batches and single clips in the output format, into memory that is used again.

    In a worker that is the shared slots by which batches travel, elsewhere a pool.

    Args:
        clips: where they come from.
        order: which clip is shown at a position.
        output: what is passed on.
        largest: clips in a batch, at most.
        ahead: batches that are drawn ahead, at most.
    """

    def __init__(
        self, clips: Clips, order: Order, output: OutputFormat, largest: int, ahead: int
    ) -> None:
        self._clips = clips
        self._order = order
        self._output = output
        self._largest = largest
        self._arrays = output.arrays(clips.spec)
        # One with the trainer, one that is drawn, and those that are drawn ahead.
        self._pool = Pool(self._arrays, largest, 2 + ahead)
        self._sender: Sender | None = None

    def batch(self, epoch: int, positions: Sequence[int]) -> Any:
        """The clips at these positions, stacked."""
        indices = self._order.indices(epoch, positions)
        memory = self._memory()
        places = memory.places(len(positions))
        # A video in another format than the source's is drawn elsewhere, then written there.
        place = None if self._output.as_drawn else places.pop("video", None)
        batch = self._clips.batch(indices, out=places)
        return batch_of(batch, self._output, place=place, tensor=memory.tensor)

    def single_clips(self, epoch: int, positions: Sequence[int]) -> list[Any]:
        """The clips at these positions, one by one."""
        batch = self._clips.batch(self._order.indices(epoch, positions))
        return clips_of(batch, len(positions), self._output)

    def _memory(self) -> Pool | Sender:
        if get_worker_info() is None:
            return self._pool
        if self._sender is None:
            # Kept for all passes of this worker, so that a persistent one keeps its slots.
            self._sender = Sender(self._arrays, self._largest)
        return self._sender
