"""Requests to a bucket from a forked process, made by a fresh one.

The library that makes requests has threads of its own, which a fork leaves behind: in the child it
would wait for them for ever. So a child that was forked from a process with such threads starts a
fresh interpreter, once, which makes its requests. It ends with the child.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

__all__ = ["FarCalls", "has_forked", "serve", "threads_begin"]

_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; from trajdata._store.far import serve; serve({ends!r})"
)
_PATIENCE_SECONDS = 2 * 3600
"""Longer than all attempts of a request on a large object: no answer means that none will come."""
_threads_of: int | None = None
"""The process that has the library's threads."""


def threads_begin() -> None:
    """The library is about to be used in this process."""
    global _threads_of
    if _threads_of is None:
        _threads_of = os.getpid()


def has_forked() -> bool:
    """Whether the library's threads are those of a process that this one was forked from."""
    return _threads_of is not None and _threads_of != os.getpid()


class FarCalls:
    """Calls of a store's methods in a fresh process, which begins with the first.

    Args:
        rebuild: with its arguments, how the other process makes the store; both are pickled.
    """

    def __init__(self, rebuild: Callable[..., Any], *arguments: Any) -> None:
        self._rebuild = rebuild, arguments
        self._lock = threading.Lock()
        self._process = -1
        self._out: Connection | None = None
        self._in: Connection | None = None

    def call(self, method: str, *arguments: Any) -> Any:
        """What the store's method returns there, or the error that it raises."""
        with self._lock:
            if self._process != os.getpid():
                self._start()
            if self._out is None or self._in is None:
                raise OSError("the process that makes requests has ended")
            try:
                self._out.send((method, arguments))
                if not self._in.poll(_PATIENCE_SECONDS):
                    raise EOFError
                is_fine, answer = self._in.recv()
            except (EOFError, BrokenPipeError) as error:
                self._out = self._in = None
                raise OSError("the process that makes requests has ended") from error
        if not is_fine:
            raise answer
        return answer

    def _start(self) -> None:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        program = _PROGRAM.format(path=sys.path, ends=(theirs_in, theirs_out))
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs_in, theirs_out),
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._out = Connection(ours_out, readable=False)
        self._in = Connection(ours_in, writable=False)
        self._out.send(self._rebuild)
        self._process = os.getpid()


def serve(ends: tuple[int, int]) -> None:
    """Make the requests that come in, until nobody is there to ask.

    Args:
        ends: the pipes to read from and to write to.
    """
    asked, answers = Connection(ends[0], writable=False), Connection(ends[1], readable=False)
    try:
        rebuild, arguments = asked.recv()
        store = rebuild(*arguments)
        while True:
            method, given = asked.recv()
            try:
                answer = getattr(store, method)(*given)
                if isinstance(answer, memoryview):
                    answer = answer.obj
            except Exception as error:
                answers.send((False, error))
            else:
                answers.send((True, answer))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return
