"""The errors of this package: one base, and a class for each kind that a caller may handle."""

from __future__ import annotations

import os

__all__ = [
    "ArgumentError",
    "CompilerError",
    "LockedError",
    "MissingPackageError",
    "ShardError",
    "SpecMismatchError",
    "TrajdataError",
    "printable",
]


def printable(text: str) -> str:
    """The text with every character that cannot be printed replaced by its escape sequence.

    Anyone may have written the names and messages in a folder of shards, and a control character
    among them could change a terminal.
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


class TrajdataError(Exception):
    """Base of every error that this package raises by itself. Errors of the operating system
    (``OSError``) are passed on as they are."""


class ArgumentError(TrajdataError, ValueError):
    """An argument has a value that is not allowed; names the argument, the value and what is
    allowed."""


class CompilerError(TrajdataError, RuntimeError):
    """The kernels cannot run, because Numba was told not to compile."""


class MissingPackageError(TrajdataError, ImportError):
    """A package that only some functions need is not there; says what brings it."""


class ShardError(TrajdataError):
    """A shard, an index or a commit record is not what it claims to be.

    Attributes:
        file: the file that is wrong.
        offset: byte offset in the file, or None if the whole file is meant.
        expected: what the format demands.
        found: what was there.
    """

    def __init__(
        self,
        file: str | os.PathLike[str],
        *,
        expected: object,
        found: object,
        offset: int | None = None,
    ) -> None:
        self.file = os.fspath(file)
        self.offset = offset
        self.expected = expected
        self.found = found
        where = self.file if offset is None else f"{self.file} at byte {offset}"
        super().__init__(printable(f"{where}: expected {expected}, found {found}"))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_shard_error, (self.file, self.offset, self.expected, self.found)


def _rebuild_shard_error(
    file: str, offset: int | None, expected: object, found: object
) -> ShardError:
    return ShardError(file, offset=offset, expected=expected, found=found)


class SpecMismatchError(TrajdataError, ValueError):
    """A folder or a state belongs to another stream than the one asked for.

    Attributes:
        what: the folder or state, in words.
        differences: field name -> (value that was asked for, value that the store or state holds).
    """

    def __init__(self, what: str, differences: dict[str, tuple[object, object]]) -> None:
        self.what = what
        self.differences = dict(differences)
        rows = "; ".join(
            f"{name}: asked for {asked!r}, it holds {held!r}"
            for name, (asked, held) in self.differences.items()
        )
        super().__init__(f"{what} belongs to another stream: {rows}")

    def __reduce__(self) -> tuple[object, ...]:
        return SpecMismatchError, (self.what, self.differences)


class LockedError(TrajdataError, RuntimeError):
    """Another process is writing to this folder.

    Attributes:
        folder: the folder.
        owner: what its lock file says of the writer.
    """

    def __init__(self, folder: str | os.PathLike[str], owner: str) -> None:
        self.folder = os.fspath(folder)
        self.owner = owner
        super().__init__(
            printable(f"{self.folder} is being written by {owner}; nothing was changed")
        )

    def __reduce__(self) -> tuple[object, ...]:
        return LockedError, (self.folder, self.owner)
