"""Put the commands together, and run the command line.

A command only reads its options, calls the library and prints the answer. Modules that are slow to
import are imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from trajdata._cli.baking import materialize, status, watch
from trajdata._cli.bench import bench
from trajdata._cli.checking import audit, repair, verify
from trajdata._cli.exits import INTERRUPTED, error_json, exit_codes
from trajdata._cli.exporting import export
from trajdata._cli.gallery import gallery
from trajdata._cli.law_files import load_law_files
from trajdata._cli.options import EXITS
from trajdata._cli.ranges import bake_range, finish
from trajdata._cli.scoring import score
from trajdata._cli.showing import preview
from trajdata._cli.syncing import sync

__all__ = ["app", "main"]

_COMMANDS: tuple[Callable[..., None], ...] = (
    *(
        materialize,
        bake_range,
        finish,
        status,
        watch,
        verify,
        repair,
        sync,
        preview,
        gallery,
        export,
        audit,
        score,
        bench,
    ),
)


def _help_width() -> int:
    """Columns of a help text: Click's own least width is wider than a narrow terminal."""
    return max(min(shutil.get_terminal_size().columns, 80) - 2, 30)


app = typer.Typer(
    name="trajdata",
    help="Synthetic trajectory videos with exact truth: bake them into tar shards.",
    epilog=EXITS,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Rich's tables cut words on a narrow terminal.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "terminal_width": _help_width()},
)
for _command in _COMMANDS:
    app.command(epilog=EXITS)(_command)


# In older releases, Typer raises errors of Click; in newer ones, errors of its own copy of Click.
# This finds the right class in both.
_UsageError: Any = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


def _show_version(asked: bool) -> None:
    if asked:
        from trajdata import __version__

        typer.echo(f"trajdata {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
    laws: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file of Python that defines laws of your own with trajdata.law. It is run: "
            "name only what you trust. Stands before the command; may be repeated.",
            metavar="FILE",
        ),
    ] = None,
) -> None:
    """Synthetic trajectory videos with exact truth: bake them into tar shards."""
    if laws:
        with exit_codes("--json" in sys.argv):
            load_law_files(laws)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, and end the process with one of the exit codes.

    Args:
        arguments: the words after the program's name; None means those of this process.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if "--json" in words:
            _run_for_a_program(words)
        else:
            app(words, prog_name="trajdata")
    except KeyboardInterrupt as interrupt:
        raise SystemExit(INTERRUPTED) from interrupt


def _run_for_a_program(words: list[str]) -> None:
    """Run a command whose answer a program reads: errors of usage are printed as JSON too."""
    try:
        code: Any = app(words, prog_name="trajdata", standalone_mode=False)
    except _UsageError as error:
        error.show()
        typer.echo(error_json(error.exit_code, error.format_message()))
        raise SystemExit(error.exit_code) from error
    except typer.Abort as abort:
        raise SystemExit(INTERRUPTED) from abort
    raise SystemExit(code if isinstance(code, int) else 0)
