"""Laws of the user's on the command line: files that are run before the command."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from trajdata._errors import ArgumentError

__all__ = ["load_law_files", "words_of_law_files"]

_LOADED: list[Path] = []


def load_law_files(files: Sequence[Path]) -> None:
    """Run files that define laws with ``trajdata.law``, as modules named by their files.

    Raises:
        ArgumentError: no file of that name, or no name of a module.
    """
    for file in files:
        spec = importlib.util.spec_from_file_location(file.stem, file)
        if (
            spec is None
            or spec.loader is None
            or not file.is_file()
            or not file.stem.isidentifier()
        ):
            raise ArgumentError(
                f"--laws: given {str(file)!r}; allowed is a file of Python, named as a module is"
            )
        if file.stem in sys.modules:
            raise ArgumentError(
                f"--laws: given {str(file)!r}; a module {file.stem} is loaded already: give the "
                "file another name"
            )
        module = importlib.util.module_from_spec(spec)
        sys.modules[file.stem] = module
        spec.loader.exec_module(module)
        _LOADED.append(file.absolute())


def words_of_law_files() -> list[str]:
    """The same options as words, for the command line of another process."""
    return [word for file in _LOADED for word in ("--laws", str(file))]
