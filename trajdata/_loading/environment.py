"""The only module that reads an environment variable.

No setting comes from the environment. But a launcher tells its processes only there that there are
several of them, and a dataset that did not notice would show all ranks the same clips.
"""

from __future__ import annotations

import os

__all__ = ["announced_ranks"]


def announced_ranks() -> int:
    """How many ranks a launcher has started (``WORLD_SIZE``); 1 if the variable is not set."""
    said = os.environ.get("WORLD_SIZE", "1")
    return int(said) if said.isdecimal() else 1
