"""The interpreters that peers run in: this one, or a virtual environment for one peer alone."""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["Unavailable", "interpreter"]

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[1] / ".venv-peers"
INSTALL_SECONDS = 1200


class Unavailable(Exception):
    """A peer's environment cannot be made; the text says why, in one line."""


def interpreter(name: str, without_dependencies: Sequence[str] = ()) -> Path:
    """The python in which requirements/NAME.txt is installed; made unless it is there.

    Args:
        name: of the peer.
        without_dependencies: requirements to install after the others, and alone.

    Raises:
        Unavailable: with the reason.
    """
    requirements = HERE / "requirements" / f"{name}.txt"
    folder = ENVIRONMENTS / name
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    stamp = folder / ".stamp"
    wanted = _digest(requirements, without_dependencies)
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return python
    print(f"Installing {name} into {folder}", file=sys.stderr, flush=True)
    _done([sys.executable, "-m", "venv", "--clear", str(folder)])
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _done([*install, "-r", str(requirements)])
    if without_dependencies:
        _done([*install, "--no-deps", *without_dependencies])
    stamp.write_text(wanted, "utf-8")
    return python


def _digest(requirements: Path, without_dependencies: Sequence[str]) -> str:
    text = "\n".join(
        [platform.python_version(), requirements.read_text("utf-8"), *without_dependencies]
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _done(command: list[str]) -> None:
    try:
        ended = subprocess.run(
            command, cwd=HERE, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"not installed in {INSTALL_SECONDS} s") from None
    if ended.returncode:
        errors = [line for line in ended.stderr.splitlines() if line.startswith("ERROR")]
        told = errors or ended.stderr.strip().splitlines() or [f"exit {ended.returncode}"]
        raise Unavailable(told[0].removeprefix("ERROR: "))
