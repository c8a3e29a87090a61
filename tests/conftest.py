"""What every test may use, and one thing that is done before any of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trajdata._spec.model import ClipSpec

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "trajdata"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Drop compiled kernels older than the newest source that is compiled into any of them.

    Numba's cache on disk watches only a function's own file; kernels call each other across
    files and freeze constants of others, so a change there would leave them with the old code.
    """
    newest = max(source.stat().st_mtime for source in _behind_kernels())
    for folder in PACKAGE.rglob("__pycache__"):
        for pattern in ("*.nbi", "*.nbc"):
            for compiled in folder.glob(pattern):
                if compiled.stat().st_mtime < newest:
                    compiled.unlink(missing_ok=True)


def _behind_kernels() -> set[Path]:
    """Sources with kernels, and all that those import from the package."""
    imports = {
        source: re.findall(r"^from (trajdata[\w.]*) import", source.read_text("utf-8"), re.M)
        for source in PACKAGE.rglob("*.py")
    }
    todo = [source for source, names in imports.items() if "trajdata._jit" in names]
    seen: set[Path] = set()
    while todo:
        source = todo.pop()
        if source not in seen:
            seen.add(source)
            files = [ROOT / (name.replace(".", "/") + ".py") for name in imports[source]]
            todo += [file for file in files if file in imports]
    return seen


@pytest.fixture(scope="session")
def tiny_spec() -> ClipSpec:
    """The smallest pictures that a spec allows: clips of 4 x 3 x 16 x 16, 3 KB each."""
    return ClipSpec().replace(frames=4, height=16, width=16)
