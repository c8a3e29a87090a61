"""The page report.html, as a pure function of its arguments. It reads no file but its template."""

from __future__ import annotations

import base64
import functools
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trajdata._bake.progress import ProgressReport, gigabytes, span
from trajdata._bake.report.charts import rate_chart, shard_map, shard_ranges
from trajdata._shards.commit_record import Commit
from trajdata._shards.index import INDEX
from trajdata._shards.recipe import Recipe
from trajdata._spec.model import ClipSpec
from trajdata._words import per_second

if TYPE_CHECKING:
    from jinja2 import Template

    from trajdata._show.pictures import ClipPicture

__all__ = ["Integrity", "render_page"]

_REFRESH_SECONDS = 5
_MOST_RANGES = 12
_TEMPLATE = "report.html.jinja"


@dataclass(frozen=True)
class Integrity:
    """What a run knows of its store's shards.

    Attributes:
        done: for each shard, in order, whether it is committed; bool (shards,).
        rehashed: file names of the shards that were hashed again when the run began.
        damaged: those of them that did not have their promised hash, and are rendered again.
        canary: index of the committed clip that was rendered again and had the same bytes.
        temps_cleared: how many temps of an earlier run were removed.
        newest: the shards that were committed last, the newest first.
        index_is_there: whether index.json is there, which makes a store complete.
    """

    done: NDArray[np.bool_]
    rehashed: tuple[str, ...]
    damaged: tuple[str, ...]
    canary: int | None
    temps_cleared: int
    newest: tuple[Commit, ...]
    index_is_there: bool


def render_page(
    where: str,
    recipe: Recipe,
    report: ProgressReport,
    integrity: Integrity,
    pictures: tuple[ClipPicture, ...],
) -> str:
    """The page. It loads nothing from elsewhere and runs no script.

    Args:
        where: path or URL of the store, for people and for the commands.
        recipe: the store's recipe.
        report: the progress report of the bake; its history is plotted.
        integrity: what is known of the store's shards.
        pictures: pictures of the newest clips; may be empty.

    Returns:
        HTML. Its size is bounded, however many shards or clips there are.
    """
    missing, more_missing = shard_ranges(integrity.done, _MOST_RANGES)
    return _template().render(
        where=where,
        recipe=recipe,
        report=report,
        integrity=integrity,
        refresh_seconds=_REFRESH_SECONDS,
        percent=_percent(report.clips_done, report.clips_total),
        percent_in_flight=_percent(report.clips_in_flight, report.clips_total),
        most_clips_a_class=max(*report.class_counts.values(), 1),
        chart=rate_chart(report.history),
        map=shard_map(integrity.done),
        missing=missing,
        more_missing=more_missing,
        pictures=pictures,
        spec_rows=_spec_rows(recipe.spec),
        commands=_commands(where),
        index_name=INDEX,
        is_short_of_disk=report.is_short_of_disk,
    )


@functools.cache
def _template() -> Template:
    # Imported here because it is slow to import and only a bake needs it.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("trajdata._bake.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        span=span, gigabytes=gigabytes, data_url=_data_url, grouped=_grouped, per_second=per_second
    )
    return environment.get_template(_TEMPLATE)


def _percent(part: int, whole: int) -> str:
    """A share in percent, rounded down to a tenth, so that only the whole is shown as 100."""
    return f"{(1000 * part // whole) / 10:g}"


def _grouped(value: int) -> str:
    return f"{value:,}"


def _data_url(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def _spec_rows(spec: ClipSpec) -> list[tuple[str, str, str]]:
    """(field, value, what it is) of each field."""
    meanings = spec.descriptions()
    return [(name, _shown(value), meanings[name]) for name, value in spec.settings().items()]


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        joint = " to " if all(isinstance(part, float) for part in value) else ", "
        return joint.join(f"{part}" for part in value)
    return f"{value}"


def _commands(where: str) -> list[tuple[str, str]]:
    """(command, what it does)."""
    verify = ["trajdata", "verify", where]
    return [
        (shlex.join([*verify, "--full"]), "To check every byte (hashes, headers, values)"),
        (
            shlex.join([*verify, "--rerender", "100"]),
            "To render 100 clips again and compare every byte of them",
        ),
        (
            shlex.join(["trajdata", "repair", where]),
            "To render damaged and missing shards again, which gives them the same hash",
        ),
    ]
