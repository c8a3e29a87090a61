"""Disks on which something goes wrong at one chosen operation."""

import errno
import os
import threading

from trajdata._store.disk import Disk

STEPS = (
    "make_folder",
    "list_folder",
    "size",
    "open_read",
    "read",
    "map",
    "open_new",
    "open_shared",
    "open_append",
    "lock",
    "overwrite",
    "write",
    "written",
    "sync",
    "begin_sync",
    "close",
    "rename",
    "link",
    "remove",
    "sync_folder",
    "check_identity",
    "free_bytes",
)
"""Every method of ``Disk`` that calls the system."""

CODES = ("ENOSPC", "EDQUOT", "EIO", "EROFS", "EACCES", "EMFILE", "EINTR")


class Killed(BaseException):
    """The process is dead: nothing that runs after it may touch the medium."""


class FaultDisk(Disk):
    """Counts operations; at the chosen one, dies, fails or writes short.

    Args:
        root: as ``Disk``.
        at: which operation, from 0; None for none, to count them.
        fault: "kill", "kill after" (the operation is done first), "short" or the name of an errno.
        lasting: whether the fault stays from then on, as a full disk does.
    """

    def __init__(self, root, at=None, fault="kill", lasting=False):
        super().__init__(root)
        self.at, self.fault, self.lasting = at, fault, lasting
        self.log = []
        self.dead = False
        self._taking = threading.Lock()
        for name in STEPS:
            setattr(self, name, self._guarded(name, getattr(self, name)))

    def _guarded(self, name, original):
        def step(*arguments, **named):
            with self._taking:
                number = len(self.log)
                self.log.append(name)
            if self.dead:
                if name == "close":
                    original(*arguments, **named)  # as the kernel does for a dead process
                raise Killed
            if self.at is None or number < self.at or (number > self.at and not self.lasting):
                return original(*arguments, **named)
            if self.fault == "short":
                return self._short(name, original, arguments, named)
            if self.fault.startswith("kill"):
                if self.fault == "kill after":
                    original(*arguments, **named)
                self.dead = True
                if name == "close" and self.fault == "kill":
                    original(*arguments, **named)
                raise Killed
            if name == "close":
                original(*arguments, **named)  # a close that fails has closed
            code = getattr(errno, self.fault)
            raise OSError(code, os.strerror(code))

        return step

    def _short(self, name, original, arguments, named):
        if name != "write":
            return original(*arguments, **named)
        file, data = arguments
        return original(file, data[: max(1, len(data) // 3)])
