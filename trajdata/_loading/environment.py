"""The one place that reads the environment.

Settings do not come from there. But launchers tell their processes in no other way that there are
several of them, and a dataset that did not notice would show all ranks the same clips.
"""

from __future__ import annotations

import os

__all__ = ["announced_ranks"]


def announced_ranks() -> int:
    """How many ranks a launcher says there are (``WORLD_SIZE``); 1 where none says anything."""
    said = os.environ.get("WORLD_SIZE", "1")
    return int(said) if said.isdecimal() else 1
