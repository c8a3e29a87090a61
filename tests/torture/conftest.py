"""What the fault tests share: a bake of a few milliseconds, and the count that each one prints."""

import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.torture.tiny import bake
from trajdata._store.disk import Disk


def pytest_addoption(parser):
    parser.addoption(
        "--torture-seconds",
        type=float,
        help="spend about that long: each attack does a part, another one for each commit",
    )


def pytest_sessionstart(session):
    session.began = time.monotonic()


def pytest_terminal_summary(terminalreporter):
    budget = terminalreporter.config.getoption("--torture-seconds", None)
    if budget is not None:
        terminalreporter.write_line(f"torture: cut to parts that come to about {budget:g} s:")
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "count":
                terminalreporter.write_line(f"torture: {value}")


@pytest.fixture
def count(record_property):
    """Call it with a number and what was counted; it is printed at the end of the run."""
    return lambda number, what: record_property("count", f"{number:>8,} {what}")


class Part:
    """How much of an attack is made: all, or what fits into a test's share of a budget.

    Attributes:
        is_cut: whether there is a budget.
        seed: of what an attack makes up by chance: if it is cut, another one for each commit.
    """

    def __init__(self, seconds):
        self.is_cut = seconds is not None
        self.seed = _commit() if self.is_cut else ""
        self._deadline = float("inf") if seconds is None else time.monotonic() + seconds

    @property
    def is_over(self):
        """Whether the share is used up."""
        return time.monotonic() > self._deadline

    def __call__(self, items):
        """Those of the items for which there is time, in any order; the first one always."""
        if self.is_cut and isinstance(items, Sequence):
            items = random.Random(self.seed).sample(items, len(items))
        for number, item in enumerate(items):
            if number and self.is_over:
                return
            yield item


def _commit():
    """What names the state of the checkout; without version control the day does."""
    command = ["git", "rev-parse", "HEAD"]
    told = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    return told.stdout.strip() or time.strftime("%Y-%m-%d")


@pytest.fixture
def part(request):
    """What of an attack is made; what a test leaves of its share goes to those after it."""
    budget = request.config.getoption("--torture-seconds", None)
    if budget is None:
        return Part(None)
    items = request.session.items
    left = budget - (time.monotonic() - request.session.began)
    return Part(max(left, 0) / (len(items) - items.index(request.node)))


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
