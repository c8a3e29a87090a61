"""A browser that hangs is started again, and is a failure if it goes on to hang."""

import subprocess
import sys

import pytest

from tests.docs import browser

HANGS = """
import pathlib, sys, time
path = pathlib.Path(sys.argv[1])
starts = len(path.read_text()) if path.exists() else 0
path.write_text("x" * (starts + 1))
if starts < int(sys.argv[2]):
    time.sleep(600)
print("seen")
"""


@pytest.fixture
def hanging(tmp_path, monkeypatch):
    monkeypatch.setattr(browser, "SECONDS", 6)
    return lambda times: browser._ended(
        [sys.executable, "-c", HANGS, str(tmp_path / "starts"), str(times)]
    )


def test_a_browser_that_hangs_once_is_started_again(hanging, tmp_path):
    assert hanging(1).stdout == b"seen\n"
    assert (tmp_path / "starts").read_text() == "xx"


def test_a_browser_that_always_hangs_is_a_failure(hanging, tmp_path):
    with pytest.raises(subprocess.TimeoutExpired):
        hanging(99)
    assert (tmp_path / "starts").read_text() == "xxx"
