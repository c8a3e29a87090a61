"""The rules of the house, read off its own source text."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import trajdata
from tests.patience import SECONDS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "trajdata"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text("utf-8")) for name, path in MODULES.items()}

# A module imports from its own floor or from one below. Kernels know nothing of files, shards
# nothing of torch, and nothing knows the command line.
FLOORS = (
    ("_errors", "_kernel_identity"),
    ("_kernel_cache",),
    ("_jit",),
    ("_checks", "_registry", "_settings", "_show"),
    ("_arithmetic",),
    ("_laws", "_shapes"),
    ("_spec",),
    ("_world",),
    ("_render",),
    ("_clips",),
    ("_shards",),
    ("_store",),
    ("_reading",),
    ("_bake",),
    ("_loading",),
    ("_check", "_bench"),
    ("_cli", "__main__"),
)
HEAVY = (
    *("torch", "numba", "numpy", "webdataset", "ray", "rich", "typer", "PIL", "pydantic"),
    "jinja2",
)


def floor_of(module):
    room = module.split(".")[1]
    floors = [level for level, rooms in enumerate(FLOORS) if room in rooms]
    assert floors, f"{module}: give {room!r} a floor"
    return floors[0]


def imports_of(module):
    """Modules of the house that this one imports, inside its functions too."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module if node.level == 0 else f"<relative {node.module}>"]
            # `from trajdata.scene import draw` may mean the module trajdata._world.sampling.
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            assert not name.startswith("<relative"), f"{module} imports relatively: {name}"
            if name in MODULES:
                yield name


def outside_imports_of(module):
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


ROOMS = [name for name in MODULES if name != "trajdata"]


@pytest.mark.parametrize("module", ROOMS)
def test_imports_run_downwards_only(module):
    for imported in imports_of(module):
        if imported != "trajdata":  # only for its version
            assert floor_of(imported) <= floor_of(module), f"{module} imports {imported}"


def test_no_module_imports_itself_by_a_detour():
    done, path = set(), []

    def visit(module):
        assert module not in path, " -> ".join([*path, module])
        if module in done:
            return
        path.append(module)
        for imported in sorted(set(imports_of(module)) - {"trajdata", module}):
            visit(imported)
        path.pop()
        done.add(module)

    for module in ROOMS:
        visit(module)


@pytest.mark.parametrize(
    ("package", "rooms"),
    [
        ("torch", ("_loading", "_cli")),
        ("typer", ("_cli",)),
        ("rich", ("_cli",)),
        ("PIL", ("_show",)),
        ("jinja2", ("_bake", "_show")),
        ("webdataset", ()),
    ],
)
def test_a_package_is_known_only_where_it_is_needed(package, rooms):
    users = {name for name in ROOMS if package in set(outside_imports_of(name))}
    strangers = {name for name in users if name.split(".")[1] not in (*rooms, "_check")}
    assert not strangers


@pytest.mark.parametrize("module", MODULES)
def test_no_module_is_longer_than_400_lines(module):
    assert len(MODULES[module].read_text("utf-8").splitlines()) <= 400


@pytest.mark.parametrize("module", MODULES)
def test_no_module_reads_the_environment_or_asserts(module):
    for node in ast.walk(TREES[module]):
        where = f"{module}:{getattr(node, 'lineno', 0)}"
        assert not isinstance(node, ast.Assert), f"{where} has a bare assert"
        name = getattr(node, "attr", getattr(node, "id", None))
        assert name not in ("environ", "environb", "getenv"), f"{where} reads the environment"


@pytest.mark.parametrize("module", MODULES)
def test_no_error_is_swallowed(module):
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.ExceptHandler):
            where = f"{module}:{node.lineno}"
            assert node.type is not None, f"{where} catches everything"
            caught = ast.unparse(node.type)
            ignored = all(isinstance(line, ast.Pass) for line in node.body)
            assert not (ignored and "Exception" in caught), f"{where} drops {caught}"


def test_importing_trajdata_loads_nothing_heavy():
    program = f"import sys, trajdata; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
    )
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.split() == []


def test_importing_trajdata_starts_nothing_and_changes_no_setting():
    program = (
        "import os, random, signal, sys, threading\n"
        "def state():\n"
        "    signals = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]\n"
        "    return threading.active_count(), signals, dict(os.environ), random.getstate()\n"
        "before = state()\n"
        "import trajdata\n"
        "for name in trajdata.__all__: getattr(trajdata, name)\n"
        "after = state()\n"
        "sys.exit(before[:2] != after[:2] or before[3] != after[3])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
    )
    assert ended.returncode == 0, ended.stderr


def test_every_public_name_is_listed_in_order_and_can_be_had():
    # Constants, then classes, then the rest, as ruff sorts.
    kind = [(not name.isupper(), not name[0].isupper(), name) for name in trajdata.__all__]
    assert kind == sorted(kind)
    assert len(set(kind)) == len(kind)
    assert dir(trajdata) == sorted(trajdata.__all__)
    for name in trajdata.__all__:
        assert getattr(trajdata, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = trajdata.no_such_name


def test_no_public_name_is_also_a_modules_name():
    # Importing that module would put it in the place of the function of the same name.
    assert not [name for name in trajdata.__all__ if f"trajdata.{name}" in MODULES]
