"""Hooks of the documentation site: what is made from the code is made when the site is built.

`<!-- generated NAME -->` in a page is replaced by what the function of that name returns. The
gallery, the changelog and the pictures of result files become files of the site.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import trajdata  # noqa: E402
import trajdata.convert  # noqa: E402
import trajdata.scoring  # noqa: E402
from trajdata._cli.app import app  # noqa: E402
from trajdata._shards.layout import STANDARD_ARRAYS, record_layout  # noqa: E402
from trajdata._show.gallery import GALLERY_FIELDS, gallery_html  # noqa: E402

RESULTS = ("benchmarks/results", "examples/results")
CLI_COLUMNS = "76"
API = {
    "Specs": ("preset", "presets", "ClipSpec", "spec_schema"),
    "Sources": ("ClipSource", "open_shards", "read_through"),
    "Datasets": ("TrajectoryDataset", "TrajectoryMapDataset", "Output", "resume_point"),
    "Baking": (
        *(
            "materialize",
            "MaterializeReport",
            "bake_range",
            "finish",
            "verify",
            "VerifyReport",
            "repair",
            "RepairReport",
            "sync",
            "SyncReport",
            "export",
            "ExportReport",
        ),
    ),
    "Measuring": ("evaluate", "EvaluationReport", "Scores", "audit", "AuditReport"),
    "Errors": (
        *("TrajdataError", "ArgumentError", "ShardError", "SpecMismatchError", "LockedError"),
        "MissingPackageError",
    ),
}
"""Sections of the API page and the names in each; a public name that none of them has is under
"More", and constants are the last."""


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), ["---"] * len(list(head)), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def presets() -> str:
    rows = []
    for name in trajdata.presets():
        spec = trajdata.preset(name)
        t, c, h, w = spec.picture_shape
        rows.append(
            [
                *(f"`{name}`", f"{t}", "RGB" if c == 3 else "gray", f"{h} x {w}"),
                *(spec.looks.background, ", ".join(spec.laws)),
            ]
        )
    return table(["preset", "frames", "colour", "pixels", "background", "laws"], rows)


def settings() -> str:
    spec = trajdata.preset(trajdata.presets()[0])
    meanings = spec.descriptions()
    rows = [
        [f"`{name}`", f"`{_said(value)}`", meanings[name]]
        for name, value in spec.settings().items()
    ]
    head = ["setting", f"in `{trajdata.presets()[0]}`", "meaning"]
    return table(head, rows)


def fields() -> str:
    rows = [
        [f"`{field.name}`", _shape(field), field.dtype, field.unit, field.meaning]
        for field in trajdata.FIELDS.values()
    ]
    return table(["field", "shape", "dtype", "unit", "what it is"], rows)


def layout() -> str:
    parts = []
    for name in trajdata.presets():
        found = record_layout(trajdata.preset(name), STANDARD_ARRAYS)
        rows = [
            [f"`KEY.{member.name}`", f"{member.start:,}", f"{member.offset:,}", f"{member.size:,}"]
            for member in found.members
        ]
        head = ["member", "header at", "value at", "bytes, with NumPy's header"]
        title = f"**{name}**: {found.record_bytes:,} bytes a record."
        parts.append(f"{title}\n\n{table(head, rows)}")
    return "\n\n".join(parts)


def cli() -> str:
    main = _help()
    names = re.findall(r"^ {0,3}(?:│ )?([a-z][a-z-]+) {2,}\S", main.partition("Commands")[2], re.M)
    parts = [f"```text\n{main}\n```"]
    for name in names:
        parts.append(f"## {name}\n\n```text\n{_help(name)}\n```")
    return "\n\n".join(parts)


def api() -> str:
    sections = {
        title: [name for name in names if name in trajdata.__all__] for title, names in API.items()
    }
    placed = {name for names in API.values() for name in names}
    rest = [name for name in trajdata.__all__ if name not in placed and name != "__version__"]
    sections["More"] = [name for name in rest if not name.isupper()]
    sections["Constants"] = [name for name in rest if name.isupper()]
    pages = [
        f"## {title}\n\n" + "\n\n".join(f"::: trajdata.{name}" for name in names)
        for title, names in sections.items()
        if names
    ]
    for title, module in (("Other formats", trajdata.convert), ("Scores", trajdata.scoring)):
        listed = "\n\n".join(f"::: {module.__name__}.{name}" for name in module.__all__)
        pages.append(f"## {title}: {module.__name__}\n\n{listed}")
    return "\n\n".join(pages)


GENERATED: dict[str, Callable[[], str]] = {
    "presets": presets,
    "settings": settings,
    "fields": fields,
    "layout": layout,
    "cli": cli,
    "api": api,
}


def on_files(files: Files, *, config: Any, **_: Any) -> Files:
    """Add the files that are made here, and the pictures that result files have."""
    sources = {
        name: trajdata.ClipSource(trajdata.preset(name), fields=GALLERY_FIELDS)
        for name in trajdata.presets()
    }
    gallery = gallery_html(sources, note="Seed 0, split train.")
    files.append(File.generated(config, "gallery/index.html", content=gallery))
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    files.append(File.generated(config, "changelog.md", content=changelog))
    for picture in sorted(path for folder in RESULTS for path in (ROOT / folder).glob("*.png")):
        files.append(File.generated(config, f"assets/{picture.name}", content=picture.read_bytes()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in what is generated, and point links at result files into the site."""
    for folder in RESULTS:
        markdown = markdown.replace(f"../{folder}/", "assets/")
    return re.sub(r"<!-- generated (\w+) -->", lambda match: GENERATED[match[1]](), markdown)


def _said(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(map(_said, value))
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _shape(field: Any) -> str:
    if field.dtype == "str" or field.dtype.startswith("dict"):
        return ""
    comma = "," if len(field.axes) == 1 else ""
    return f"({', '.join(field.axes)}{comma})"


def _help(*command: str) -> str:
    """What ``trajdata COMMAND --help`` prints, as wide as a page."""
    answer = CliRunner().invoke(
        app,
        [*command, "--help"],
        prog_name="trajdata",
        env={"COLUMNS": CLI_COLUMNS, "NO_COLOR": "1", "TERM": "dumb"},
    )
    if answer.exit_code:
        raise RuntimeError(f"trajdata {' '.join(command)} --help: {answer.output}")
    return "\n".join(line.rstrip() for line in answer.stdout.strip().splitlines())
