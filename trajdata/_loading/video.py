"""Bring the video of a batch into the layout and dtype of an ``Output``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._jit import kernel
from trajdata._loading.output import Output

__all__ = ["VideoFormat"]

_BITS: dict[int, np.dtype[Any]] = {
    1: np.dtype(np.uint8),
    2: np.dtype(np.uint16),
    4: np.dtype(np.uint32),
}
"""Kernels copy the bits of values, as unsigned integers, whatever their dtype is."""


class VideoFormat:
    """Layout and dtype of a video, with a table of the value of each byte.

    Attributes:
        unchanged: whether a video is passed on as the source gives it.
    """

    def __init__(self, output: Output) -> None:
        self._layout = output.layout
        self._dtype = output.carrier
        self._bits = _BITS[self._dtype.itemsize]
        self._table = output.byte_values().view(self._bits)
        self.unchanged = self._layout == "TCHW" and self._dtype == np.uint8

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a clip in this layout, if it is ``shape``, (T, C, H, W), in the source; of
        several cameras with V in front."""
        own = shape[-4:]
        return (*shape[:-4], *(own["TCHW".index(axis)] for axis in self._layout))

    def convert(self, video: NDArray[np.uint8], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """A video, uint8 (B, T, C, H, W) or of several cameras (B, V, T, C, H, W), brought into
        this layout and dtype, C-contiguous.

        It is written into ``out``. Without that, a video that is in this format already is returned
        as it is, and another one is written into a new array.
        """
        if self.unchanged:
            if out is None:
                return np.ascontiguousarray(video)
            np.copyto(out, video)
            return out
        if video.ndim == 6:
            # Each camera's video by itself, as if it were a clip.
            if out is None:
                out = np.empty((video.shape[0], *self.shape(video.shape[1:])), self._dtype)
            count = video.shape[0] * video.shape[1]
            own = np.ascontiguousarray(video).reshape(count, *video.shape[2:])
            self.convert(own, out.reshape(count, *out.shape[2:]))
            return out
        axes = [0, *(1 + "TCHW".index(axis) for axis in self._layout)]
        if out is None:
            out = np.empty([video.shape[axis] for axis in axes], self._dtype)
        if self._dtype == np.uint8 and self._layout != "THWC":
            # Rows stay in one piece, and NumPy copies them faster than a kernel does byte by byte.
            np.copyto(out, video.transpose(axes))
        elif self._layout == "TCHW":
            count, frames, channels, height, width = video.shape
            planes = (count * frames, channels, height * width)
            if len(self._table) == 1:
                planes = (1, 1, video.size)
            video = np.ascontiguousarray(video)
            _look_up(self._table, video.reshape(planes), out.view(self._bits).reshape(planes))
        else:
            back = out.view(self._bits).transpose(np.argsort(axes))
            video = np.ascontiguousarray(video)
            table = np.broadcast_to(self._table, (video.shape[2], 256))
            _look_up_strided(np.ascontiguousarray(table), video, back)
        return out

    def warm(self) -> None:
        """Compile the kernels that ``convert`` calls. To be called before workers start."""
        self.convert(np.zeros((1, 1, len(self._table), 1, 1), np.uint8))


@kernel
def _look_up(table, video, out):  # type: ignore[no-untyped-def]
    for n in range(video.shape[0]):
        for c in range(video.shape[1]):
            for j in range(video.shape[2]):
                out[n, c, j] = table[c, video[n, c, j]]


@kernel
def _look_up_strided(table, video, out):  # type: ignore[no-untyped-def]
    batch, frames, channels, height, width = video.shape
    for b in range(batch):
        for t in range(frames):
            for c in range(channels):
                for y in range(height):
                    for x in range(width):
                        out[b, t, c, y, x] = table[c, video[b, t, c, y, x]]
