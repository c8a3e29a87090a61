"""The bake that is tortured, and how its result is compared."""

import hashlib

from trajdata._bake import progress
from trajdata._bake.run import materialize_on
from trajdata._clips.source import ClipSource
from trajdata._spec.model import ClipSpec
from trajdata._store.folder import FolderStore

SPEC = ClipSpec().replace(frames=2, height=16, width=16, channels=1)
CLIPS, SHARD_CLIPS, SHARDS = 5, 2, 3

LIVELY = {*progress.LIVELY, ".trajdata/lock"}
"""What says who and when, and may differ."""


def bake(disk, *, threads, on_progress=None):
    try:
        return materialize_on(
            FolderStore(disk),
            ClipSource(SPEC),
            clips=CLIPS,
            threads=threads,
            shard_clips=SHARD_CLIPS,
            on_progress=on_progress,
        )
    finally:
        disk.close_folders()


def tree(folder):
    """Relative path -> SHA-256, of every file but the lively ones; nothing else may be there."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).as_posix() not in LIVELY
    }


def shards(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.tar")}
