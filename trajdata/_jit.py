"""The one way in which this project compiles a function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any, NoReturn

import numba
from numba.core import config

from trajdata._errors import CompilerError
from trajdata._kernel_cache import KernelCache

__all__ = ["kernel"]


def kernel(function: Callable[..., Any]) -> Any:
    """Compile with IEEE arithmetic as written (no fastmath), releasing the GIL, cached on disk.

    What is on disk is used only while everything that the function is made of is the same
    (``trajdata._kernel_identity``). Where nothing can be kept there, each process compiles.

    Raises:
        CompilerError: when the kernel is called, if Numba was told not to compile.
    """
    if getattr(config, "DISABLE_JIT", False):
        return _refusing(function)
    dispatcher: Any = numba.njit(nogil=True, error_model="numpy")(_copied(function))
    # What `cache=True` would do, with our cache in place of Numba's.
    dispatcher._cache = KernelCache(dispatcher)
    return dispatcher


def _copied(function: Any) -> FunctionType:
    """The same function once more: compiling renames it (see ``KernelCache``), the caller's not."""
    copy = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    functools.update_wrapper(copy, function)
    del copy.__wrapped__  # type: ignore[attr-defined]
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def _refusing(function: Callable[..., Any]) -> Callable[..., NoReturn]:
    """Stand in for a kernel that cannot run: as plain Python it would fail, or change the bytes.

    Kernels read NumPy records by attribute, which only compiled code can do.
    """

    @functools.wraps(function)
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise CompilerError(
            "NUMBA_DISABLE_JIT is set: trajdata's kernels need Numba's compiler; unset it"
        )

    return refuse
