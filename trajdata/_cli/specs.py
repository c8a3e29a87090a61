"""The options that name a spec: a preset or a file, and changes of settings."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trajdata._errors import ArgumentError
from trajdata._spec.presets import preset, presets

if TYPE_CHECKING:
    from trajdata._spec.model import ClipSpec

__all__ = ["Difficulty", "Preset", "SetSettings", "SpecFile", "chosen_spec", "words_of_choice"]

_MOST_BYTES = 2**20

Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        help=f"The preset to take the spec from: {', '.join(presets())}.",
        show_default=f"{presets()[0]}",
    ),
]
SpecFile = Annotated[
    Path | None,
    typer.Option("--spec", readable=False, help="A spec as JSON, in place of a preset."),
]
SetSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SETTING=VALUE",
        help="Change a setting, as in picture.frames=9, motion.speed=1,1.2, circular.turns=1,1.1 "
        "or motion.laws=linear,circular; may be repeated.",
    ),
]
Difficulty = Annotated[
    float, typer.Option(help="From 0 (clean) to 1: jitter, noise, less contrast and motion.")
]


def chosen_spec(
    preset_name: str | None, spec_file: Path | None, settings: list[str] | None, difficulty: float
) -> ClipSpec:
    """The spec that the options name.

    Raises:
        ArgumentError: both a preset and a file are named, a name is unknown, the file cannot be
            read, or a value is not allowed.
    """
    changes = dict(map(_parsed, settings or ()))
    if spec_file is None:
        return preset(preset_name or presets()[0], difficulty=difficulty).replace(changes)
    if preset_name is not None or difficulty:
        raise ArgumentError(
            f"--spec: given {str(spec_file)!r} with --preset or --difficulty; allowed is a file "
            "alone, with --set to change it"
        )
    from trajdata._spec.model import ClipSpec

    try:
        with open(spec_file, "rb") as file:
            text = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ArgumentError(f"--spec: given {str(spec_file)!r}; {error.strerror}") from error
    if len(text) > _MOST_BYTES:
        raise ArgumentError(f"--spec: given {str(spec_file)!r}; allowed are up to {_MOST_BYTES} B")
    return ClipSpec.from_json(text).replace(changes)


def words_of_choice(
    preset_name: str | None, spec_file: Path | None, settings: list[str] | None, difficulty: float
) -> list[str]:
    """The same options as words, for the command line of another process."""
    words = ["--preset", preset_name] if preset_name is not None else []
    words += ["--spec", str(spec_file.absolute())] if spec_file is not None else []
    words += ["--difficulty", str(difficulty)] if difficulty else []
    for setting in settings or ():
        words += ["--set", setting]
    return words


def _parsed(text: str) -> tuple[str, Any]:
    """Parse ``name=value``. The value is JSON, a word, or several of these separated by commas.

    Raises:
        ArgumentError: there is no "=".
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ArgumentError(f"--set: given {shlex.quote(text)}; allowed is SETTING=VALUE")
    name = name.strip()
    found = _value(value.strip())
    if name.rpartition(".")[2] in ("laws", "shapes") and isinstance(found, str):
        found = [found]
    return name, found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    if "," in text:
        return [_value(part.strip()) for part in text.split(",")]
    return text
