"""The gallery: a page of moving clips, whose truth can be switched on. It is one static file, which
loads nothing."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trajdata._errors import ArgumentError
from trajdata._show.encoding import encoded, encodings
from trajdata._show.files import put_file
from trajdata._show.palette import hex_colour, law_colour
from trajdata._show.pictures import evenly
from trajdata._show.shown import ShownSource, check_shown, first_camera
from trajdata._show.tiles import frame_picture

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["GALLERY_FIELDS", "gallery_html", "write_gallery"]

GALLERY_FIELDS = (
    *("video", "label", "index", "pixels", "depth", "radius"),
    *("caption", "equation"),
)
"""The fields that a source must have to be shown in a gallery."""

_MOST_BYTES = 1_900_000
"""Limit for all pictures of a page, before base64 makes four bytes of three."""
_MOST_SIDE = 256
_MOST_FRAMES = 48


@dataclass(frozen=True)
class _Strip:
    """All frames of a clip in one picture, row by row.

    Attributes:
        url: the picture as a data URL.
        size: size of the picture in bytes.
    """

    url: str
    size: int


def write_gallery(
    sources: Mapping[str, ShownSource],
    out: str | os.PathLike[str],
    *,
    clips: int = 8,
    note: str = "",
) -> Path:
    """Write a gallery page into a folder: ``index.html``, which needs no other file.

    Args:
        sources: name of a section -> the source of its clips, with the fields ``GALLERY_FIELDS``.
        out: the folder; it is created if it does not exist.
        clips: how many clips of each source to show, from index 0 on.
        note: a sentence for the head of the page, which may name the seed and the split.

    Returns:
        The path of the page.

    Raises:
        ArgumentError: there is no source, a source lacks a field, ``clips`` is below 1, or so many
            clips do not fit.
        OSError: the file cannot be written.
    """
    page = gallery_html(sources, clips=clips, note=note)
    file = Path(out) / "index.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    put_file(file, page.encode("utf-8"))
    return file


def gallery_html(
    sources: Mapping[str, ShownSource],
    *,
    clips: int = 8,
    note: str = "",
    most_bytes: int = _MOST_BYTES,
) -> str:
    """The page of ``write_gallery``.

    Args:
        sources, clips, note: as in ``write_gallery``.
        most_bytes: limit for all pictures together. The pictures are exact if they fit; otherwise
            they are lossy; otherwise they are made smaller by two, by four and so on.

    Raises:
        ArgumentError: as ``write_gallery``.
    """
    if not sources:
        raise ArgumentError("sources: given none; allowed is at least one")
    if clips < 1:
        raise ArgumentError(f"clips: given {clips}; allowed are numbers from 1")
    share = most_bytes // len(sources)
    sections = [_section(name, source, clips, share) for name, source in sources.items()]
    environment = _environment()
    style, script = (
        environment.get_template(name).render() for name in ("gallery.css", "gallery.js")
    )
    return environment.get_template("gallery.html.jinja").render(
        sections=sections,
        note=note,
        style=style,
        script=script,
        style_digest=_digest(style),
        script_digest=_digest(script),
        data=_json(sections),
    )


def _section(name: str, source: ShownSource, clips: int, most_bytes: int) -> dict[str, Any]:
    """The data of one section of the page, for the template and for the page's script."""
    check_shown(source, range(clips), GALLERY_FIELDS)
    spec = source.spec
    batch = first_camera(source.batch(range(clips)))
    frames = evenly(spec.frames, _MOST_FRAMES)
    columns = math.ceil(math.sqrt(len(frames)))
    thin, strips = _strips(batch["video"][:, list(frames)], columns, most_bytes)
    # Clips are sorted by class, and within a class by index.
    order = sorted(range(clips), key=lambda k: (int(batch["label"][k]), k))
    return {
        "name": name,
        "shape": [spec.frames, spec.channels, spec.height, spec.width],
        "seconds": spec.seconds,
        "frames": list(frames),
        "columns": columns,
        "thin": thin,
        "height": spec.height,
        "width": spec.width,
        "laws": [
            {"name": law, "colour": hex_colour(law_colour(label))}
            for label, law in enumerate(spec.laws)
            if label in batch["label"]
        ],
        "clips": [
            {
                "index": int(batch["index"][k]),
                "law": spec.laws[int(batch["label"][k])],
                "colour": hex_colour(law_colour(int(batch["label"][k]))),
                "strip": strips[k].url,
                "pixels": _rounded(batch["pixels"][k][list(frames)]),
                "radius": _rounded(batch["radius"][k][list(frames)]),
                "depth": _rounded(batch["depth"][k][list(frames)]),
                "caption": batch["caption"][k],
                "equation": batch["equation"][k],
            }
            for k in order
        ],
    }


def _strips(videos: NDArray[np.uint8], columns: int, most_bytes: int) -> tuple[int, list[_Strip]]:
    """The factor by which frames are made smaller, and the strip of each video (B, T, C, H, W)."""
    side = max(videos.shape[3:])
    thin = math.ceil(side / _MOST_SIDE)
    while thin <= side:
        for options in encodings():
            strips = [_strip(video, columns, thin, options) for video in videos]
            if sum(strip.size for strip in strips) <= most_bytes:
                return thin, strips
        thin *= 2
    raise ArgumentError(f"clips: given {len(videos)}; these do not fit into {most_bytes:,} bytes")


def _strip(video: NDArray[np.uint8], columns: int, thin: int, options: dict[str, Any]) -> _Strip:
    pictures = [frame_picture(frame).reduce(thin) for frame in video]
    width, height = pictures[0].size
    rows = math.ceil(len(pictures) / columns)
    whole = Image.new("RGB", (columns * width, rows * height))
    for k, picture in enumerate(pictures):
        whole.paste(picture, (k % columns * width, k // columns * height))
    data = encoded(whole, **options)
    text = base64.b64encode(data).decode("ascii")
    return _Strip(f"data:image/{options['format'].lower()};base64,{text}", len(data))


def _rounded(values: NDArray[np.floating]) -> list[Any]:
    """Values rounded to a thousandth, which is far less than a screen can show."""
    rounded: list[Any] = np.round(values.astype(np.float64), 3).tolist()
    return rounded


def _json(value: Sequence[Any]) -> str:
    """JSON for a script element: it contains nothing that could end the element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _digest(text: str) -> str:
    """The digest by which a content security policy allows one script or one style sheet."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()


@functools.cache
def _environment() -> Environment:
    # Imported here because it is slow to import and only a page needs it.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("trajdata._show", "."),
        autoescape=lambda name: bool(name and name.endswith(".jinja")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
