"""The one way in which this project compiles a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numba

__all__ = ["kernel"]

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compile with IEEE arithmetic as written (no fastmath), releasing the GIL, cached on disk.

    Where no folder can be written for the cache, the function is compiled anew by each process.
    """
    options = {"nogil": True, "fastmath": False, "parallel": False, "error_model": "numpy"}
    try:
        compiled: F = numba.njit(function, cache=True, **options)
    except RuntimeError:
        compiled = numba.njit(function, cache=False, **options)
    return compiled
