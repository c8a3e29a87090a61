"""From a path or a URL to the store that is there."""

from __future__ import annotations

import os

from trajdata._store.bucket import BucketStore
from trajdata._store.disk import Disk
from trajdata._store.folder import FolderStore
from trajdata._store.protocol import Store

__all__ = ["is_url", "open_store"]


def is_url(where: str | os.PathLike[str]) -> bool:
    """Whether a store is named by a URL, and so is no folder."""
    return isinstance(where, str) and "://" in where


def open_store(where: str | os.PathLike[str]) -> Store:
    """The store at a path or URL. Nothing is looked at and nothing is made.

    Raises:
        ArgumentError: a URL of another kind than those of buckets.
        ImportError: a bucket's URL, and obstore is not installed.
    """
    if isinstance(where, str) and is_url(where):
        return BucketStore(where)
    return FolderStore(Disk(os.path.abspath(where)))
