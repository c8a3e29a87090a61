"""Every file operation of a bake goes through here.

``Disk`` is the narrow place: one method per system call, names relative to one folder, nothing
decided. The functions below it decide: what is written whole, in which order it becomes visible,
and what is left behind when something fails. A test, or another kind of storage, stands in for
``Disk`` and finds every operation of a bake.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from trajdata._errors import ShardError

__all__ = [
    "Disk",
    "SyncError",
    "commit_bytes",
    "commit_chunks",
    "replace_quickly",
    "write_fully",
]

_O_BINARY = getattr(os, "O_BINARY", 0)
_LARGE = 2**20
"""Bytes from which on it pays to let the medium begin early."""
_READ = os.O_RDONLY | _O_BINARY | getattr(os, "O_NONBLOCK", 0)


class SyncError(OSError):
    """An fsync failed. What was written since the last one may be lost without another error, so
    the call must not be repeated: the file has to be written again."""


class Disk:
    """A folder and the system calls that a bake makes in it.

    Args:
        root: the folder; it need not exist yet. Names given to the methods are relative to it,
            with "/" between parts and "" for the folder itself.

    Raises:
        OSError: from every method, as the system call left it.
        ShardError: from those that read, when something else than a regular file has the name.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)

    def path(self, name: str) -> Path:
        """Where that file is."""
        return self.root / name if name else self.root

    def make_folder(self, name: str) -> None:
        """Make a folder and those above it; one that is there is left as it is."""
        self.path(name).mkdir(parents=True, exist_ok=True)

    def list_folder(self, name: str) -> list[str]:
        """Sorted names of what is in a folder; empty where there is no such folder."""
        try:
            return sorted(os.listdir(self.path(name)))
        except FileNotFoundError:
            return []

    def size(self, name: str) -> int | None:
        """Bytes of a file, or None where there is no such file."""
        try:
            return self._found(lambda: os.stat(self.path(name)).st_size, name)
        except FileNotFoundError:
            return None

    def read(self, name: str, limit: int) -> bytes | None:
        """Up to ``limit`` + 1 first bytes of a file, or None where there is no such file."""
        try:
            with self.open_read(name) as file:
                return file.read(limit + 1)
        except FileNotFoundError:
            return None

    def read_blocks(self, name: str, block_bytes: int) -> Iterator[bytes]:
        """A whole file in pieces of up to so many bytes."""
        with self.open_read(name) as file:
            while block := file.read(block_bytes):
                yield block

    def open_read(self, name: str) -> io.BufferedReader:
        """Open a regular file for reading. Anything else is an error and no wait: a FIFO would
        wait for a writer, a device has no end."""
        file = self._found(lambda: os.open(self.path(name), _READ), name)
        mode = os.fstat(file).st_mode
        if not stat.S_ISREG(mode):
            os.close(file)
            raise ShardError(
                self.path(name), expected="a regular file", found=f"mode {stat.filemode(mode)}"
            )
        return os.fdopen(file, "rb")

    def open_new(self, name: str) -> int:
        """Create a file that is not there yet and open it for writing."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _O_BINARY
        return os.open(self.path(name), flags, 0o666)

    def open_shared(self, name: str) -> int:
        """Open a file for reading and writing, made if need be."""
        return os.open(self.path(name), os.O_RDWR | os.O_CREAT | _O_BINARY, 0o666)

    def lock(self, file: int) -> None:
        """Lock an open file for this process alone, or raise BlockingIOError at once."""
        if sys.platform == "win32":
            raise OSError("baking is for Linux and macOS: Windows has no flock")
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def overwrite(self, file: int, data: bytes) -> None:
        """Put a few bytes in the place of all that an open file has."""
        os.ftruncate(file, 0)
        os.pwrite(file, data, 0)

    def write(self, file: int, data: memoryview) -> int:
        """Write some of ``data``; returns how many bytes."""
        return os.write(file, data)

    def written(self, file: int) -> int:
        """Bytes in an open file."""
        return os.fstat(file).st_size

    def sync(self, file: int) -> None:
        """Ask that an open file's bytes are on the medium before returning."""
        if sys.platform == "darwin":
            # There fsync stops at the drive's cache.
            import fcntl

            fcntl.fcntl(file, fcntl.F_FULLFSYNC)
        else:
            os.fsync(file)

    def begin_sync(self, file: int, offset: int, size: int) -> None:
        """Let the medium take these bytes of an open file already, without waiting for it.

        A hint, for where the system takes one: the disk then works while the next bytes are drawn.
        """
        if hasattr(os, "posix_fadvise"):
            # What Linux is told will not be needed, it begins to write; what is not written yet
            # it keeps.
            os.posix_fadvise(file, offset, size, os.POSIX_FADV_DONTNEED)

    def close(self, file: int) -> None:
        """Close an open file."""
        os.close(file)

    def rename(self, name: str, new_name: str) -> None:
        """Give a file another name, in place of what has that name."""
        os.replace(self.path(name), self.path(new_name))

    def remove(self, name: str) -> None:
        """Remove a file."""
        os.unlink(self.path(name))

    def sync_folder(self, name: str) -> None:
        """Ask that a folder's names are on the medium before returning."""
        if sys.platform == "win32":
            return  # a folder cannot be opened there; NTFS journals its names
        file = os.open(self.path(name), os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)

    def _found(self, call: Callable[[], int], name: str) -> int:
        try:
            return call()
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise ShardError(
                self.path(name), expected="a regular file", found="links that lead nowhere"
            ) from error

    def free_bytes(self) -> int:
        """Bytes that can still be written to this filesystem."""
        return shutil.disk_usage(self.root).free


def write_fully(disk: Disk, file: int, data: memoryview) -> None:
    """Write all of ``data``, however little each call takes.

    Raises:
        OSError: a call failed, or took nothing.
    """
    rest = data.cast("B")
    while len(rest):
        try:
            count = disk.write(file, rest)
        except InterruptedError:
            continue
        if count <= 0:
            raise OSError(errno.EIO, f"a write of {len(rest)} bytes took none")
        rest = rest[count:]


def commit_chunks(
    disk: Disk, temp: str, final: str, chunks: Iterable[memoryview], size: int
) -> None:
    """Write a file so that its final name never stands for less than the whole.

    Order: temp written, its size checked, fsync, close; rename; fsync of the folder. Whatever goes
    wrong before the rename, an exception out of ``chunks`` included, the temp is gone after it.

    Args:
        disk: where.
        temp: name to write under, on the same filesystem.
        final: name to give it; what has that name is replaced.
        chunks: the bytes, in order.
        size: how many they must come to.

    Raises:
        SyncError: an fsync failed; nothing was retried.
        OSError: any other operation failed, or the file has not ``size`` bytes.
    """
    file = disk.open_new(temp)
    try:
        try:
            at = 0
            for chunk in chunks:
                write_fully(disk, file, chunk)
                _begin_sync(disk, file, at, chunk.nbytes)
                at += chunk.nbytes
            found = disk.written(file)
            if found != size:
                raise OSError(errno.EIO, f"{found} bytes were written where {size} should be", temp)
            _sync_or_say(lambda: disk.sync(file), temp)
        finally:
            disk.close(file)
        disk.rename(temp, final)
    except BaseException:
        _remove_temp(disk, temp)
        raise
    _sync_or_say(lambda: disk.sync_folder(os.path.dirname(final)), final)


def commit_bytes(disk: Disk, temp: str, final: str, data: bytes) -> None:
    """``commit_chunks`` for a small file."""
    commit_chunks(disk, temp, final, [memoryview(data)], len(data))


def replace_quickly(disk: Disk, temp: str, final: str, data: bytes) -> None:
    """Replace a small file at one stroke, without waiting for the medium.

    A reader sees the old file or the new one; after a power loss it may be either, or empty.
    """
    file = disk.open_new(temp)
    try:
        try:
            write_fully(disk, file, memoryview(data))
        finally:
            disk.close(file)
        disk.rename(temp, final)
    except BaseException:
        _remove_temp(disk, temp)
        raise


def _begin_sync(disk: Disk, file: int, offset: int, size: int) -> None:
    if size < _LARGE:
        return
    try:
        disk.begin_sync(file, offset, size)
    except OSError:
        # No more than a hint: whether the bytes arrive, the fsync says.
        return


def _sync_or_say(sync: Callable[[], None], name: str) -> None:
    try:
        sync()
    except OSError as error:
        raise SyncError(error.errno, f"fsync: {error.strerror}", name) from error


def _remove_temp(disk: Disk, temp: str) -> None:
    try:
        disk.remove(temp)
    except OSError:
        # The error that led here says more, and the next run clears the temps.
        return
