"""Clips that are exported, and how a folder is compared."""

import pytest

from trajdata import DEFAULT_FIELDS, ClipSource, preset

BESIDE = ("trajectory", "depth", "present", "segmentations", "params", "caption", "equation")
"""Fields with no axis, one, two and three, and all three texts."""


def tree(folder):
    """Every file below a folder with its bytes, but those that say who wrote it and when."""
    lively = {"PROGRESS.txt", "progress.json", ".trajdata/lock"}
    return {
        name: path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (name := path.relative_to(folder).as_posix()) not in lively
    }


@pytest.fixture(scope="session")
def source():
    """Small clips in RGB that are not square, some frames of which are alike."""
    spec = preset("transients-32", height=24, width=40, frames=5)
    return ClipSource(spec, 3, "val", fields=(*DEFAULT_FIELDS, *BESIDE))


@pytest.fixture(scope="session")
def gray():
    return ClipSource(preset("gray-32", height=22, width=18), 3, fields=(*DEFAULT_FIELDS, *BESIDE))
