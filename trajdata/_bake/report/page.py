"""report.html as a pure function of what is known: no file is read or written but the template."""

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
        damaged: those of them that had not the hash that was promised, and are made again.
        canary: index of the committed clip that was rendered again and was the same, to the byte.
        temps_cleared: temporary files of an earlier run that were removed.
        newest: the shards that were committed last, the newest first.
        index_is_there: whether index.json is, by which a store counts as complete.
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
    """The page: everything is in it, and nothing in it is taken from elsewhere or executed.

    Args:
        where: path or URL of the store, for people and for the commands.
        recipe: of the store.
        report: of the bake; its history is plotted.
        integrity: of the store.
        pictures: of the newest clips; may be empty.

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
    # Not needed before a bake, and slow to import.
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
        span=span, gigabytes=gigabytes, data_url=_data_url, grouped=_grouped, per_second=_per_second
    )
    return environment.get_template(_TEMPLATE)


def _percent(part: int, whole: int) -> str:
    """Rounded down to a tenth, so that 100 is all of it."""
    return f"{(1000 * part // whole) / 10:g}"


def _grouped(value: int) -> str:
    return f"{value:,}"


def _per_second(rate: float | None) -> str:
    if rate is None:
        return "-"
    return f"{rate:,.0f} clips/s" if rate >= 10 else f"{rate:.2g} clips/s"


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
        (shlex.join([*verify, "--full"]), "To read every byte (hashes, headers, values)"),
        (
            shlex.join([*verify, "--rerender", "100"]),
            "To render 100 clips again and compare them to the byte",
        ),
        (
            shlex.join(["trajdata", "repair", where]),
            "To make damaged and missing shards again, to the same hash",
        ),
    ]
