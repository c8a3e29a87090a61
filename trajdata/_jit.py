"""The decorator that compiles a function: every kernel of this project is made with it."""

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
    """Compile a function with IEEE arithmetic as written (no fastmath). It runs without the GIL,
    and its compiled code is cached on disk.

    Cached code is used only if all that the function is made of is unchanged
    (``trajdata._kernel_identity``). If nothing can be cached, each process compiles for itself.

    Raises:
        CompilerError: when the kernel is called, if Numba was told not to compile.
    """
    if getattr(config, "DISABLE_JIT", False):
        return _refusing(function)
    dispatcher: Any = numba.njit(nogil=True, error_model="numpy")(_copied(function))
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
