"""Pictures as bytes: PNG, GIF and WebP."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

from PIL import Image, features

from trajdata._errors import ArgumentError

__all__ = ["animated", "encoded", "encodings", "gif_of", "pause_ms", "webp_of"]

_LOSSY_QUALITY = 60
_PALETTE_PAGES = 12


def _has_webp() -> bool:
    """Whether this Pillow writes WebP; some builds of it do not."""
    return bool(features.check("webp"))


def encodings() -> Iterator[dict[str, Any]]:
    """Pillow's options for each way to write a picture. The ways that are exact come first."""
    if _has_webp():
        yield {"format": "WEBP", "lossless": True, "quality": 20, "method": 0}
        yield {"format": "WEBP", "quality": _LOSSY_QUALITY, "method": 2}
    else:
        yield {"format": "PNG"}


def pause_ms(seconds: float, frames: int) -> int:
    """Milliseconds between two frames, if there are ``frames`` of them and the time from the first
    to the last is ``seconds``."""
    # GIF counts in hundredths of a second, and viewers slow down a pause of less than two of them.
    pause = max(20, round(100 * seconds / (frames - 1)) * 10)
    return min(pause, 65_000)


def encoded(picture: Image.Image, **options: Any) -> bytes:
    """A picture as a file's bytes; the options are those of Pillow's ``save``."""
    file = io.BytesIO()
    picture.save(file, **options)
    return file.getvalue()


def animated(pages: Sequence[Image.Image], pause: int | Sequence[int], **options: Any) -> bytes:
    """An animation that shows pages in turn, for ``pause`` milliseconds each, and then repeats."""
    rest = list(pages[1:])
    duration = pause if isinstance(pause, int) else list(pause)
    return encoded(
        pages[0], save_all=True, append_images=rest, duration=duration, loop=0, **options
    )


def gif_of(pages: Sequence[Image.Image], pause: int | Sequence[int]) -> bytes:
    """An animated GIF. All pages share a palette, so that parts that do not move do not flicker."""
    step = -(-len(pages) // _PALETTE_PAGES)
    some = pages[::step]
    width, height = pages[0].size
    together = Image.new("RGB", (width, height * len(some)))
    for k, page in enumerate(some):
        together.paste(page, (0, k * height))
    palette = together.quantize(256, dither=Image.Dither.NONE)
    return animated(
        [page.quantize(palette=palette, dither=Image.Dither.NONE) for page in pages],
        pause,
        format="GIF",
    )


def webp_of(pages: Sequence[Image.Image], pause: int | Sequence[int]) -> bytes:
    """An animated WebP, exact to the pixel.

    Raises:
        ArgumentError: this Pillow does not write WebP.
    """
    if not _has_webp():
        raise ArgumentError("format: given WebP, which this Pillow does not write; allowed is GIF")
    return animated(pages, pause, format="WEBP", lossless=True, quality=60, method=4)
