"""What the fault tests share: a bake of a few milliseconds, and the count that each one prints."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.torture.tiny import bake
from trajdata._store.disk import Disk


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "count":
                terminalreporter.write_line(f"torture: {value}")


@pytest.fixture
def count(record_property):
    """Call it with a number and what was counted; it is printed at the end of the run."""
    return lambda number, what: record_property("count", f"{number:>8,} {what}")


@pytest.fixture
def fast():
    """A folder in memory where the system has one: thousands of trials wait for no disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """A folder that was baked without a fault by one thread."""
    folder = tmp_path_factory.mktemp("reference") / "out"
    bake(Disk(folder), threads=1)
    yield folder
    shutil.rmtree(folder)
