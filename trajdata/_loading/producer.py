"""Make batches and single clips from positions of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import get_worker_info

from trajdata._clips.source_protocol import Source
from trajdata._loading.order import Order
from trajdata._loading.pool import Pool
from trajdata._loading.tensors import Handout
from trajdata._loading.transport.sender import Sender

__all__ = ["Producer"]


class Producer:
    """Makes batches and single clips in the form of an ``Output``, in memory that is used again.

    In a worker, this memory is the slots in which batches are sent. In another process, it is a
    pool.

    Args:
        source: where the clips come from.
        order: which clip is shown at a position.
        handout: how clips are handed out.
        largest: number of clips in the largest batch.
        ahead: the largest number of batches that are made ahead.
    """

    def __init__(
        self, source: Source, order: Order, handout: Handout, largest: int, ahead: int
    ) -> None:
        self._source = source
        self._order = order
        self._handout = handout
        self._largest = largest
        # One batch that the trainer has, one that is being made, and those that are made ahead.
        self._pool = Pool(handout.arrays, largest, 2 + ahead)
        self._sender: Sender | None = None
        self._fetch_ahead = getattr(source, "fetch_ahead", None)
        self._fetched: tuple[int, int] | None = None

    def batch(self, epoch: int, positions: Sequence[int]) -> Any:
        """The clips at these positions, stacked."""
        indices = self._indices(epoch, positions)
        memory = self._memory()
        places = memory.places(len(positions))
        # If the format of the video changes, the source gets memory of its own, and ``handout``
        # writes the changed video into these places.
        changed = () if self._handout.video_unchanged else self._handout.video_parts
        videos = {part: places.pop(part) for part in changed if part in places}
        batch = self._source.batch(indices, out=places)
        return self._handout.batch(batch, places=videos, tensor=memory.tensor)

    def single_clips(self, epoch: int, positions: Sequence[int]) -> list[Any]:
        """The clips at these positions, one by one."""
        batch = self._source.batch(self._indices(epoch, positions))
        return self._handout.clips(batch, len(positions))

    def _indices(self, epoch: int, positions: Sequence[int]) -> NDArray[np.int64]:
        """The clips at these positions. Where shards are shuffled, the source is told which ones
        are read now and which come next."""
        indices = self._order.indices(epoch, positions)
        if self._fetch_ahead is not None and self._order.shuffle_shards is not None:
            by_shards = self._order.by_shards(epoch)
            window = by_shards.window_of(int(indices[0]))
            if self._fetched != (epoch, window):
                self._fetched = epoch, window
                now, coming = (by_shards.window_shards(window + more) for more in (0, 1))
                self._fetch_ahead([*now, *coming])
        return indices

    def _memory(self) -> Pool | Sender:
        if get_worker_info() is None:
            return self._pool
        if self._sender is None:
            # Kept for all passes of this worker, so that a persistent one keeps its slots.
            self._sender = Sender(self._handout.arrays, self._largest)
        return self._sender
