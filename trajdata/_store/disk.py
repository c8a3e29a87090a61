"""The system calls of a folder: every file operation of a bake goes through here.

``Disk`` is the narrow place: one method per system call, names relative to one folder, nothing
decided. ``FolderStore`` above it decides. A test stands in for ``Disk`` and meets every operation
of a bake.
"""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from trajdata._errors import ShardError

__all__ = ["Disk"]

_O_BINARY = getattr(os, "O_BINARY", 0)
_READ = os.O_RDONLY | _O_BINARY | getattr(os, "O_NONBLOCK", 0)


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

    def open_read(self, name: str) -> int:
        """Open a regular file for reading. Anything else is an error and no wait: a FIFO would
        wait for a writer, a device has no end."""
        file = self._found(lambda: os.open(self.path(name), _READ), name)
        mode = os.fstat(file).st_mode
        if not stat.S_ISREG(mode):
            os.close(file)
            raise ShardError(
                self.path(name), expected="a regular file", found=f"mode {stat.filemode(mode)}"
            )
        return file

    def read(self, file: int, offset: int, size: int) -> bytes:
        """Read up to so many bytes of an open file."""
        if hasattr(os, "pread"):
            return os.pread(file, size, offset)
        os.lseek(file, offset, os.SEEK_SET)
        return os.read(file, size)

    def map(self, file: int) -> mmap.mmap:
        """Map an open file into memory, read-only; it stays mapped when the file is closed."""
        return mmap.mmap(file, 0, access=mmap.ACCESS_READ)

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

        A hint, for where the system takes one: the disk then works while the next bytes are
        rendered.
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

    def link(self, name: str, new_name: str) -> None:
        """Give a file a second name, or raise FileExistsError where something has that name."""
        os.link(self.path(name), self.path(new_name))

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
