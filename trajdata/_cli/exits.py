"""End a command: with an exit code for each kind of error, and a message on standard error."""

from __future__ import annotations

import errno
import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import typer

from trajdata._errors import LockedError, SpecMismatchError, TrajdataError, printable

__all__ = [
    "DONE",
    "FAILED",
    "INTERRUPTED",
    "LOCKED",
    "OTHER_SPEC",
    "TRY_LATER",
    "USAGE",
    "error_json",
    "exit_codes",
    "interruptible",
    "resumable",
]

DONE = 0
FAILED = 1
USAGE = 2
OTHER_SPEC = 3
LOCKED = 4
TRY_LATER = 75
INTERRUPTED = 130

# Errors after which a later run may succeed, for example when the disk has space again. They are
# listed by name because not every system has all of them.
_PASSING = frozenset(
    getattr(errno, name)
    for name in (
        "EACCES",
        "EAGAIN",
        "EBUSY",
        "EDQUOT",
        "EINTR",
        "EIO",
        "EMFILE",
        "ENFILE",
        "ENOLCK",
        "ENOMEM",
        "ENOSPC",
        "EPERM",
        "EROFS",
        "ESTALE",
        "ETIMEDOUT",
    )
    if hasattr(errno, name)
)
_EXTRAS = {"filelock": "cloud", "matplotlib": "audit", "obstore": "cloud", "scipy": "audit"}
"""Packages that only some commands need, and the extra that brings each."""

# Errors which mean that the path on the command line cannot be a folder or file.
_WRONG_PATH = frozenset({errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP})


@contextmanager
def exit_codes(as_json: bool = False) -> Iterator[None]:
    """Turn the errors that a user may meet into a message on standard error and an exit code.

    Args:
        as_json: whether to print the error as JSON on standard output too, for a program.

    Raises:
        typer.Exit: with the exit code. An unexpected exception is passed on, with its traceback.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        raise typer.Exit(INTERRUPTED) from error
    except (TrajdataError, ValueError, ImportError, OSError) as error:
        code, message = _ending(error)
        typer.echo(f"trajdata: {_lines(message)}", err=True)
        if as_json:
            typer.echo(error_json(code, message))
        raise typer.Exit(code) from error


def error_json(code: int, message: str) -> str:
    """The JSON that is printed for a program when there was an error."""
    return json.dumps({"error": message, "exit_code": code}, indent=2)


def _lines(message: str) -> str:
    """A message of several lines, without control characters that could change a terminal."""
    return "\n".join(map(printable, message.split("\n")))


def _ending(error: Exception) -> tuple[int, str]:
    """The exit code of an error, and the message."""
    if isinstance(error, SpecMismatchError):
        return OTHER_SPEC, str(error)
    if isinstance(error, LockedError):
        return LOCKED, str(error)
    if isinstance(error, ImportError):
        return FAILED, _missing(error)
    if isinstance(error, OSError):
        if error.errno in _PASSING:
            return TRY_LATER, f"{_described(error)}\nWhen the cause is removed, {_again()}"
        return (USAGE if error.errno in _WRONG_PATH else FAILED), _described(error)
    return (USAGE if isinstance(error, ValueError) else FAILED), str(error)


def _missing(error: ImportError) -> str:
    """The message for a package that is not installed: it names the extra that installs it."""
    package = (error.name or "").partition(".")[0]
    extra = _EXTRAS.get(package)
    if extra is None:
        return str(error)
    return f"this needs {package}, which is not installed: pip install 'trajdata-video[{extra}]'"


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, SIGTERM has the effect of a Ctrl-C, so that a batch system can stop a bake like a
    person.

    After the first interrupt the process ends, and ignores both signals from then on: a second
    Ctrl-C would replace the exit code and the message about resuming.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise
    else:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def resumable(out: str) -> Iterator[None]:
    """Inside, an interruption ends the command with its code and the command that resumes.

    Args:
        out: the store that is baked into.
    """
    try:
        with interruptible():
            yield
    except KeyboardInterrupt as interrupt:
        typer.echo(
            f"Interrupted; what is committed in {out} stays. To resume:\n  {_invocation()}",
            err=True,
        )
        raise typer.Exit(INTERRUPTED) from interrupt


def _invocation() -> str:
    """The command of this process, as it can be typed into a shell again."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        words = [sys.executable, "-m", "trajdata"]
    elif program.suffix == ".py":
        words = [sys.executable, sys.argv[0]]
    else:
        words = [sys.argv[0] if os.sep in sys.argv[0] else program.name]
    return shlex.join([*words, *sys.argv[1:]])


def _again() -> str:
    return f"run the same command again; it goes on where it stopped:\n  {_invocation()}"


def _described(error: OSError) -> str:
    file = f"{error.filename}: " if error.filename else ""
    return f"{file}{error.strerror or error}"
