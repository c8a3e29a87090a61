"""Compiled kernels on disk: one file for each kernel, signature, processor and state of sources.

Numba's own cache watches only the file in which a function stands, and a damaged file of it ends
the program. Here a file's name holds the digest of all that its content depends on, so that a
stale file is simply never asked for; and its content begins with a checksum, so that a damaged
one counts as absent. It is then compiled and written again.

A file is the 32 bytes of SHA-256 of (key, payload), then the payload: Numba's compile result,
pickled. The key is in the checksum so that a file under another file's name counts as damaged.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import sys
import time
import uuid
from dataclasses import dataclass
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import config, sigutils
from numba.core.caching import CompileResultCacheImpl
from numba.core.serialize import dumps

from trajdata._kernel_identity import Unidentifiable, digest, identity_of, identity_of_type

__all__ = ["KernelCache"]

_CHECKSUM_BYTES = 32
_SUFFIX = ".nbc"
_TEMPORARY = ".tmp"
_ABANDONED_SECONDS = 3600.0
"""Age at which a temporary file belongs to no living process: writing one takes milliseconds."""

# How many files of one function and signature stay, newest first. All but one belong to other
# sources, processors, or versions of Python and Numba, and some of these may still be in use (a
# second machine, a branch that is switched to and fro), so age says nothing about them. Functions
# made by another function have a file for each set of cells, many of which are in use at once.
# To remove a file that is in use costs a compilation and nothing else.
_KEPT = 16
_KEPT_OF_CLOSURES = 128

# Settings of Numba that change the code it makes.
_SETTINGS = ("OPT", "BOUNDSCHECK", "LOOP_VECTORIZE", "SLP_VECTORIZE", "DEBUGINFO_DEFAULT")


@dataclass(frozen=True)
class _Entry:
    """Where one compiled signature of a kernel lies.

    Attributes:
        key: digest of everything that the compiled code depends on.
        prefix: beginning of the names of all files of this function and signature.
    """

    key: bytes
    prefix: str

    @property
    def name(self) -> str:
        return self.prefix + self.key.hex()[:32] + _SUFFIX


class KernelCache:
    """The cache of one kernel, as a Numba dispatcher asks for it (``numba.core.caching._Cache``).

    The dispatcher calls it while it holds Numba's compiler lock, so one thread at a time is here.
    """

    def __init__(self, dispatcher: Any) -> None:
        self._dispatcher = dispatcher
        self._enabled = True
        self._numba: Any = None
        self._asked: dict[Any, _Entry | None] = {}

    @property
    def cache_path(self) -> str | None:
        """The folder; None where there is none that can be written."""
        return self._folder()

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def flush(self) -> None:
        """Remove every file of this function."""
        folder = self._folder()
        if folder is not None:
            _remove(_files(folder, f"{self._readable()}-"))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled code for a signature, or None where it is not there, whatever the cause."""
        target_context.refresh()
        entry = self._entry(sig, target_context.codegen())
        self._asked[sig] = entry
        folder = self._folder()
        if entry is None or folder is None or not self._enabled:
            return None
        payload = _read(os.path.join(folder, entry.name), entry.key)
        if payload is None:
            return None
        try:
            return self._numba.rebuild(target_context, pickle.loads(payload))
        except Exception:
            # The checksum held, so this is not damage but something that this process lacks.
            # Nobody lists what unpickling may raise then, and compiling is always right.
            return None

    def save_overload(self, sig: Any, compiled: Any) -> None:
        """Keep the compiled code for a signature, if that can be done."""
        entry = self._asked.pop(sig, None)
        folder = self._folder()
        if entry is None or folder is None or not self._enabled:
            return
        if not self._numba.check_cachable(compiled):
            return
        payload = dumps(self._numba.reduce(compiled))
        _write(os.path.join(folder, entry.name), _checksum(entry.key, payload) + payload)
        _prune(folder, entry, _KEPT_OF_CLOSURES if self._is_closure() else _KEPT)

    def _folder(self) -> str | None:
        """Where Numba's own cache would be: its folder by setting, ``__pycache__``, or the user's.

        Looked for at the first use: most kernels of a process are only called by others.
        """
        if self._numba is None:
            try:
                self._numba = CompileResultCacheImpl(self._dispatcher.py_func)
            except RuntimeError:  # There is no folder that can be written.
                self._numba = False
        return self._numba.locator.get_cache_path() if self._numba else None

    def _is_closure(self) -> bool:
        return "<locals>" in self._dispatcher.__qualname__

    def _readable(self) -> str:
        """The beginning of the names of a function's files, short and fit for every system."""
        full = f"{self._dispatcher.__module__}.{self._dispatcher.__qualname__}"
        return full.replace("<", "").replace(">", "")[-100:]

    def _entry(self, sig: Any, codegen: Any) -> _Entry | None:
        """Where the code for a signature lies; None where it must not be kept."""
        function = self._dispatcher.py_func
        qualname = self._dispatcher.__qualname__
        try:
            identity = identity_of(self._dispatcher)
            arguments, returns = sigutils.normalize_signature(sig)
            signature = [identity_of_type(kind) for kind in arguments]
            signature.append("" if returns is None else identity_of_type(returns))
        except Unidentifiable:
            function.__qualname__ = qualname
            return None
        # Numba names the machine code by module, qualname and a number that each process counts
        # anew, and the linker takes the first of two pieces of one name. Two functions made by
        # one function, compiled in two processes and loaded in a third, would get mixed up. With
        # the identity in it, an equal name means equal code.
        function.__qualname__ = f"{qualname}_{identity.hex()[:32]}"
        group = digest(function.__module__, qualname, *signature).hex()[:8]
        key = digest(identity, repr(_environment(codegen)), *signature)
        return _Entry(key, f"{self._readable()}-{group}.")


def _environment(codegen: Any) -> tuple[object, ...]:
    """What compiles and what is compiled for."""
    return (
        *(sys.version, sys.implementation.cache_tag),
        *(numba.__version__, llvmlite.__version__, np.__version__),
        codegen.magic_tuple(),
        tuple(getattr(config, name, None) for name in _SETTINGS),
    )


def _checksum(key: bytes, payload: bytes) -> bytes:
    return hashlib.sha256(key + payload).digest()


def _read(path: str, key: bytes) -> bytes | None:
    """A file's payload; None where there is no such file, or it is not whole."""
    try:
        if not os.path.isfile(path):  # Opening a pipe would wait for somebody to write.
            return None
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return None
    payload = content[_CHECKSUM_BYTES:]
    return payload if content[:_CHECKSUM_BYTES] == _checksum(key, payload) else None


def _write(path: str, content: bytes) -> None:
    """Put a file in place as a whole, whoever else does so at the same time.

    A folder that cannot be written or a full disk is no error: the code is compiled already, and
    the next process compiles it again.
    """
    temporary = f"{path}.{uuid.uuid4().hex[:16]}{_TEMPORARY}"
    with contextlib.suppress(OSError):
        try:
            with open(temporary, "xb") as file:
                file.write(content)
            if os.path.isdir(path) and not os.path.islink(path):
                os.rmdir(path)  # An empty one; with something in it, it is somebody's.
            os.replace(temporary, path)
        finally:
            _remove([temporary])


def _prune(folder: str, entry: _Entry, kept: int) -> None:
    """Remove the oldest files of a function and signature, and what writers left that were killed.

    A folder holds the kernels of one folder of sources: Numba gives every other its own.
    """
    ages: list[tuple[float, str]] = []
    now = time.time()
    for path in _files(folder, entry.prefix):
        try:
            written = os.stat(path, follow_symlinks=False).st_mtime
        except OSError:  # Another process was faster.
            continue
        if path.endswith(_SUFFIX):
            ages.append((written, path))
        elif now - written > _ABANDONED_SECONDS:
            _remove([path])
    ages.sort(reverse=True)
    _remove([path for _, path in ages[kept:] if os.path.basename(path) != entry.name])


def _files(folder: str, prefix: str) -> list[str]:
    """Paths in a folder whose name begins so and is one that a cache gives."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [
        os.path.join(folder, name)
        for name in names
        if name.startswith(prefix) and name.endswith((_SUFFIX, _TEMPORARY))
    ]


def _remove(paths: list[str]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            os.unlink(path)
