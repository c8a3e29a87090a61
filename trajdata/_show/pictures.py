"""Pictures for people: a contact sheet of clips (PNG) and an animated grid of them (GIF, WebP)."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from trajdata._errors import ArgumentError
from trajdata._show.encoding import animated, encoded, encodings, gif_of, pause_ms, webp_of
from trajdata._show.files import put_file
from trajdata._show.palette import LIGHT, Theme, font, law_colour
from trajdata._show.shown import (
    PREVIEW_FIELDS,
    ShownSource,
    ShownSpec,
    check_shown,
    first_camera,
)
from trajdata._show.tiles import LEAST_SIDE, Tile, draw_chip, draw_path, frame_picture

__all__ = [
    "PREVIEW_FIELDS",
    "ClipPicture",
    "SheetLayout",
    "ShownSource",
    "animation_gif",
    "animation_webp",
    "clip_pictures",
    "evenly",
    "sheet_layout",
    "sheet_png",
    "write_animation",
    "write_preview",
]

_GAP = 8
_MARGIN = 20
_PATH_GAP = 16
_HEAD = 24
_SHEET_WIDTH = 1640
_TEXT_WIDTH = 124
_FOOT = 30
_MOST_SIDE = 128
_MOST_FRAMES = 24
_LAST_PAUSES = 3
"""An animation shows its last frame this many times as long as the others."""


@dataclass(frozen=True)
class ClipPicture:
    """One clip as an animation for a page.

    Attributes:
        index: the clip's index.
        law: the name of the clip's law.
        media_type: media type of both pictures.
        animation: the file of an animation of the clip at its own speed.
        still: the file of a picture of the first frame.
        width, height: size of the pictures in pixels.
    """

    index: int
    law: str
    media_type: str
    animation: bytes
    still: bytes
    width: int
    height: int


@dataclass(frozen=True)
class SheetLayout:
    """Where the parts of a contact sheet lie, in pixels of the picture.

    Attributes:
        tile: how a frame is shown.
        shown: numbers of the frames in a row, evenly spread, with the first and the last one.
        rows: number of rows, one for each clip.
    """

    tile: Tile
    shown: tuple[int, ...]
    rows: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the sheet."""
        left, top = self.path_corner(self.rows - 1)
        return left + self.tile.width + _MARGIN, top + self.tile.height + _MARGIN

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Left and top edge of a frame."""
        return (
            _MARGIN + _TEXT_WIDTH + column * (self.tile.width + _GAP),
            _MARGIN + _HEAD + row * (self.tile.height + _GAP),
        )

    def path_corner(self, row: int) -> tuple[int, int]:
        """Left and top edge of the last tile in a row, which shows the path."""
        left, top = self.corner(row, len(self.shown))
        return left - _GAP + _PATH_GAP, top


def sheet_layout(spec: ShownSpec, rows: int) -> SheetLayout:
    """The layout of a sheet of ``rows`` clips."""
    tile = Tile(spec.height, spec.width)
    room = _SHEET_WIDTH - 2 * _MARGIN - _TEXT_WIDTH - _PATH_GAP - tile.width
    columns = min(spec.frames, max(2, (room + _GAP) // (tile.width + _GAP)))
    return SheetLayout(tile, evenly(spec.frames, columns), rows)


def evenly(frames: int, most: int) -> tuple[int, ...]:
    """The numbers of up to ``most`` frames, evenly spread, with the first and the last one."""
    shown = min(frames, most)
    return tuple(round(k * (frames - 1) / max(shown - 1, 1)) for k in range(shown))


def write_preview(
    source: ShownSource, path: str | os.PathLike[str], *, clips: Sequence[int] = range(8)
) -> None:
    """Write a contact sheet (PNG): one row for each clip, whose last tile shows the object's path.

    Args:
        source: a source with at least the fields ``PREVIEW_FIELDS``.
        path: the file; its folder must exist.
        clips: indices of the clips, in the order of the rows.

    Raises:
        ArgumentError: a field is missing, or ``clips`` is empty.
        OSError: the file cannot be written.
    """
    put_file(Path(path), sheet_png(source, clips=clips))


def write_animation(
    source: ShownSource, path: str | os.PathLike[str], *, clips: Sequence[int] = range(16)
) -> None:
    """Write an animated grid of clips, with all frames, at the clips' own speed.

    The file is a WebP if the path ends in ``.webp``, and else a GIF. Arguments and errors are those
    of ``write_preview``.
    """
    write = animation_webp if Path(path).suffix == ".webp" else animation_gif
    put_file(Path(path), write(source, clips=clips))


def sheet_png(
    source: ShownSource, *, clips: Sequence[int] = range(8), theme: Theme = LIGHT
) -> bytes:
    """The bytes of ``write_preview``'s file."""
    check_shown(source, clips)
    batch = first_camera(source.batch(clips))
    spec = source.spec
    layout = sheet_layout(spec, len(clips))
    tile = layout.tile
    sheet = Image.new("RGB", layout.size, theme.paper)
    pen = ImageDraw.Draw(sheet)
    heads = [(layout.corner(0, k)[0], f"{frame}") for k, frame in enumerate(layout.shown)]
    for left, text in [*heads, (layout.path_corner(0)[0], "path")]:
        middle = (left + tile.width / 2, _MARGIN + _HEAD / 2 - 2)
        pen.text(middle, text, theme.soft, font(12), anchor="mm")
    pen.text((_MARGIN, _MARGIN + _HEAD / 2 - 2), "frame", theme.soft, font(12), anchor="lm")
    for row in range(len(clips)):
        label = int(batch["label"][row])
        top = layout.corner(row, 0)[1]
        chip = (_MARGIN, top + 4)
        _, height = draw_chip(
            sheet, chip, spec.laws[label], law_colour(label), theme, most_width=_TEXT_WIDTH - 14
        )
        number = (_MARGIN + 2, top + height + 12)
        pen.text(number, f"clip {batch['index'][row]}", theme.soft, font(12))
        for column, frame in enumerate(layout.shown):
            shown = tile.picture(batch["video"][row, frame])
            tile.paste(sheet, layout.corner(row, column), shown, theme)
        last = tile.picture(batch["video"][row, -1])
        draw_path(last, tile.places(batch["pixels"][row]), law_colour(label), weight=1.15)
        tile.paste(sheet, layout.path_corner(row), last, theme)
    return encoded(sheet, format="PNG", optimize=True)


def animation_gif(
    source: ShownSource, *, clips: Sequence[int] = range(16), theme: Theme = LIGHT
) -> bytes:
    """The bytes of ``write_animation``'s file as a GIF."""
    return gif_of(*_grid(source, clips, theme))


def animation_webp(
    source: ShownSource,
    *,
    clips: Sequence[int] = range(16),
    theme: Theme = LIGHT,
    columns: int | None = None,
    least_side: int = LEAST_SIDE,
) -> bytes:
    """The bytes of ``write_animation``'s file as a WebP, with exact colours.

    Args:
        source, clips: as in ``write_animation``.
        theme: colours around the frames.
        columns: clips in a row; None means about as many as there are rows.
        least_side: frames are enlarged by a whole number, up to about this size in pixels.
    """
    return webp_of(*_grid(source, clips, theme, columns, least_side))


def _grid(
    source: ShownSource,
    clips: Sequence[int],
    theme: Theme,
    columns: int | None = None,
    least_side: int = LEAST_SIDE,
) -> tuple[list[Image.Image], list[int]]:
    """The pages of an animated grid of clips, one for each frame, with the paths up to this frame;
    and how long each page is shown, in ms."""
    check_shown(source, clips)
    batch = first_camera(source.batch(clips))
    spec = source.spec
    tile = Tile(spec.height, spec.width, least_side)
    columns = columns or math.ceil(math.sqrt(len(clips)))
    rows = math.ceil(len(clips) / columns)
    across, down = tile.width + _GAP * 2, tile.height + _FOOT + _GAP
    size = (columns * across - _GAP * 2 + 2 * _MARGIN, rows * down - _GAP + 2 * _MARGIN)
    ground = Image.new("RGB", size, theme.paper)
    pen = ImageDraw.Draw(ground)
    corners = []
    for k in range(len(clips)):
        row, column = divmod(k, columns)
        left, top = _MARGIN + column * across, _MARGIN + row * down
        corners.append((left, top))
        label = int(batch["label"][k])
        chip = (left - 1, top + tile.height + 6)
        _, height = draw_chip(
            ground, chip, spec.laws[label], law_colour(label), theme, size=12, most_width=96
        )
        middle = (left + tile.width, chip[1] + height / 2)
        pen.text(middle, f"{batch['index'][k]}", theme.soft, font(11), anchor="rm")
    pages = []
    for frame in range(spec.frames):
        page = ground.copy()
        for k, corner in enumerate(corners):
            shown = tile.picture(batch["video"][k, frame])
            colour = law_colour(int(batch["label"][k]))
            draw_path(shown, tile.places(batch["pixels"][k, : frame + 1]), colour, weight=0.8)
            tile.paste(page, corner, shown, theme)
        pages.append(page)
    pause = pause_ms(spec.seconds, spec.frames)
    return pages, [pause] * (spec.frames - 1) + [min(pause * _LAST_PAUSES, 65_000)]


def clip_pictures(
    source: ShownSource, *, clips: Sequence[int], most_bytes: int
) -> tuple[ClipPicture, ...]:
    """An animation of each clip; all together have at most ``most_bytes``.

    The pictures are exact if they fit; otherwise they are lossy; otherwise they are made smaller by
    two, by four and so on. Clips are shown with at most 24 frames and at most 128 pixels a side.

    Args:
        source: as in ``write_preview``.
        clips: indices of the clips.
        most_bytes: limit for all pictures together.

    Raises:
        ArgumentError: as in ``write_preview``; or the pictures do not fit at any size.
    """
    check_shown(source, clips)
    batch = first_camera(source.batch(clips))
    spec = source.spec
    side = max(spec.height, spec.width)
    thin = math.ceil(side / _MOST_SIDE)
    while thin <= side:
        for options in encodings():
            pictures = _clip_pictures(batch, spec, thin, options, most_bytes)
            if len(pictures) == len(clips):
                return pictures
        thin *= 2
    raise ArgumentError(f"most_bytes: given {most_bytes}; {len(clips)} clips need more")


def _clip_pictures(
    batch: Mapping[str, Any],
    spec: ShownSpec,
    thin: int,
    options: dict[str, Any],
    most_bytes: int,
) -> tuple[ClipPicture, ...]:
    """The pictures of the first clips, as many as fit into ``most_bytes``."""
    frames = evenly(spec.frames, _MOST_FRAMES)
    pause = pause_ms(spec.seconds, len(frames))
    pictures: list[ClipPicture] = []
    for label, index, video in zip(batch["label"], batch["index"], batch["video"], strict=True):
        pages = [frame_picture(video[frame]).reduce(thin) for frame in frames]
        animation, still = animated(pages, pause, **options), encoded(pages[0], **options)
        most_bytes -= len(animation) + len(still)
        if most_bytes < 0:
            break
        media_type = f"image/{options['format'].lower()}"
        law = spec.laws[int(label)]
        width, height = pages[0].size
        pictures.append(ClipPicture(int(index), law, media_type, animation, still, width, height))
    return tuple(pictures)
