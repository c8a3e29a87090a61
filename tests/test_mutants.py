"""The list of mutants fits to the code: `make mutants` tries them, this only looks at the list."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.mutants import MUTANTS

ROOT = Path(__file__).parents[1]
ROOMS = {
    path.name.removesuffix(".py")
    for path in (ROOT / "trajdata").iterdir()
    if path.name not in ("__init__.py", "__main__.py", "__pycache__", "py.typed", "_errors.py")
    and path.name not in ("convert.py", "scoring.py")  # they pass on what a room lists
}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_one_change_of_the_code_and_names_tests_that_there_are(mutant):
    source = (ROOT / mutant.file).read_text("utf-8")
    assert source.count(mutant.find) == 1, f"{mutant.file}: {mutant.find!r}"
    changed = source.replace(mutant.find, mutant.replace)
    assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source))
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("::")
        tree = ast.parse((ROOT / file).read_text("utf-8"))
        functions = {item.name for item in tree.body if isinstance(item, ast.FunctionDef)}
        assert not name or name.partition("[")[0] in functions, test


def is_slow(test: str) -> bool:
    """Whether it is marked so, alone or with all tests of its file."""
    file, _, name = test.partition("::")
    for item in ast.parse((ROOT / file).read_text("utf-8")).body:
        marks = item.decorator_list if isinstance(item, ast.FunctionDef) else []
        if isinstance(item, ast.Assign) and ast.unparse(item.targets[0]) == "pytestmark":
            marks = [item.value]
        elif getattr(item, "name", "") != name.partition("[")[0]:
            continue
        if any("pytest.mark.slow" in ast.unparse(mark) for mark in marks):
            return True
    return False


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_caught_by_tests_that_are_not_slow(mutant):
    needs_a_cluster = all(test.startswith("tests/cluster/") for test in mutant.tests)
    assert needs_a_cluster or not all(is_slow(test) for test in mutant.tests)


def test_every_room_has_mutants_and_every_mutant_a_name_of_its_own():
    names = Counter((mutant.file, mutant.name) for mutant in MUTANTS)
    assert [name for name, count in names.items() if count > 1] == []
    assert {mutant.room for mutant in MUTANTS} == ROOMS
