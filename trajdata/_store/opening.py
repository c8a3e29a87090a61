"""Choose the kind of store that a path or URL stands for."""

from __future__ import annotations

import os

from trajdata._store.disk import Disk
from trajdata._store.folder import FolderStore
from trajdata._store.protocol import Store

__all__ = ["open_store"]


def open_store(where: str | os.PathLike[str]) -> Store:
    """The store at a path. No file is looked at or created yet."""
    return FolderStore(Disk(os.path.abspath(where)))
