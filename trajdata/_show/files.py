"""Write a file into a folder that may come from anyone."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["put_file"]


def put_file(path: Path, data: bytes) -> None:
    """Write a file; it replaces one that has the name. A link is replaced too, and never followed,
    because the folder may come from anyone."""
    temp = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temp, "xb") as file:
            file.write(data)
        os.replace(temp, path)
    except OSError:
        temp.unlink(missing_ok=True)
        raise
