"""Pictures by Pillow: a PNG of each frame, and animated GIF."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trajdata._show.encoding import encoded, gif_of, pause_ms
from trajdata._spec.model import ClipSpec

__all__ = ["Gif", "Png"]


class Png:
    """A folder of each clip with a PNG of each frame: ``KEY/000.png``. Gray is mode L."""

    suffix = ""

    def __init__(self, spec: ClipSpec) -> None:
        self._digits = max(3, len(str(spec.frames - 1)))

    def files(self, video: NDArray[np.uint8]) -> Iterator[tuple[str, bytes]]:
        """A file of each frame; see ``Pictures``."""
        for number, picture in enumerate(_pictures(video)):
            yield f"/{number:0{self._digits}d}.png", encoded(picture, format="PNG")


class Gif:
    """An animated GIF: the nearest of 256 colours that all frames share. A frame that is like the
    one before is not written; the one before is shown longer."""

    suffix = ".gif"

    def __init__(self, spec: ClipSpec) -> None:
        self._pause = pause_ms(spec.seconds, spec.frames)

    def files(self, video: NDArray[np.uint8]) -> Iterator[tuple[str, bytes]]:
        """One file; see ``Pictures``."""
        pages = [picture.convert("RGB") for picture in _pictures(video)]
        yield self.suffix, gif_of(pages, self._pause)


def _pictures(video: NDArray[np.uint8]) -> list[Image.Image]:
    """The frames of a video (T, C, H, W)."""
    if video.shape[1] == 1:
        return [Image.fromarray(np.ascontiguousarray(frame[0])) for frame in video]
    return [Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0))) for frame in video]
