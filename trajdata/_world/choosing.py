"""Choose among kernels of one signature by a number, resolved when they are compiled.

A tree of tests: of n kernels each is reached by log2(n) comparisons, and its code is compiled as
often. What calls the tree has all of it inlined, so there is no call through a pointer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trajdata._jit import kernel

__all__ = ["choose"]


def choose(kernels: Sequence[Any], first: int = 0) -> Any:
    """A kernel (number, *arguments) that calls ``kernels[number - first]`` with the arguments."""
    if len(kernels) == 1:
        chosen = kernels[0]

        @kernel
        def only(number, *arguments):  # type: ignore[no-untyped-def]
            return chosen(*arguments)

        return only
    half = len(kernels) // 2
    middle = first + half
    lower, upper = choose(kernels[:half], first), choose(kernels[half:], middle)

    @kernel
    def either(number, *arguments):  # type: ignore[no-untyped-def]
        if number < middle:
            return lower(number, *arguments)
        return upper(number, *arguments)

    return either
