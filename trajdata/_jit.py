"""The one way in which this project compiles a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

__all__ = ["kernel"]


def kernel(function: Callable[..., Any]) -> Any:
    """Compile with IEEE arithmetic as written (no fastmath), releasing the GIL, cached on disk.

    Where no folder can be written for the cache, the function is compiled anew by each process.
    """
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:
        return numba.njit(cache=False, nogil=True, error_model="numpy")(function)
