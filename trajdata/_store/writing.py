"""How a file comes to be in a folder: in which order, and what is left when something fails."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable

from trajdata._store.disk import Disk
from trajdata._store.names import TEMPS

__all__ = ["SyncError", "commit_chunks", "create_file", "replace_quickly"]

_LARGE = 2**20
"""Bytes from which on it pays to let the medium begin early."""
_MOST_ATTEMPTS = 1000
_CANNOT_LINK = frozenset(
    getattr(errno, name)
    for name in ("EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EMLINK")
    if hasattr(errno, name)
)
"""What a filesystem answers that has no hard links."""


class SyncError(OSError):
    """An fsync failed. What was written since the last one may be lost without another error, so
    the call must not be repeated: the file has to be written again."""


def _open_temp(disk: Disk, final: str) -> tuple[str, int]:
    """A new temporary file for what is to be called ``final``: its name, and the open file.

    Each attempt takes a name that nobody has, so that a temp which a killed writer left, or which
    another writer has just begun, is no obstacle.
    """
    base = os.path.basename(final)
    for attempt in range(_MOST_ATTEMPTS):
        temp = f"{TEMPS}/{base}.{attempt}"
        try:
            return temp, disk.open_new(temp)
        except FileExistsError:
            continue
    raise OSError(errno.EEXIST, f"there are {_MOST_ATTEMPTS} temporary files of that name", temp)


def commit_chunks(disk: Disk, final: str, chunks: Iterable[memoryview], size: int) -> None:
    """Write a file so that its final name never stands for less than the whole.

    Order: temp written, its size checked, fsync, close; rename; fsync of the folder. Whatever goes
    wrong before the rename, an exception out of ``chunks`` included, the temp is gone after it.

    Args:
        disk: where.
        final: name to give it; what has that name is replaced.
        chunks: the bytes, in order.
        size: how many they must come to.

    Raises:
        SyncError: an fsync failed; nothing was retried.
        OSError: any other operation failed, or the file has not ``size`` bytes.
    """
    temp, file = _open_temp(disk, final)
    try:
        try:
            at = 0
            for chunk in chunks:
                _write_fully(disk, file, chunk)
                _begin_sync(disk, file, at, chunk.nbytes)
                at += chunk.nbytes
            found = disk.written(file)
            if found != size:
                raise OSError(errno.EIO, f"{found} bytes were written where {size} should be", temp)
            _sync_or_say(lambda: disk.sync(file), temp)
        finally:
            disk.close(file)
        disk.check_identity()
        disk.rename(temp, final)
    except BaseException:
        _remove_temp(disk, temp)
        raise
    _sync_or_say(lambda: disk.sync_folder(os.path.dirname(final)), final)


def create_file(disk: Disk, final: str, data: bytes) -> bool:
    """Write a whole small file in the same order, unless something has its name already.

    Returns:
        Whether this call wrote it.

    Raises:
        SyncError, OSError: as ``commit_chunks``.
    """
    temp, file = _open_temp(disk, final)
    try:
        try:
            _write_fully(disk, file, memoryview(data))
            found = disk.written(file)
            if found != len(data):
                raise OSError(
                    errno.EIO, f"{found} bytes were written where {len(data)} should be", temp
                )
            _sync_or_say(lambda: disk.sync(file), temp)
        finally:
            disk.close(file)
        disk.check_identity()
        is_ours = _name_once(disk, temp, final)
    except BaseException:
        _remove_temp(disk, temp)
        raise
    with contextlib.suppress(FileNotFoundError):  # renamed, where there are no hard links
        disk.remove(temp)
    _sync_or_say(lambda: disk.sync_folder(os.path.dirname(final)), final)
    return is_ours


def replace_quickly(disk: Disk, final: str, chunks: Iterable[memoryview], size: int) -> None:
    """Replace a small file at one stroke, without waiting for the medium.

    A reader sees the old file or the new one; after a power loss it may be either, or empty.
    """
    temp, file = _open_temp(disk, final)
    try:
        try:
            for chunk in chunks:
                _write_fully(disk, file, chunk)
            found = disk.written(file)
            if found != size:
                raise OSError(errno.EIO, f"{found} bytes were written where {size} should be", temp)
        finally:
            disk.close(file)
        disk.check_identity()
        disk.rename(temp, final)
    except BaseException:
        _remove_temp(disk, temp)
        raise


def _name_once(disk: Disk, temp: str, final: str) -> bool:
    """Give the temp its final name too, unless something has that."""
    try:
        disk.link(temp, final)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        # No hard links here: the lock of the folder keeps other writers out meanwhile.
        if disk.size(final) is not None:
            return False
        disk.rename(temp, final)
    return True


def _write_fully(disk: Disk, file: int, data: memoryview) -> None:
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
