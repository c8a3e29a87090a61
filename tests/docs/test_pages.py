"""README and pages say what is: their tables, their links, the tests that they name."""

import ast
import json
import re
import subprocess
import sys

import pytest

from tests.docs.pages import PAGES, ROOT
from tests.patience import SECONDS

MADE_BY_THE_SITE = ("changelog.md", "gallery/index.html")
README = PAGES["README.md"].read_text("utf-8")


def test_the_tables_are_those_that_the_result_files_give():
    run = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "readme.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_readme_can_be_read_in_a_few_minutes():
    assert len(README) <= 8_000


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_linked_is_there(page):
    text = PAGES[page].read_text("utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", text)
    links += re.findall(r'(?:src|srcset|href)="(?!https?:|#)([^"]+)"', text)
    for target in links:
        if not target.endswith(MADE_BY_THE_SITE):
            assert (PAGES[page].parent / target).is_file(), target


def test_every_guarantee_names_tests_that_there_are():
    text = PAGES["docs/guarantees.md"].read_text("utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(named) > 25
    missing = []
    for file, test in named:
        path = ROOT / file
        tree = ast.parse(path.read_text("utf-8")) if path.is_file() else ast.Module([], [])
        if test not in {getattr(node, "name", None) for node in tree.body}:
            missing.append(f"{file}::{test}")
    assert missing == []
    promises = re.split(r"^- ", text, flags=re.M)[1:]
    assert len(promises) > 20
    for promise in promises:
        assert "    - `tests/" in promise, f"a promise without a test: {promise}"


@pytest.mark.parametrize("page", PAGES)
def test_no_page_names_a_machine_a_host_of_packages_or_a_private_module_in_its_code(page):
    text = PAGES[page].read_text("utf-8")
    assert not re.search(r"/(?:tmp|home|root|work)/|pypi\.org|pythonhosted|localhost", text)
    for code in re.findall(r"```python\n(.*?)```", text, re.S):
        assert not re.search(r"trajdata\._|from trajdata import _", code)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_room_that_a_page_names_is_there(page):
    text = PAGES[page].read_text("utf-8")
    for name in re.findall(r"`((?:trajdata|tools|benchmarks|_\w+)/[\w/.-]+)`", text):
        assert (ROOT / name).exists() or (ROOT / "trajdata" / name).exists(), name
    for room in re.findall(r"^\| (`_.*?) \|", text, flags=re.MULTILINE):
        for name in re.findall(r"`(\w+)`", room):
            assert (ROOT / "trajdata" / name).is_dir(), name


def test_with_the_types_of_the_card_numpy_batches_are_loaded_and_read_five_times_as_fast():
    found = json.loads((ROOT / "benchmarks/results/load_dataset.json").read_text("utf-8"))
    gains = {
        (row["clips"], row["what"]): row["gain_with_load"]
        for row in found["rows"]
        if row["what"] == "NumPy, batches"
    }
    assert len(gains) == 2
    assert min(gains.values()) >= 5, gains
