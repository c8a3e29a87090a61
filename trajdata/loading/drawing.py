"""Positions of an epoch in, what the dataset yields out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch.utils.data import get_worker_info

from trajdata.fields import TEXT_FIELDS
from trajdata.loading.clips import Clips
from trajdata.loading.order import Order
from trajdata.loading.output import OutputFormat
from trajdata.loading.tensors import batch_of, clips_of
from trajdata.loading.transport.sender import ArrayShape, Sender

__all__ = ["Drawing"]


class Drawing:
    """Draws batches and single clips in the output format; in a worker, into shared slots.

    Args:
        clips: where they come from.
        order: which clip is shown at a position.
        output: what is passed on.
        largest: clips in a batch, at most.
    """

    def __init__(self, clips: Clips, order: Order, output: OutputFormat, largest: int) -> None:
        self._clips = clips
        self._order = order
        self._output = output
        self._largest = largest
        self._sender: Sender | None = None

    def batch(self, epoch: int, positions: Sequence[int]) -> Any:
        """The clips at these positions, stacked."""
        indices = self._order.indices(epoch, positions)
        if get_worker_info() is None:
            return batch_of(self._clips.batch(indices), self._output)
        if self._sender is None:
            # Kept for all passes of this worker, so that a persistent one keeps its slots.
            self._sender = self._make_sender()
        places = self._sender.places(len(positions))
        # A video in another format than the source's is drawn elsewhere, then written there.
        place = None if self._output.as_drawn else places.pop("video", None)
        batch = self._clips.batch(indices, out=places)
        return batch_of(batch, self._output, place=place, tensor=self._sender.tensor)

    def single_clips(self, epoch: int, positions: Sequence[int]) -> list[Any]:
        """The clips at these positions, one by one."""
        batch = self._clips.batch(self._order.indices(epoch, positions))
        return clips_of(batch, len(positions), self._output)

    def _make_sender(self) -> Sender:
        output, spec = self._output, self._clips.spec
        arrays = {
            name: ArrayShape(output.array_dtype(name), output.array_shape(name, spec))
            for name in self._clips.fields
            if name not in TEXT_FIELDS
        }
        return Sender(arrays, self._largest)
