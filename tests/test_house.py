"""The rules of the house, read off its own source text."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
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
    ("_checks", "_registry", "_settings", "_show", "_words"),
    ("_arithmetic",),
    ("_laws", "_shapes"),
    ("_user_laws",),
    ("_spec",),
    ("_world",),
    ("_render",),
    ("_clips",),
    ("_shards",),
    ("_store",),
    ("_reading",),
    ("_bake",),
    ("_loading",),
    ("_check", "_bench", "_convert", "_export", "_scoring"),
    ("convert", "scoring"),
    ("_cli", "__main__"),
)
HEAVY = (
    *("torch", "numba", "numpy", "webdataset", "ray", "rich", "typer", "PIL", "pydantic"),
    *("jinja2", "torchvision", "cv2", "pycocotools", "scipy", "av", "zarr", "datasets"),
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
            # `from trajdata._world import sampling` means the module trajdata._world.sampling.
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
        ("PIL", ("_show", "_export")),
        ("jinja2", ("_bake", "_show")),
        ("ray", ("_bake",)),
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
        if module == "trajdata._loading.environment":
            continue  # launchers say there, and nowhere else, how many ranks they have started
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


@pytest.mark.slow
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


def names_of(tree):
    """What a module defines at its top level: (name, whether it is a function)."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name, isinstance(node, ast.FunctionDef)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                yield from ((n.id, False) for n in ast.walk(target) if isinstance(n, ast.Name))


def listed_in(module):
    """The ``__all__`` of a module; None where it has none."""
    for node in TREES[module].body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return None


def imported_from(module):
    """(module, name) of all that a module takes from others of the house by `from ... import`."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                if f"{node.module}.{alias.name}" not in MODULES:
                    yield node.module, alias.name


# Beside what `trajdata` itself lists, these list what is public.
OPEN = ("trajdata.convert", "trajdata.scoring")
PRIVATE = [name for name in ROOMS if name not in ("trajdata.__main__", *OPEN)]
# Modules that are found by name declare one thing; their kernels are reached through that.
DECLARED = {"_laws": "LAW", "_shapes": "SHAPE"}


def is_declared(module):
    _, room, *rest = module.split(".")
    return room in DECLARED and rest not in ([], ["registry"])


def test_every_module_is_private_by_the_name_of_its_room():
    assert [name for name in PRIVATE if not name.split(".")[1].startswith("_")] == []


@pytest.mark.parametrize("module", OPEN)
def test_an_open_module_only_passes_on_what_it_lists(module):
    assert list(names_of(TREES[module])) == [("__all__", False)]
    listed = listed_in(module)
    assert listed == sorted(listed, key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert {name for _, name in imported_from(module)} == set(listed)


@pytest.mark.parametrize("module", PRIVATE)
def test_a_module_lists_in_order_what_others_may_use_and_the_rest_has_an_underscore(module):
    listed = listed_in(module)
    names = {name for name, _ in names_of(TREES[module]) if not name.startswith("_")}
    if listed is None:
        assert not names, f"{module} has no __all__"
        return
    assert listed == sorted(listed, key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert len(set(listed)) == len(listed)
    if is_declared(module):
        assert DECLARED[module.split(".")[1]] in listed
    else:
        assert names <= set(listed), "give these an underscore, or list them"
    assert not [name for name in listed if name.startswith("_")]


@pytest.mark.parametrize("module", PRIVATE)
def test_a_module_takes_only_what_others_list(module):
    for home, name in imported_from(module):
        if home != "trajdata":  # only for its version
            assert name in (listed_in(home) or ()), f"{module} takes {name} of {home}"


def test_every_function_that_a_module_lists_is_used_outside_of_it():
    others = [path for folder in ("tests", "tools", "benchmarks") for path in sorted(
        (ROOT / folder).rglob("*.py"))]  # fmt: skip
    texts = {name: MODULES[name].read_text("utf-8") for name in TREES}
    texts.update({str(path): path.read_text("utf-8") for path in others})
    words = {name: set(re.findall(r"\w+", text)) for name, text in texts.items()}
    unused = [
        f"{module}.{name}"
        for module in PRIVATE
        for name, is_function in names_of(TREES[module])
        if is_function and name in (listed_in(module) or ()) and not is_declared(module)
        if not any(name in found for other, found in words.items() if other != module)
    ]
    assert unused == []


def public():
    """(name, value) of all that is public."""
    yield from ((name, getattr(trajdata, name)) for name in trajdata.__all__)
    for module in OPEN:
        held = importlib.import_module(module)
        yield from ((name, getattr(held, name)) for name in held.__all__)


def documented():
    """(name, its own source tree, its docstring) of every public function and method."""
    for name, value in public():
        if inspect.isfunction(value):
            node = ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]
            yield name, node, ast.get_docstring(node)
        elif inspect.isclass(value) and value.__module__.startswith("trajdata"):
            tree = ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]
            for node in tree.body:
                if not isinstance(node, ast.FunctionDef):
                    continue
                if "overload" in map(ast.unparse, node.decorator_list):
                    continue
                if node.name == "__init__":
                    yield name, node, ast.get_docstring(tree)
                elif node.name == "__getitem__" or not node.name.startswith("_"):
                    yield f"{name}.{node.name}", node, ast.get_docstring(node)


PUBLIC = {name: (node, text) for name, node, text in documented()}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_docstring_names_every_argument_and_says_what_is_raised(name):
    node, text = PUBLIC[name]
    assert text, f"{name} has no docstring"
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    words = set(re.findall(r"\w+", text))
    named = {argument.arg for argument in arguments} - {"self", "cls"}
    # An index in brackets is what a sentence on an item is about.
    assert node.name == "__getitem__" or named <= words, named - words
    raises = [inner for inner in ast.walk(node) if isinstance(inner, ast.Raise) and inner.exc]
    assert not raises or "Raises:" in text
    if len(named) > 1 and "Args:" in text:
        listed = set(re.findall(r"^ *((?:\w+, )*\w+):", text.partition("Args:")[2], re.MULTILINE))
        assert named <= {word for words in listed for word in words.split(", ")}


def test_every_wait_of_a_test_has_the_one_long_limit():
    """Where a machine is busy a shorter one would be a failure that nobody made."""
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"timeout=\d|mark\.timeout\((?!3000\))", line)
    ]
    assert [line for line in found if "test_house.py" not in line] == []
