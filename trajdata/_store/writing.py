"""Write files into a folder, in an order of steps that leaves no half-written file behind."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable

from trajdata._store.disk import Disk
from trajdata._store.names import TEMPS

__all__ = ["SyncError", "commit_chunks", "create_file", "replace_quickly"]

_LARGE = 2**20
"""From this number of bytes on, the system is asked to begin writing before the fsync."""
_MOST_ATTEMPTS = 1000
_CANNOT_LINK = frozenset(
    getattr(errno, name)
    for name in ("EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EMLINK")
    if hasattr(errno, name)
)
"""Errors that mean that a filesystem has no hard links."""


class SyncError(OSError):
    """An fsync failed.

    Bytes that were written since the last fsync may be lost, and a second fsync would not report
    it. So the fsync must not be repeated: the whole file has to be written again.
    """


def _open_temp(disk: Disk, final: str, writer: str) -> tuple[str, int]:
    """Create a temp for the file that will be called ``final``. Returns its name and descriptor.

    The temp gets the first name that is free, so that neither a temp of a killed writer nor one of
    a writer at work is in the way. Names with a ``writer`` in them are that writer's alone: one
    that sleeps while its temp is cleared does not find another's temp under the name, and give it
    the final one.
    """
    base = f"{os.path.basename(final)}.{writer}" if writer else os.path.basename(final)
    for attempt in range(_MOST_ATTEMPTS):
        temp = f"{TEMPS}/{base}.{attempt}"
        try:
            return temp, disk.open_new(temp)
        except FileExistsError:
            continue
    raise OSError(errno.EEXIST, f"there are {_MOST_ATTEMPTS} temporary files of that name", temp)


def commit_chunks(
    disk: Disk, final: str, chunks: Iterable[memoryview], size: int, writer: str = ""
) -> None:
    """Write a file so that under its final name there is never less than the whole file.

    The steps: write a temp, check its size, fsync, close; rename; fsync the folder. If anything
    fails before the rename, also if ``chunks`` raises an exception, the temp is removed.

    Args:
        disk: the folder.
        final: name of the file; a file that has this name is replaced.
        chunks: the bytes, in order.
        size: how many bytes these must be.
        writer: part of the temp's name, if other processes may clear temps meanwhile.

    Raises:
        SyncError: an fsync failed; it was not repeated.
        OSError: another operation failed, or there were not ``size`` bytes.
    """
    temp, file = _open_temp(disk, final, writer)
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


def create_file(disk: Disk, final: str, data: bytes, writer: str = "") -> bool:
    """Write a small file with the same steps as ``commit_chunks``, unless the name is taken.

    Returns:
        Whether this call wrote it.

    Raises:
        SyncError, OSError: as ``commit_chunks``.
    """
    temp, file = _open_temp(disk, final, writer)
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
    with contextlib.suppress(FileNotFoundError):  # without hard links the temp was renamed
        disk.remove(temp)
    _sync_or_say(lambda: disk.sync_folder(os.path.dirname(final)), final)
    return is_ours


def replace_quickly(
    disk: Disk, final: str, chunks: Iterable[memoryview], size: int, writer: str = ""
) -> None:
    """Replace a small file by a rename, without waiting for the medium.

    A reader finds the old file or the new one. A power loss may leave either, or an empty file.
    """
    temp, file = _open_temp(disk, final, writer)
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
    """Give the temp its final name, unless that is taken. Returns whether it was free."""
    try:
        disk.link(temp, final)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        # Without hard links, look and rename are two steps. The folder's lock keeps other writers
        # out between them.
        if disk.size(final) is not None:
            return False
        disk.rename(temp, final)
    return True


def _write_fully(disk: Disk, file: int, data: memoryview) -> None:
    """Write all of ``data``, with as many calls as that needs.

    Raises:
        OSError: a call failed, or wrote no byte.
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
        # This was only a hint. The fsync tells whether the bytes arrived.
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
        # The caller raises the first error, and the next run removes the temps.
        return
