"""How a command ends: one exit code and one line on standard error for each kind of error."""

from __future__ import annotations

import errno
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import typer

from trajdata._errors import LockedError, ShardError, SpecMismatchError, printable

__all__ = [
    "DONE",
    "FAILED",
    "INTERRUPTED",
    "LOCKED",
    "OTHER_SPEC",
    "TRY_LATER",
    "USAGE",
    "exit_codes",
    "interruptible",
    "invocation",
]

DONE = 0
FAILED = 1
USAGE = 2
OTHER_SPEC = 3
LOCKED = 4
TRY_LATER = 75
INTERRUPTED = 130

# What another hour, a bigger disk or a mended mount may cure; by name, as not every system has all.
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
# What was typed cannot be a folder or file.
_WRONG_PATH = frozenset({errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP})


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn the errors that a user may meet into a line on standard error and an exit code.

    Raises:
        typer.Exit: with the code. What is not expected goes through, with its traceback.
    """
    try:
        yield
    except SpecMismatchError as error:
        raise _end(OTHER_SPEC, str(error)) from error
    except LockedError as error:
        raise _end(LOCKED, str(error)) from error
    except ShardError as error:
        raise _end(FAILED, str(error)) from error
    except ValueError as error:
        raise _end(USAGE, str(error)) from error
    except OSError as error:
        if error.errno in _PASSING:
            raise _end(
                TRY_LATER, f"{_described(error)}\nWhen that is mended, {_again()}"
            ) from error
        code = USAGE if error.errno in _WRONG_PATH else FAILED
        raise _end(code, _described(error)) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(INTERRUPTED) from error


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, SIGTERM is a Ctrl-C, so that a batch system stops a bake as a person does.

    Once interrupted, the process is on its way out and takes no more of either: an impatient
    second Ctrl-C would replace the exit code and what is said about resuming.
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


def invocation() -> str:
    """The command that is running, as it can be typed into a shell again."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        words = [sys.executable, "-m", "trajdata"]
    elif program.suffix == ".py":
        words = [sys.executable, sys.argv[0]]
    else:
        words = [sys.argv[0] if os.sep in sys.argv[0] else program.name]
    return shlex.join([*words, *sys.argv[1:]])


def _again() -> str:
    return f"run the same command again; it goes on where it stopped:\n  {invocation()}"


def _described(error: OSError) -> str:
    file = f"{error.filename}: " if error.filename else ""
    return printable(f"{file}{error.strerror or error}")


def _end(code: int, message: str) -> typer.Exit:
    typer.echo(f"trajdata: {message}", err=True)
    return typer.Exit(code)
