"""Videos by PyAV, exact to the pixel: MP4 and animated WebP."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._checks import needed
from trajdata._errors import MissingPackageError
from trajdata._export.extra import EXPORT_EXTRA
from trajdata._spec.model import ClipSpec

__all__ = ["Mp4", "WebP"]

_MOST_DENOMINATOR = 1000
_FULL_RANGE = 2
"""AVCOL_RANGE_JPEG: gray is 0 to 255, not 16 to 235."""


class Mp4:
    """H.264 without loss: RGB as it is, at a quantizer of 0 (profile High 4:4:4 Predictive), and
    gray in its full range."""

    suffix = ".mp4"

    def __init__(self, spec: ClipSpec) -> None:
        self._av = _av_with("libx264rgb")
        self._rate = _rate(spec)

    def files(self, video: NDArray[np.uint8]) -> Iterator[tuple[str, bytes]]:
        """One file; see ``Pictures``."""
        is_gray = video.shape[1] == 1
        codec, shade = ("libx264", "gray") if is_gray else ("libx264rgb", "rgb24")
        frames = []
        for picture in video:
            frame = _frame(self._av, picture, shade)
            if is_gray:
                frame.color_range = _FULL_RANGE
            frames.append(frame)

        def prepare(stream: Any) -> None:
            stream.pix_fmt = shade
            if is_gray:
                stream.codec_context.color_range = _FULL_RANGE

        yield (
            self.suffix,
            _encoded(self._av, frames, self._rate, "mp4", codec, {"qp": "0"}, prepare),
        )


class WebP:
    """Animated WebP without loss. PyAV writes every frame; Pillow, which could write the format
    too, leaves out frames that are like the one before."""

    suffix = ".webp"

    def __init__(self, spec: ClipSpec) -> None:
        self._av = _av_with("libwebp")
        self._rate = _rate(spec)

    def files(self, video: NDArray[np.uint8]) -> Iterator[tuple[str, bytes]]:
        """One file; see ``Pictures``."""
        frames = []
        for number, picture in enumerate(video):
            shown = np.broadcast_to(picture, (3, *picture.shape[1:]))
            frame = _frame(self._av, shown, "rgb24").reformat(format="bgra")
            frame.pts = number
            frames.append(frame)

        def prepare(stream: Any) -> None:
            stream.pix_fmt = "bgra"

        options = {"lossless": "1"}
        yield (
            self.suffix,
            _encoded(self._av, frames, self._rate, "webp", "libwebp", options, prepare),
        )


def _av_with(codec: str) -> Any:
    """PyAV, if it was built with the encoder; older wheels have no WebP."""
    av = needed("av", EXPORT_EXTRA)
    if codec not in av.codecs_available:
        raise MissingPackageError(
            f"this needs a PyAV with {codec}, which {av.__version__} lacks: {EXPORT_EXTRA}"
        )
    return av


def _rate(spec: ClipSpec) -> Fraction:
    """Frames a second."""
    return Fraction((spec.frames - 1) / spec.seconds).limit_denominator(_MOST_DENOMINATOR)


def _frame(av: Any, picture: NDArray[np.uint8], shade: str) -> Any:
    """A frame of a picture (C, H, W)."""
    pixels = picture[0] if shade == "gray" else picture.transpose(1, 2, 0)
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=shade)


def _encoded(
    av: Any,
    frames: list[Any],
    rate: Fraction,
    container_format: str,
    codec: str,
    options: dict[str, str],
    prepare: Any,
) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height = frames[0].width, frames[0].height
        prepare(stream)
        # One thread: with more, the bytes would depend on how many there are.
        stream.codec_context.thread_count = 1
        for frame in frames:
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return file.getvalue()
