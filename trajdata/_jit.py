"""The decorators that compile a function: every kernel of this project is made with one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any, NoReturn

import numba
from numba.core import config

from trajdata._errors import CompilerError
from trajdata._kernel_cache import KernelCache

__all__ = ["bare_kernel", "kernel"]


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function with IEEE arithmetic as written (no fastmath). It runs without the GIL,
    and its compiled code is cached on disk.

    Cached code is used only if all that the function is made of is unchanged
    (``trajdata._kernel_identity``). If nothing can be cached, each process compiles for itself.

    Raises:
        CompilerError: when the kernel is called, if Numba was told not to compile.
    """
    return _compiled(function)


def bare_kernel(function: Callable[..., Any]) -> Any:
    """As ``kernel``, for a function that works in the memory that it is given.

    It can make no array (Numba refuses that), and must call nothing that returns a new one. So
    nobody counts references to arrays: that takes an atomic addition for each view, and was a
    quarter of the time of a small clip.
    """
    return _compiled(function, _nrt=False)


def _compiled(function: Callable[..., Any], **options: bool) -> Any:
    if getattr(config, "DISABLE_JIT", False):
        return _refusing(function)
    compiling: Any = numba.njit  # whose types do not know all of its options
    dispatcher = compiling(nogil=True, error_model="numpy", **options)(_copied(function))
    # This is what `cache=True` does with Numba's own cache.
    dispatcher._cache = KernelCache(dispatcher)
    return dispatcher


def _copied(function: Any) -> FunctionType:
    """A copy of a function. Compiling renames the function (see ``KernelCache``), and the caller's
    own must keep its name."""
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
    """A function that raises instead of a kernel that cannot be compiled.

    A kernel must not run as plain Python: it would fail, because only compiled code can read
    columns of a structured array as attributes, or it would compute other bytes.
    """

    @functools.wraps(function)
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise CompilerError(
            "NUMBA_DISABLE_JIT is set: trajdata's kernels need Numba's compiler; unset it"
        )

    return refuse
