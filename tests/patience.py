"""How tests wait for processes, threads and files.

A wait that has no end is a failure with a message; slowness is none. So every wait has the same
long limit, which a machine that is ten times too busy keeps too, and no test measures time.
"""

import time

SECONDS = 540
"""Of one wait. Below pytest's own limit for a test, which prints every thread's stack."""


def until(true, what, *, wait=0.01):
    """Wait until ``true()`` is, and return what it returned.

    Raises:
        AssertionError: it did not become so; says what was waited for.
    """
    deadline = time.monotonic() + SECONDS
    while not (found := true()):
        assert time.monotonic() < deadline, f"waited {SECONDS} s until {what}"
        time.sleep(wait)
    return found
