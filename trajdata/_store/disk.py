"""The system calls of a folder: every file operation of a bake goes through here.

``Disk`` has one method per system call, takes names relative to one folder, and decides nothing:
decisions are made above it, in ``FolderStore``. So a test that replaces ``Disk`` sees every
operation of a bake, and can make any of them fail.

A folder may come from anyone, and may change at any moment. So the folder and the folders in it are
opened once, without following links, and every call is made relative to these descriptors. A link
that somebody puts into a path is then an error, and a folder that somebody puts in the place of
this one is never written to.
"""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import stat
import sys
import threading
import weakref
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from trajdata._errors import ShardError

__all__ = ["Disk"]

_O_BINARY = getattr(os, "O_BINARY", 0)
_O_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
_O_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_O_PATH = getattr(os, "O_PATH", 0)
"""Linux only: looks a file up without opening it, so that a device or FIFO is never opened."""
_CAREFULLY = _O_BINARY | _O_CLOEXEC | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_FOLDER = os.O_RDONLY | _O_CLOEXEC | getattr(os, "O_DIRECTORY", 0)
_BY_DESCRIPTOR = os.open in os.supports_dir_fd and hasattr(os, "O_DIRECTORY")
"""Whether calls can be made relative to an open folder. On Windows they cannot: there, a store is
only read, and a path is checked before it is opened."""


class Disk:
    """A folder and the system calls that a bake makes in it.

    Args:
        root: the folder; it need not exist yet, and its own path may contain links. The methods
            take names relative to it, with "/" between their parts; "" is the folder itself.

    Raises:
        OSError: from every method, the error of the system call.
        ShardError: from every method, if a part of the name is a link, or if the name belongs to
            something else than a folder or a regular file.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        self._folders: dict[str, int] = {}
        self._guard = threading.RLock()
        weakref.finalize(self, _close_all, self._folders).atexit = False

    def path(self, name: str) -> Path:
        """The full path of a name, for messages."""
        return self.root / name if name else self.root

    def close_folders(self) -> None:
        """Close the folders that are held open. The next call that needs one opens it again."""
        _close_all(self._folders)

    def close_folder(self, name: str) -> None:
        """Close a folder that is held open. No other thread may be making a call in it."""
        with self._guard:
            held = self._folders.pop(name, None)
            if held is not None:
                os.close(held)

    def make_folder(self, name: str) -> None:
        """Create a folder and the folders above it; those that exist are left as they are."""
        if "" not in self._folders:
            os.makedirs(self.root, exist_ok=True)
        parts = name.split("/") if name else []
        for depth in range(1, len(parts) + 1):
            part = "/".join(parts[:depth])
            base, folder = self._at(part)
            try:
                os.mkdir(base, dir_fd=folder)
            except FileExistsError:
                self._folder(part)  # raises if the name belongs to a link or a file

    def list_folder(self, name: str) -> Iterator[str]:
        """Names in a folder, in any order, as they are asked for; none if there is no folder."""
        try:
            base, folder = self._at(f"{name}/." if name else ".")
            # Two threads cannot list with one descriptor: a listing moves its position.
            own = base if folder is None else os.open(".", _FOLDER, dir_fd=folder)
            try:
                with os.scandir(own) as entries:
                    yield from (entry.name for entry in entries)
            finally:
                if isinstance(own, int):
                    os.close(own)
        except FileNotFoundError:
            return

    def size(self, name: str, *, follow: bool = False) -> int | None:
        """Bytes of a regular file, or None if there is no such file.

        Args:
            name: name of the file.
            follow: whether the name may be a link to a regular file.
        """
        try:
            base, folder = self._at(name)
            found = os.stat(base, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if follow and stat.S_ISLNK(found.st_mode):
            try:
                found = os.stat(base, dir_fd=folder)
            except FileNotFoundError:
                raise self._not_regular(name, _KINDS[stat.S_IFLNK]) from None
            except OSError as error:
                self._explain(error, name)
                raise
        self._check_regular(name, found.st_mode)
        return found.st_size

    def open_read(self, name: str, *, follow: bool = False) -> int:
        """Open a regular file for reading.

        Anything else is an error and is never opened: opening a FIFO would wait for a writer, and
        reading a device may never end.

        Args:
            name: name of the file.
            follow: whether the name may be a link to a regular file.
        """
        return self._open_regular(name, os.O_RDONLY, follow)

    def read(self, file: int, offset: int, size: int) -> bytes:
        """Read up to ``size`` bytes of an open file, from ``offset`` on."""
        if hasattr(os, "pread"):
            return os.pread(file, size, offset)
        os.lseek(file, offset, os.SEEK_SET)
        return os.read(file, size)

    def map(self, file: int) -> mmap.mmap:
        """Map an open file into memory, read-only; it stays mapped when the file is closed."""
        return mmap.mmap(file, 0, access=mmap.ACCESS_READ)

    def open_new(self, name: str) -> int:
        """Create a file and open it for writing; FileExistsError if something has the name."""
        base, folder = self._at(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _O_NOFOLLOW | _O_BINARY | _O_CLOEXEC
        return os.open(base, flags, 0o666, dir_fd=folder)

    def open_shared(self, name: str) -> int:
        """Open a file for reading and writing, and create it if it does not exist.

        The file must have no other name (hard link): whatever is written here would change the
        file of that name too.
        """
        return self._open_own(name, os.O_RDWR)

    def open_append(self, name: str) -> int:
        """Open a file for writing at its end, and create it if it does not exist. It must have no
        other name, as in ``open_shared``."""
        return self._open_own(name, os.O_WRONLY | os.O_APPEND)

    def lock(self, file: int, *, is_shared: bool = False) -> None:
        """Lock an open file for this process alone, or for all that share it, or raise
        BlockingIOError at once."""
        if sys.platform == "win32":
            raise OSError("baking is for Linux and macOS: Windows has no flock")
        import fcntl

        kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
        fcntl.flock(file, kind | fcntl.LOCK_NB)

    def overwrite(self, file: int, data: bytes) -> None:
        """Replace the content of an open file by a few bytes."""
        # Written before it is cut: on a full disk, space that is given up cannot be had again.
        os.pwrite(file, data, 0)
        os.ftruncate(file, len(data))

    def write(self, file: int, data: memoryview) -> int:
        """Write the first bytes of ``data``; returns how many were written."""
        return os.write(file, data)

    def written(self, file: int) -> int:
        """Bytes in an open file."""
        return os.fstat(file).st_size

    def sync(self, file: int) -> None:
        """Return once an open file's bytes are on the medium."""
        if sys.platform == "darwin":
            # On macOS, fsync stops at the drive's cache.
            import fcntl

            fcntl.fcntl(file, fcntl.F_FULLFSYNC)
        else:
            os.fsync(file)

    def begin_sync(self, file: int, offset: int, size: int) -> None:
        """Let the system begin to write these bytes of an open file, without waiting.

        This is only a hint, so that the disk works while the next bytes are rendered.
        """
        if hasattr(os, "posix_fadvise"):
            # Linux begins to write pages that it is told will not be needed. It does not drop
            # those that are not written yet.
            os.posix_fadvise(file, offset, size, os.POSIX_FADV_DONTNEED)

    def close(self, file: int) -> None:
        """Close an open file."""
        os.close(file)

    def rename(self, name: str, new_name: str) -> None:
        """Rename a file; if another file has the new name, it is replaced."""
        base, folder = self._at(name)
        new_base, new_folder = self._at(new_name)
        os.replace(base, new_base, src_dir_fd=folder, dst_dir_fd=new_folder)

    def link(self, name: str, new_name: str) -> None:
        """Give a file a second name (hard link), or raise FileExistsError if the name is taken."""
        base, folder = self._at(name)
        new_base, new_folder = self._at(new_name)
        os.link(base, new_base, src_dir_fd=folder, dst_dir_fd=new_folder, follow_symlinks=False)

    def remove(self, name: str) -> None:
        """Remove a file; of a link, the link itself."""
        base, folder = self._at(name)
        os.unlink(base, dir_fd=folder)

    def sync_folder(self, name: str) -> None:
        """Return once the names in a folder are on the medium."""
        if not _BY_DESCRIPTOR:
            return  # Windows cannot open a folder, but NTFS journals its names
        if name == ".." or name.startswith("../"):  # a folder above the root
            above = os.open(name, _FOLDER, dir_fd=self._folder(""))
            try:
                os.fsync(above)
            finally:
                os.close(above)
        else:
            os.fsync(self._folder(name))

    def check_identity(self) -> None:
        """Check that the path of each folder that is held open still leads to this folder.

        Raises:
            OSError: ESTALE; a folder was removed, moved away or replaced.
        """
        with self._guard:  # so that no folder is closed meanwhile
            for name, held in self._folders.copy().items():
                base, folder = self._at(name) if name else (os.fspath(self.root), None)
                opened = os.fstat(held)
                try:
                    # The path of the root may contain links; names below it may not.
                    found = os.stat(base, dir_fd=folder, follow_symlinks=not name)
                    is_same = (found.st_dev, found.st_ino) == (opened.st_dev, opened.st_ino)
                except (FileNotFoundError, NotADirectoryError):
                    is_same = False
                if not is_same:
                    raise OSError(
                        errno.ESTALE,
                        "the folder was removed or replaced meanwhile; what is there now was not "
                        "touched",
                        os.fspath(self.path(name)),
                    )

    def free_bytes(self) -> int:
        """Bytes that can still be written to this filesystem."""
        if not _BY_DESCRIPTOR:
            return shutil.disk_usage(self.root).free
        found = os.fstatvfs(self._folder(""))
        return found.f_bavail * found.f_frsize

    def _at(self, name: str) -> tuple[str, int | None]:
        """A name as the system calls take it: its last part, and the descriptor of its folder."""
        folder, _, base = name.rpartition("/")
        if _BY_DESCRIPTOR:
            return base, self._folder(folder)
        parts = folder.split("/") if folder else []
        for depth in range(1, len(parts) + 1):
            part = "/".join(parts[:depth])
            if os.path.islink(self.path(part)):
                raise ShardError(self.path(part), expected="a folder", found="a link")
        return os.fspath(self.path(name)), None

    def _folder(self, name: str) -> int:
        """The descriptor of a folder: opened without following links below the root, and kept."""
        with self._guard:
            return self._opened(name)

    def _opened(self, name: str) -> int:
        held = self._folders.get(name)
        if held is not None:
            return held
        if not name:
            opened = os.open(self.root, _FOLDER)
        else:
            folder, _, base = name.rpartition("/")
            try:
                opened = os.open(base, _FOLDER | _O_NOFOLLOW, dir_fd=self._opened(folder))
            except OSError as error:
                self._explain(error, name, "a folder")
                raise
        self._folders[name] = opened
        return opened

    def _open_regular(self, name: str, flags: int, follow: bool) -> int:
        base, folder = self._at(name)
        links = 0 if follow else _O_NOFOLLOW
        try:
            if _O_PATH and _can_reopen():
                probe = os.open(base, _O_PATH | _O_CLOEXEC | links, dir_fd=folder)
                try:
                    self._check_regular(name, os.fstat(probe).st_mode)
                    return os.open(f"/proc/self/fd/{probe}", flags | _CAREFULLY)
                finally:
                    os.close(probe)
            found = os.stat(base, dir_fd=folder, follow_symlinks=follow)
            self._check_regular(name, found.st_mode)
            file = os.open(base, flags | _CAREFULLY | links, dir_fd=folder)
        except OSError as error:
            self._explain(error, name)
            raise
        try:
            self._check_regular(name, os.fstat(file).st_mode)
        except ShardError:
            os.close(file)
            raise
        return file

    def _open_own(self, name: str, flags: int) -> int:
        base, folder = self._at(name)
        try:
            created = flags | os.O_CREAT | os.O_EXCL | _O_NOFOLLOW | _O_BINARY | _O_CLOEXEC
            return os.open(base, created, 0o666, dir_fd=folder)
        except FileExistsError:
            file = self._open_regular(name, flags, follow=False)
        names = os.fstat(file).st_nlink
        if names != 1:
            os.close(file)
            raise ShardError(
                self.path(name), expected="a file with one name", found=f"one with {names}"
            )
        return file

    def _check_regular(self, name: str, mode: int) -> None:
        if not stat.S_ISREG(mode):
            raise self._not_regular(name, _KINDS.get(stat.S_IFMT(mode), "something else"))

    def _not_regular(self, name: str, found: str) -> ShardError:
        return ShardError(self.path(name), expected="a regular file", found=found)

    def _explain(self, error: OSError, name: str, expected: str = "a regular file") -> None:
        """Raise a clearer error if the system call failed because the name belongs to something of
        the wrong kind, such as a link.

        Raises:
            ShardError: says what was expected and what was found.
        """
        if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.ENOENT):
            return
        try:
            base, folder = self._at(name)
            mode = os.stat(base, dir_fd=folder, follow_symlinks=False).st_mode
        except OSError:
            return  # nothing has this name, as the system's own error says
        found = _KINDS.get(stat.S_IFMT(mode), "something else")
        if found != expected:
            raise ShardError(self.path(name), expected=expected, found=found) from error


_KINDS = {
    stat.S_IFLNK: "a link that leads nowhere or may not be followed",
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a regular file",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@lru_cache(maxsize=1)
def _can_reopen() -> bool:
    """Whether /proc is there. With it, the very file that was checked can be opened, whatever has
    its name by then."""
    return os.path.isdir("/proc/self/fd")


def _close_all(folders: dict[str, int]) -> None:
    while folders:
        try:
            os.close(folders.popitem()[1])
        except OSError:
            continue  # harmless: no data is written through a folder's descriptor
