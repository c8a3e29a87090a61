"""HTML for notebooks: what ``_repr_html_`` of a clip, a batch and a spec returns.

Texts take the notebook's own colour, so the HTML can be read on light and on dark paper. All styles
are inline, because some notebooks remove style sheets.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trajdata._show.encoding import encoded
from trajdata._show.palette import Theme, hex_colour, law_colour
from trajdata._show.pictures import evenly
from trajdata._show.shown import ShownSpec, first_camera
from trajdata._show.tiles import Tile, draw_path

__all__ = ["ListedSpec", "batch_html", "clip_html", "spec_html"]

_MOST_CLIPS = 6
_MOST_FRAMES = 8
_SIDE = 128
_GAP = 4
_PAPER = (128, 128, 128)
_THEME = Theme(_PAPER, _PAPER, _PAPER, (150, 154, 158), 0.0)
_CELL = "font-size:13px;padding:2px 12px 2px 0;text-align:left;border:0"
_SOFT = "opacity:.65"
_BOX = "font-size:13px;line-height:1.45;max-width:100%;overflow-x:auto"


class ListedSpec(Protocol):
    """The attributes of a ``ClipSpec`` that are used to list its settings."""

    @property
    def fingerprint(self) -> str: ...
    def settings(self) -> Mapping[str, Any]: ...
    def descriptions(self) -> Mapping[str, str]: ...


def clip_html(clip: Mapping[str, Any], spec: ShownSpec) -> str:
    """A clip for a notebook: its frames with the path so far, its class, and a list of its fields.

    Args:
        clip: a clip with any fields.
        spec: the spec of the clip's source.
    """
    rows = {name: _one(value) for name, value in clip.items()}
    strip = _strip_row(rows, 0, spec) if "video" in rows else ""
    texts = "".join(
        f'<div style="margin-top:4px">{html.escape(str(clip[name]))}</div>'
        for name in ("caption", "equation")
        if name in clip
    )
    return _boxed(strip + texts + _fields_table(clip))


def batch_html(batch: Mapping[str, Any], spec: ShownSpec) -> str:
    """A batch for a notebook: its first clips as rows of frames, and a list of its fields.

    Args:
        batch: a batch with any fields; the first axis of each value is the clips.
        spec: the spec of the batch's source.
    """
    strips, more = "", ""
    if "video" in batch:
        count = len(batch["video"])
        strips = "".join(_strip_row(batch, k, spec) for k in range(min(count, _MOST_CLIPS)))
        if count > _MOST_CLIPS:
            more = f'<div style="{_SOFT}">and {count - _MOST_CLIPS:,} more</div>'
    return _boxed(strips + more + _fields_table(batch))


def spec_html(spec: ListedSpec) -> str:
    """A spec for a notebook: a table of its settings by group, with the meaning of each."""
    meanings = spec.descriptions()
    groups: dict[str, list[tuple[str, Any, str]]] = {}
    for name, value in spec.settings().items():
        group, _, setting = name.rpartition(".")
        groups.setdefault(group, []).append((setting, value, meanings[name]))
    rows = []
    for group, settings in groups.items():
        for k, (setting, value, meaning) in enumerate(settings):
            head = f"<b>{html.escape(group)}</b>" if k == 0 else ""
            line = ";border-top:1px solid rgba(128,128,128,.35)" if k == 0 else ""
            cells = (
                *(head, html.escape(setting), f"<code>{html.escape(_said(value))}</code>"),
                f'<span style="{_SOFT}">{html.escape(meaning)}</span>',
            )
            rows.append(_row(cells, line))
    foot = f'<div style="{_SOFT}">fingerprint {html.escape(spec.fingerprint[:16])}...</div>'
    return _boxed(_table(rows) + foot)


def _strip_row(batch: Mapping[str, Any], k: int, spec: ShownSpec) -> str:
    """Clip k of a batch: its class and number, and its frames in one picture."""
    video: NDArray[np.uint8] = np.asarray(batch["video"][k])
    if video.ndim == 5:
        batch, video = first_camera(batch), video[0]
    tile = Tile(video.shape[2], video.shape[3], _SIDE)
    label = int(batch["label"][k]) if "label" in batch else None
    colour = (128, 128, 128) if label is None else law_colour(label)
    shown = evenly(video.shape[0], _MOST_FRAMES)
    size = (len(shown) * (tile.width + _GAP) - _GAP + 2, tile.height + 2)
    strip = Image.new("RGBA", size, (0, 0, 0, 0))
    for column, frame in enumerate(shown):
        picture = tile.picture(video[frame])
        if "pixels" in batch:
            places = tile.places(np.asarray(batch["pixels"][k])[: frame + 1])
            draw_path(picture, places, colour, weight=0.7)
        tile.paste(strip, (1 + column * (tile.width + _GAP), 1), picture, _THEME)
    data = base64.b64encode(encoded(strip, format="PNG", optimize=True)).decode("ascii")
    words = []
    if label is not None:
        words.append(f'<b style="color:{hex_colour(colour)}">{html.escape(spec.laws[label])}</b>')
    if "index" in batch:
        words.append(f'<span style="{_SOFT}">clip {int(batch["index"][k])}</span>')
    return (
        f'<div style="margin:0 0 8px"><div>{" ".join(words)}</div>'
        f'<img alt="frames {", ".join(map(str, shown))}" src="data:image/png;base64,{data}" '
        f'style="max-width:100%;height:auto;margin:2px 0"></div>'
    )


def _fields_table(values: Mapping[str, Any]) -> str:
    rows = [
        _row(
            (f"<code>{html.escape(name)}</code>", f'<span style="{_SOFT}">{_kind(value)}</span>'),
            "",
        )
        for name, value in values.items()
    ]
    return _table(rows)


def _kind(value: Any) -> str:
    """The kind of a value: dtype and shape of an array, or else its type and size."""
    if isinstance(value, Mapping):
        return f"dict of {len(value)}"
    if isinstance(value, list):
        return f"list of {len(value)} {type(value[0]).__name__ if value else 'values'}"
    if isinstance(value, str):
        return f"str of {len(value)}"
    array = np.asarray(value)
    return html.escape(f"{array.dtype} {array.shape}")


def _said(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(_said(part) for part in value)
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _one(value: Any) -> Any:
    """A value of a clip as it is in a batch of this one clip."""
    return value if isinstance(value, str | Mapping) else np.asarray(value)[None]


def _row(cells: Iterable[str], more: str) -> str:
    inside = "".join(f'<td style="{_CELL}{more}">{cell}</td>' for cell in cells)
    return f'<tr style="background:none">{inside}</tr>'


def _table(rows: list[str]) -> str:
    inside = "".join(rows)
    return f'<table style="border-collapse:collapse;margin:4px 0;border:0">{inside}</table>'


def _boxed(inside: str) -> str:
    return f'<div style="{_BOX}">{inside}</div>'
