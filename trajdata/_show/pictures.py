"""Pictures for people: a contact sheet of clips (PNG) and an animated grid of them (GIF)."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, features

from trajdata._clips.typed import Batch
from trajdata._spec.model import ClipSpec

__all__ = [
    "PREVIEW_FIELDS",
    "ClipPicture",
    "animation_gif",
    "clip_pictures",
    "sheet_png",
    "write_animation",
    "write_preview",
]

PREVIEW_FIELDS = ("video", "label", "index", "pixels")
"""The fields that a source must have to be drawn."""

_GAP = 4
_LEAST_TILE = 96
_SHEET_WIDTH = 1600
_TEXT_WIDTH = 140
_TEXT_SIZE = 14
_PAPER = (246, 246, 244)
_INK = (30, 30, 30)
_PATH = (255, 0, 200)
_START = (255, 255, 255)
_MOST_SIDE = 128
_MOST_FRAMES = 24
_LOSSY_QUALITY = 60


class Drawable(Protocol):
    """What a picture is drawn from: a live source or a cached one."""

    @property
    def spec(self) -> ClipSpec: ...
    @property
    def fields(self) -> tuple[str, ...]: ...
    def batch(self, indices: Sequence[int]) -> Batch: ...


@dataclass(frozen=True)
class ClipPicture:
    """One clip as an animation for a page.

    Attributes:
        index: of the clip.
        law: that moves its object.
        media_type: of both pictures.
        animation: all frames in turn, at the speed that the spec states.
        still: its first frame.
        width, height: of the pictures, in pixels.
    """

    index: int
    law: str
    media_type: str
    animation: bytes
    still: bytes
    width: int
    height: int


def write_preview(
    source: Drawable, path: str | os.PathLike[str], *, clips: Sequence[int] = range(8)
) -> None:
    """Write a contact sheet, PNG: a row a clip, and on its last tile the path of the object.

    Args:
        source: has at least the fields ``PREVIEW_FIELDS``.
        path: the file; its folder must be there.
        clips: indices of the clips, in the order of the rows.

    Raises:
        ValueError: a field is missing, or no clip is named.
        OSError: the file cannot be written.
    """
    Path(path).write_bytes(sheet_png(source, clips=clips))


def write_animation(
    source: Drawable, path: str | os.PathLike[str], *, clips: Sequence[int] = range(16)
) -> None:
    """Write an animated GIF: a grid of clips, all frames, at the speed that the spec states.

    Arguments and errors are those of ``write_preview``.
    """
    Path(path).write_bytes(animation_gif(source, clips=clips))


def sheet_png(source: Drawable, *, clips: Sequence[int] = range(8)) -> bytes:
    """The bytes of ``write_preview``'s file."""
    batch = _drawn(source, clips)
    height, width = source.spec.height, source.spec.width
    tile = _Tile(height, width)
    columns = min(
        source.spec.frames,
        max(2, (_SHEET_WIDTH - _TEXT_WIDTH - _GAP) // (tile.width + _GAP) - 1),
    )
    # Evenly spread, first and last included.
    shown = [round(k * (source.spec.frames - 1) / (columns - 1)) for k in range(columns)]
    sheet = Image.new(
        "RGB",
        (
            _TEXT_WIDTH + (columns + 1) * (tile.width + _GAP) + _GAP,
            len(clips) * (tile.height + _GAP) + _GAP,
        ),
        _PAPER,
    )
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_TEXT_SIZE)
    for row in range(len(clips)):
        top = _GAP + row * (tile.height + _GAP)
        law = source.spec.laws[int(batch["label"][row])]
        pen.multiline_text((_GAP * 2, top), f"{law}\n{batch['index'][row]}", _INK, font)
        for column, frame in enumerate(shown):
            left = _TEXT_WIDTH + _GAP + column * (tile.width + _GAP)
            sheet.paste(tile.picture(batch["video"][row, frame]), (left, top))
        last = tile.picture(batch["video"][row, -1])
        _draw_path(last, tile, batch["pixels"][row])
        sheet.paste(last, (_TEXT_WIDTH + _GAP + columns * (tile.width + _GAP), top))
    return _encoded(sheet, format="PNG", optimize=True)


def animation_gif(source: Drawable, *, clips: Sequence[int] = range(16)) -> bytes:
    """The bytes of ``write_animation``'s file."""
    batch = _drawn(source, clips)
    spec = source.spec
    tile = _Tile(spec.height, spec.width)
    columns = math.ceil(math.sqrt(len(clips)))
    rows = math.ceil(len(clips) / columns)
    size = (columns * (tile.width + _GAP) + _GAP, rows * (tile.height + _GAP) + _GAP)
    pages = []
    for frame in range(spec.frames):
        page = Image.new("RGB", size, _PAPER)
        for k in range(len(clips)):
            row, column = divmod(k, columns)
            corner = (_GAP + column * (tile.width + _GAP), _GAP + row * (tile.height + _GAP))
            page.paste(tile.picture(batch["video"][k, frame]), corner)
        pages.append(page.quantize(256, dither=Image.Dither.NONE))
    return _animated(pages, _pause(spec.seconds, spec.frames), format="GIF")


def clip_pictures(
    source: Drawable, *, clips: Sequence[int], most_bytes: int
) -> tuple[ClipPicture, ...]:
    """Each clip as an animation of its own, all of them together within a number of bytes.

    They are exact where that fits, else lossy, else smaller by two, by four and so on. Long clips
    are thinned to 24 frames and large ones to 128 pixels from the start.

    Args:
        source: as for ``write_preview``.
        clips: indices of the clips.
        most_bytes: of all pictures together.

    Raises:
        ValueError: as ``write_preview``; or they do not fit, however small.
    """
    batch = _drawn(source, clips)
    spec = source.spec
    side = max(spec.height, spec.width)
    thin = math.ceil(side / _MOST_SIDE)
    while thin <= side:
        for options in _encodings():
            pictures = _clip_pictures(batch, spec, thin, options, most_bytes)
            if len(pictures) == len(clips):
                return pictures
        thin *= 2
    raise ValueError(f"most_bytes: given {most_bytes}; {len(clips)} clips need more")


def _clip_pictures(
    batch: Batch, spec: ClipSpec, thin: int, options: dict[str, Any], most_bytes: int
) -> tuple[ClipPicture, ...]:
    """As many of the clips as fit."""
    shown = min(spec.frames, _MOST_FRAMES)
    frames = [round(k * (spec.frames - 1) / (shown - 1)) for k in range(shown)]
    pause = _pause(spec.seconds, shown)
    pictures: list[ClipPicture] = []
    for label, index, video in zip(batch["label"], batch["index"], batch["video"], strict=True):
        pages = [_picture(video[frame]).reduce(thin) for frame in frames]
        animation, still = _animated(pages, pause, **options), _encoded(pages[0], **options)
        most_bytes -= len(animation) + len(still)
        if most_bytes < 0:
            break
        media_type = f"image/{options['format'].lower()}"
        law = spec.laws[int(label)]
        width, height = pages[0].size
        pictures.append(ClipPicture(int(index), law, media_type, animation, still, width, height))
    return tuple(pictures)


def _encodings() -> Iterator[dict[str, Any]]:
    """Ways to write a picture, exact ones first."""
    if features.check("webp"):
        yield {"format": "WEBP", "lossless": True, "quality": 20, "method": 0}
        yield {"format": "WEBP", "quality": _LOSSY_QUALITY, "method": 2}
    else:
        yield {"format": "PNG"}


def _pause(seconds: float, frames: int) -> int:
    """Milliseconds between two of so many frames that take so long from the first to the last."""
    # GIF counts in hundredths of a second, and viewers slow down what is faster than two.
    pause = max(20, round(100 * seconds / (frames - 1)) * 10)
    return min(pause, 65_000)


class _Tile:
    """How a frame of this size is shown: enlarged, or thinned out, by a whole number."""

    def __init__(self, height: int, width: int) -> None:
        side = max(height, width)
        self._enlarge = max(1, _LEAST_TILE // side)
        self._thin = max(1, math.ceil(side / (2 * _LEAST_TILE)))
        self.height = math.ceil(height / self._thin) * self._enlarge
        self.width = math.ceil(width / self._thin) * self._enlarge

    def picture(self, frame: NDArray[np.uint8]) -> Image.Image:
        """A frame, uint8 (C, H, W), as an RGB picture of this tile's size."""
        thin = frame[:, :: self._thin, :: self._thin]
        large = thin.repeat(self._enlarge, axis=1).repeat(self._enlarge, axis=2)
        return _picture(large)

    def place(self, pixels: NDArray[np.float32]) -> list[tuple[float, float]]:
        """Image coordinates (T, 2), pixels from the corner, as pillow's: from a pixel's centre."""
        scaled = pixels.astype(np.float64) * self._enlarge / self._thin - 0.5
        return [(float(x), float(y)) for x, y in scaled]


def _drawn(source: Drawable, clips: Sequence[int]) -> Batch:
    missing = [name for name in PREVIEW_FIELDS if name not in source.fields]
    if missing:
        raise ValueError(
            f"source.fields: given {source.fields}; a preview also needs {', '.join(missing)}"
        )
    if not clips:
        raise ValueError(f"clips: given {clips!r}; allowed is at least one index")
    return source.batch(clips)


def _draw_path(picture: Image.Image, tile: _Tile, pixels: NDArray[np.float32]) -> None:
    pen = ImageDraw.Draw(picture)
    places = tile.place(pixels)
    pen.line(places, _PATH, width=2)
    for x, y in places:
        pen.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), _PATH)
    x, y = places[0]
    pen.ellipse((x - 3, y - 3, x + 3, y + 3), _START, _PATH)


def _picture(frame: NDArray[np.uint8]) -> Image.Image:
    """A frame, uint8 (C, H, W), as an RGB picture."""
    colours = np.broadcast_to(frame, (3, *frame.shape[1:]))
    return Image.fromarray(np.ascontiguousarray(colours.transpose(1, 2, 0)))


def _animated(pages: Sequence[Image.Image], pause: int, **options: Any) -> bytes:
    rest = list(pages[1:])
    return _encoded(pages[0], save_all=True, append_images=rest, duration=pause, loop=0, **options)


def _encoded(picture: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, **options)
    return file.getvalue()
