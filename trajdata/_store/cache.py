"""A folder of shards that were fetched from elsewhere, shared by all processes of a machine.

A shard's file is named by its SHA-256 and has that name only once it has those bytes. Who maps a
file holds a shared lock on it until the mapping is gone, and only files that nobody holds are
evicted: so the folder's files never come to more than the bound, those in use included. All locks
are the system's, which gives them back when a process is killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from trajdata._checks import whole_number
from trajdata._errors import ShardError

__all__ = ["ShardCache"]

_WHOLE, _PART = ".tar", ".part"
_ROOM_LOCK = "room.lock"
_PATIENCE_SECONDS = 900
"""How long a process waits for another one's download or eviction. That one may be frozen; then the
shard is held in memory."""
_LOCK_DIGITS = 2
"""Two shards whose names begin alike are not fetched at once; so there are few files of locks."""


class ShardCache:
    """Shards by their SHA-256, in a folder of at most so many bytes.

    Any number of processes may use one folder; each shard is fetched by one of them. It can be
    pickled.

    Args:
        folder: made if need be, for this user only.
        most_bytes: bound of all files of shards in it together.

    Raises:
        ArgumentError: not a number of bytes.
    """

    def __init__(self, folder: str | os.PathLike[str], most_bytes: int) -> None:
        self.folder = Path(os.path.abspath(folder))
        self.most_bytes = whole_number("cache_bytes", most_bytes, 0, 2**63 - 1)

    def map(self, sha256: str, size: int) -> memoryview | None:
        """A shard that is here, mapped into memory, read-only; None where it is not.

        Args:
            sha256: hex.
            size: of its file, bytes.
        """
        try:
            file = os.open(self._path(sha256, _WHOLE), os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError:
            return None
        try:
            _share(file)
            found = os.fstat(file)
            if found.st_nlink == 0 or found.st_size != size:
                return None  # evicted in between, or cut by somebody
            with contextlib.suppress(OSError):  # another user's file: then it is not marked as used
                os.utime(file)
            # The mapping has the lock too, and keeps it when the file is closed.
            return memoryview(mmap.mmap(file, 0, access=mmap.ACCESS_READ) if size else b"")
        finally:
            os.close(file)

    def fetch(
        self,
        sha256: str,
        size: int,
        blocks: Iterable[bytes],
        where: str,
        *,
        wait: bool = True,
        kept: Container[str] = (),
    ) -> bool:
        """Take a shard in, unless it is here or another process is just taking it in.

        Args:
            sha256: hex.
            size: of its file, bytes.
            blocks: its bytes, asked for only where it is needed.
            where: it comes from, for errors.
            wait: for another process that is at it, for up to 15 minutes.
            kept: shards, by their SHA-256, that will be read soon though nobody holds them yet.
                They are evicted last, and not at all for one that is fetched without waiting.

        Returns:
            Whether the shard is here now. It is not where the bound leaves no room for it, or
            where another process takes too long.

        Raises:
            ShardError: the bytes are not those of the SHA-256.
            OSError: the folder cannot be written, or the blocks cannot be read.
        """
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        lock = FileLock(self.folder / f"{sha256[:_LOCK_DIGITS]}.lock")
        try:
            lock.acquire(timeout=_PATIENCE_SECONDS if wait else 0)
        except Timeout:
            return False
        try:
            whole, part = self._path(sha256, _WHOLE), self._path(sha256, _PART)
            if whole.exists() and whole.stat().st_size == size:
                return True
            try:
                file = self._reserve(part, size, kept, spare=not wait)
            except Timeout:
                return False
            if file is None:
                return False
            try:
                _write_checked(file, sha256, size, blocks, where)
                os.replace(part, whole)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
            finally:
                os.close(file)
            return True
        finally:
            lock.release()

    @property
    def held_bytes(self) -> int:
        """Bytes of all files of shards in the folder, whole or not."""
        return sum(size for _, size, _ in self._files())

    def _path(self, sha256: str, suffix: str) -> Path:
        return self.folder / f"{sha256}{suffix}"

    def _files(self) -> Iterator[tuple[Path, int, int]]:
        """(path, bytes, time of last use in ns) of each file of a shard."""
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith((_WHOLE, _PART)):
                    with contextlib.suppress(FileNotFoundError):
                        found = entry.stat(follow_symlinks=False)
                        yield Path(entry.path), found.st_size, found.st_mtime_ns

    def _reserve(self, part: Path, size: int, kept: Container[str], *, spare: bool) -> int | None:
        """Open a new file of so many bytes, after eviction where need be; None where there is no
        room: what is in the folder is in use, or is ``kept`` and to be spared, or the disk is
        full."""
        with FileLock(self.folder / _ROOM_LOCK, timeout=_PATIENCE_SECONDS):
            part.unlink(missing_ok=True)  # of a killed process: the shard's lock is ours
            files = sorted(self._files(), key=lambda file: (file[0].stem in kept, file[2]))
            held = sum(bytes_ for _, bytes_, _ in files)
            for path, bytes_, _ in files:
                if held + size <= self.most_bytes:
                    break
                if not (spare and path.stem in kept) and _evicted(path):
                    held -= bytes_
            if held + size > self.most_bytes:
                return None
            file = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                _share(file)  # a file that is being written is in use
                _take_room(file, size)
            except OSError:
                os.close(file)
                part.unlink(missing_ok=True)
                return None
            return file


def _write_checked(file: int, sha256: str, size: int, blocks: Iterable[bytes], where: str) -> None:
    digest = hashlib.sha256()
    written = 0
    for block in blocks:
        digest.update(block)
        written += len(block)
        if written > size:
            break
        rest = memoryview(block)
        while len(rest):
            rest = rest[os.write(file, rest) :]
    if written != size:
        raise ShardError(where, expected=f"{size} bytes", found=f"{written} or more")
    if digest.hexdigest() != sha256:
        raise ShardError(where, expected=f"SHA-256 {sha256}", found=digest.hexdigest())


def _take_room(file: int, size: int) -> None:
    if hasattr(os, "posix_fallocate") and size:
        os.posix_fallocate(file, 0, size)
    else:
        os.ftruncate(file, size)


def _share(file: int) -> None:
    """Keep a file from being evicted until it is closed, and every mapping of it with it."""
    if os.name == "posix":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_SH)


def _evicted(path: Path) -> bool:
    """Remove a file of the cache unless somebody holds it; whether it is gone."""
    if os.name != "posix":
        try:
            path.unlink(missing_ok=True)  # refused while it is open
        except OSError:
            return False
        return True
    import fcntl

    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return not path.exists()
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except OSError:
        return False
    finally:
        os.close(file)
    return True
