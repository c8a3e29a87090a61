"""What several commands share: options, the text on exit codes, and JSON answers."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from trajdata._spec.splits import split_names

__all__ = ["EXITS", "AsJson", "Out", "Seed", "Split", "print_json"]

EXITS = (
    "Exit codes: 0 done, 1 damage found or failed, 2 usage, 3 the folder holds another stream, "
    "4 another process is writing there, 75 try later (disk full, I/O error, no permission), "
    "130 interrupted."
)

Seed = Annotated[int, typer.Option(help="Which stream, from 0 to 2**63 - 1.")]
Split = Annotated[
    str,
    typer.Option(help=f"Which part of the stream: {', '.join(split_names())}; they never overlap."),
]
Out = Annotated[
    str,
    typer.Argument(
        help="A folder or bucket URL that `trajdata materialize` writes.", metavar="OUT"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def print_json(answer: dict[str, Any]) -> None:
    """Print an answer as JSON, for a program."""
    typer.echo(json.dumps(answer, indent=2, default=str))
