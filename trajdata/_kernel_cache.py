"""Compiled kernels on disk: one file for each kernel, signature, processor and version of sources.

Numba's own cache watches only the source file that defines a function, and a damaged cache file
ends the program. Here, the name of a cache file holds the digest of everything that the compiled
code depends on, so that a stale file is never asked for. And its content begins with a checksum, so
that a damaged file counts as absent: the kernel is compiled and written again.

A cache file is the SHA-256 (32 bytes) of key and payload, and then the payload, which is Numba's
compile result, pickled. The checksum covers the key so that a file with the name of another one
counts as damaged.
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
from numba.core.targetconfig import ConfigStack

from trajdata._kernel_identity import Unidentifiable, digest, identity_of, identity_of_type

__all__ = ["KernelCache"]

_CHECKSUM_BYTES = 32
_SUFFIX = ".nbc"
_TEMPORARY = ".tmp"
_ABANDONED_SECONDS = 3600.0
"""A temp file of this age was left by a killed process: writing one takes milliseconds."""

# How many files of one function and signature are kept, newest first. All but one of them belong to
# other versions of the sources, of Python or of Numba, or to other processors. Some of these may
# still be in use, on a second machine or on a branch that is checked out now and then, so that an
# old file is not therefore useless. A function that is made by another function has a file for each
# set of cells, and many of these are in use at the same time.
# If a file is removed that is in use, its kernel is compiled once more; nothing else happens.
_KEPT = 16
_KEPT_OF_CLOSURES = 128

# Settings of Numba that change the compiled code.
_SETTINGS = ("OPT", "BOUNDSCHECK", "LOOP_VECTORIZE", "SLP_VECTORIZE", "DEBUGINFO_DEFAULT")


@dataclass(frozen=True)
class _Entry:
    """The file of one compiled signature of a kernel.

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
    """The cache of one kernel, with the methods that a Numba dispatcher calls
    (``numba.core.caching._Cache``).

    The dispatcher holds Numba's compiler lock during these calls, so that no two threads are in
    them at the same time.
    """

    def __init__(self, dispatcher: Any) -> None:
        self._dispatcher = dispatcher
        self._enabled = True
        self._numba: Any = None
        self._asked: dict[Any, _Entry | None] = {}

    @property
    def cache_path(self) -> str | None:
        """The folder of the cache; None if there is none that can be written."""
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
        """The compiled code for a signature, or None if it cannot be had, for whatever reason."""
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
            # The checksum was right, so the file is not damaged, but this process lacks something
            # that the pickle names. Unpickling may then raise any exception, and compiling is
            # always right.
            return None

    def save_overload(self, sig: Any, compiled: Any) -> None:
        """Write the compiled code for a signature, if it can be cached."""
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
        """The folder of Numba's own cache: one that a setting names, ``__pycache__``, or the
        user's cache folder.

        It is looked up at the first use, because most kernels are only called by other kernels and
        never need it.
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
        """The beginning of the names of a function's files, which every system accepts."""
        full = f"{self._dispatcher.__module__}.{self._dispatcher.__qualname__}"
        return full.replace("<", "").replace(">", "")[-100:]

    def _entry(self, sig: Any, codegen: Any) -> _Entry | None:
        """The file for a signature; None if the compiled code must not be cached."""
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
        # Numba names machine code by module, qualname and a number that starts anew in each
        # process, and of two pieces with the same name the linker takes the first. So two functions
        # made by one function, compiled in two processes and loaded into a third, would be mixed
        # up. With the identity as a part of the qualname, an equal name means equal code.
        function.__qualname__ = f"{qualname}_{identity.hex()[:32]}"
        group = digest(function.__module__, qualname, *signature).hex()[:8]
        key = digest(identity, repr((_environment(codegen), _counts_references())), *signature)
        return _Entry(key, f"{self._readable()}-{group}.")


def _environment(codegen: Any) -> tuple[object, ...]:
    """The versions and settings of the compiler, and the processor that it compiles for."""
    return (
        *(sys.version, sys.implementation.cache_tag),
        *(numba.__version__, llvmlite.__version__, np.__version__),
        codegen.magic_tuple(),
        tuple(getattr(config, name, None) for name in _SETTINGS),
    )


def _counts_references() -> bool:
    """Whether what is compiled now counts references to arrays, unless it says that itself: a
    kernel that is called by one that does not (``_jit.bare_kernel``) does not either."""
    caller = ConfigStack.top_or_none()
    return caller is None or bool(caller.nrt)


def _checksum(key: bytes, payload: bytes) -> bytes:
    return hashlib.sha256(key + payload).digest()


def _read(path: str, key: bytes) -> bytes | None:
    """The payload of a cache file; None if there is no such file, or if it is damaged."""
    try:
        if not os.path.isfile(path):  # Opening a FIFO would wait for a writer.
            return None
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return None
    payload = content[_CHECKSUM_BYTES:]
    return payload if content[:_CHECKSUM_BYTES] == _checksum(key, payload) else None


def _write(path: str, content: bytes) -> None:
    """Write a file so that it appears whole, even if other processes write it at the same time.

    A folder that cannot be written or a full disk is no error: this process has its compiled code
    already, and the next one compiles again.
    """
    temporary = f"{path}.{uuid.uuid4().hex[:16]}{_TEMPORARY}"
    with contextlib.suppress(OSError):
        try:
            with open(temporary, "xb") as file:
                file.write(content)
            if os.path.isdir(path) and not os.path.islink(path):
                os.rmdir(path)  # Fails if the folder is not empty: then it belongs to somebody.
            os.replace(temporary, path)
        finally:
            _remove([temporary])


def _prune(folder: str, entry: _Entry, kept: int) -> None:
    """Remove the oldest files of a function and signature, and the temp files of killed writers.

    All files in the folder belong to kernels of one folder of sources, because Numba gives every
    folder of sources a cache folder of its own.
    """
    ages: list[tuple[float, str]] = []
    now = time.time()
    for path in _files(folder, entry.prefix):
        try:
            written = os.stat(path, follow_symlinks=False).st_mtime
        except OSError:  # Another process has removed it.
            continue
        if path.endswith(_SUFFIX):
            ages.append((written, path))
        elif now - written > _ABANDONED_SECONDS:
            _remove([path])
    ages.sort(reverse=True)
    _remove([path for _, path in ages[kept:] if os.path.basename(path) != entry.name])


def _files(folder: str, prefix: str) -> list[str]:
    """Paths of the cache files and temp files in a folder whose names begin with ``prefix``."""
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
