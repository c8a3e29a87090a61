"""What runs is what the source says: kernels on disk, and all the ways in which they may be wrong.

Edits are made in scratch copies of the package. The key of a kernel does not hold where the package
lies, so a copy takes over the kernels that the tests have compiled already.
"""

import ast
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numba
import numpy as np
import pytest

import trajdata._kernel_cache
from tests.patience import SECONDS
from trajdata._kernel_identity import _source

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "trajdata"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

# Ends every program: which kernels were asked of the disk in vain, and how many were found.
ASKED = """
import gc, json
from numba.core.dispatcher import Dispatcher
kernels = [item for item in gc.get_objects() if isinstance(item, Dispatcher)]
kernels = [item for item in kernels if not item.__module__.startswith("numba.")]
compiled = sorted(
    f"{item.__module__}.{item.__qualname__}" for item in kernels if item.stats.cache_misses
)
found = sum(sum(item.stats.cache_hits.values()) for item in kernels)
print(json.dumps({"value": value, "compiled": compiled, "found": found}))
"""


def environment(root, **more):
    """Without a setting of Numba's cache, so that kernels lie beside their sources."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("NUMBA_")}
    return {**clean, "PYTHONPATH": str(root), "PYTHONWARNINGS": "error::Warning:trajdata", **more}


def run(program, root, **more):
    """What a program in a process of its own leaves in ``value``, and what it compiled."""
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program) + ASKED],
        env=environment(root, **more),
        cwd=root,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    return json.loads(ended.stdout.splitlines()[-1])


WARM = """
import trajdata
source = trajdata.ClipSource(trajdata.preset("magvit-32"))
source.warm()
value = source.batch([0])["video"].sum().item()
"""


@pytest.fixture(scope="module")
def warm_package():
    """The package's own kernels are on the disk: copies of it begin with them."""
    run(WARM, ROOT)


@pytest.fixture
def scratch(warm_package, tmp_path):
    """A folder with a copy of the package, to be edited."""
    shutil.copytree(PACKAGE, tmp_path / "trajdata", ignore=shutil.ignore_patterns("*.tmp"))
    return tmp_path


def kernel_files(folder):
    return sorted(folder.rglob("*.nbc"))


def edit(path, old, new):
    text = path.read_text("utf-8")
    assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new), "utf-8")


# ---- Sources -------------------------------------------------------------------------------------


def imports_of(path):
    """What of the package a module imports, found with Python's own parser."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    for name in tuple(names):
        parts = name.split(".")
        names.update(".".join(parts[:end]) for end in range(2, len(parts)))
    return names & set(MODULES)


def reach_of(module):
    reached, waiting = set(), {module}
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting |= imports_of(MODULES[name])
    return reached


@pytest.mark.parametrize("module", MODULES)
def test_no_import_is_missed_that_pythons_own_parser_finds(module):
    """More may be found: an example in a text. Among kernels' sources that would be seen below."""
    assert _source(MODULES[module])[1] >= imports_of(MODULES[module])


STATEMENTS = """
import numpy as np, trajdata.one
from trajdata.two import (a,  # (a bracket)
    b)
from trajdata.three import \\
    c
if np: from trajdata.four import d
try: import trajdata.five as e; from trajdata.six import f
finally: pass
def g():
    from trajdata.seven import (
        h
    )
# from trajdata.not_me import i
"""


def test_imports_are_found_in_every_form_that_python_has(tmp_path):
    (tmp_path / "source.py").write_text(STATEMENTS)
    found = _source(tmp_path / "source.py")[1]
    for number in ("one", "two", "three", "four", "five", "six", "seven"):
        assert f"trajdata.{number}" in found
    assert {"trajdata.two.b", "trajdata.three.c", "trajdata.seven.h"} <= found
    assert "trajdata.not_me" not in found


EVERY_IDENTITY = """
import pathlib
import trajdata
from trajdata import _kernel_identity as identity
trajdata.ClipSource(trajdata.preset("magvit-32")).warm()
import gc
from numba.core.dispatcher import Dispatcher
kernels = [item for item in gc.get_objects() if isinstance(item, Dispatcher)]
kernels = [item for item in kernels if item.__module__.startswith("trajdata.")]

def identities():
    identity._source.cache_clear()
    identity.sources_of.cache_clear()
    return {(item.__module__, id(item)): identity.identity_of(item) for item in kernels}

before = identities()
value = {}
for path in sorted(pathlib.Path("trajdata").rglob("*.py")):
    text = path.read_bytes()
    path.write_bytes(text + b"# a word\\n")
    now = identities()
    value[str(path)] = {
        "some": sorted({key[0] for key in now if before[key] != now[key]}),
        "all": sorted({key[0] for key in now} - {key[0] for key in now if before[key] == now[key]}),
    }
    path.write_bytes(text)
assert identities() == before
value["modules with kernels"] = sorted({key[0] for key in before})
"""


@pytest.mark.slow
def test_every_source_is_part_of_exactly_the_kernels_that_reach_it(scratch):
    told = run(EVERY_IDENTITY, scratch)["value"]
    homes = told.pop("modules with kernels")
    assert len(homes) > 10
    reached = {home: reach_of(home) for home in homes}
    for name, path in MODULES.items():
        found = told[str(path.relative_to(ROOT))]
        within = {home for home in homes if name in reached[home]}
        assert within <= set(found["all"]), name
        # What is made of a law's or a shape's kernels reaches these through its cells alone.
        assert set(found["some"]) - within <= {
            "trajdata._world.choosing",
            "trajdata._world.framing",
            "trajdata._world.motion",
            "trajdata._render.compositing",
            "trajdata._render.coverage",
            "trajdata._render.overlaps",
            "trajdata._render.rays",
        }
        assert within or not found["some"], name
    assert sum(bool(found["some"]) for found in told.values()) > 15


PROBE = """
import numpy as np
from trajdata._arithmetic.philox import key_of, words
from trajdata._arithmetic.vectors import direction
from trajdata._laws import linear
from trajdata._render import film
from trajdata._world.camera import project
from trajdata._world.jitter import shake_positions
from trajdata._laws.registry import find_law
from trajdata._world.motion import motion_kernels
from trajdata._world.tables import SCENE

key, one = key_of(7, 0), np.zeros(1, np.int64)
scenes, positions = np.zeros((1, 1), SCENE), np.ones((1, 1, 2, 3))
scenes["radius"], scenes["shown"] = 1.0, 2
shaken, pixels, radii = positions.copy(), np.zeros((1, 1, 2, 2)), np.zeros((1, 1, 2))
shake_positions(key, one, 1.0, 0, positions, shaken)
project(positions, scenes, 16, 16, pixels, radii)
placed = np.zeros((1, 1, 2, 3))
law = find_law("linear")
motion_kernels((law,)).place_objects(scenes, np.ones((1, 1, 6)), np.arange(2.0), placed)
values = np.zeros(1, np.uint8)
ones = np.ones(1, "f4")
film._blend_flat(ones, ones, np.float32(9), np.float32(3), ones, values)
value = {
    "placed": placed.tolist(),
    "direction": direction(0.3, 0.4),
    "words": [int(word) for word in words(key, 0, 0, 0, 0)],
    "pixels": pixels.tolist(),
    "shaken": shaken.tolist(),
    "blend": values.tolist(),
}
"""

# Source, what is edited in it, and what of the above is changed by that.
EDITS = [
    ("_laws/linear.py", "n[0] + n[3] * t", "n[0] - n[3] * t", {"placed"}),
    ("_arithmetic/trig.py", "-1.0 / 6.0", "-1.0 / 7.0", {"direction"}),
    (
        "_arithmetic/philox.py",
        "_M0, _M1 = 0xD2511F53",
        "_M0, _M1 = 0xD2511F55",
        {"words", "shaken"},
    ),
    ("_world/camera.py", "0.5 * width", "0.25 * width", {"pixels"}),
    ("_spec/groups.py", "JITTER_REACH = 3.46", "JITTER_REACH = 4.46", {"shaken"}),
    ("_render/film.py", "_HALF = np.float32(0.5)", "_HALF = np.float32(1.5)", {"blend"}),
]


@pytest.mark.slow
def test_an_edit_of_a_source_shows_at_once_under_a_warm_cache(scratch):
    before = run(PROBE, scratch)["value"]
    assert run(PROBE, scratch)["compiled"] == []
    for name, old, new, expected in EDITS:
        path = scratch / "trajdata" / name
        edit(path, old, new)
        after = run(PROBE, scratch)
        changed = {key for key in before if before[key] != after["value"][key]}
        assert changed == expected, name
        assert after["compiled"]
        edit(path, new, old)
    again = run(PROBE, scratch)
    assert again["value"] == before
    assert again["compiled"] == []  # The kernels of the sources as they were are still there.


# ---- Functions made by functions -----------------------------------------------------------------

USERS = """
import numpy as np
from trajdata._jit import kernel

GAIN = 2.0

def inner(offset):
    @kernel
    def head(x):
        return x + offset
    return head

def chain(offsets):
    head = inner(offsets[0])
    if len(offsets) == 1:
        @kernel
        def last(which, x):
            return GAIN * head(x)
        return last
    tail = chain(offsets[1:])
    at = len(offsets)
    @kernel
    def either(which, x):
        if which == at:
            return GAIN * head(x)
        return tail(which, x)
    return either

def pair(one, two):
    @kernel
    def both(which, x):
        return 1000.0 * one(which, x) + two(which, x)
    return both
"""


@pytest.fixture
def users(tmp_path):
    """A folder with a user's module, outside the package; the package is the tests' own."""
    (tmp_path / "users.py").write_text(USERS)
    (tmp_path / "trajdata").symlink_to(PACKAGE)
    return tmp_path


def test_functions_of_one_name_with_other_cells_never_share_a_file(users):
    program = """
    import users
    one, two = users.chain((1.0, 2.0, 3.0)), users.chain((1.0, 2.0, 4.0))
    value = [[made(which, 10.0) for which in (3, 2, 1)] for made in (one, two)]
    """
    expected = [[22.0, 24.0, 26.0], [22.0, 24.0, 28.0]]
    first = run(program, users)
    assert first["value"] == expected
    assert "users.chain.<locals>.either" in first["compiled"]
    # Heads 1, 2, 3, 4; a last and two more links for each of the two chains.
    names = [path.name for path in kernel_files(users)]
    assert len([name for name in names if ".head-" in name]) == 4
    assert len([name for name in names if ".last-" in name]) == 2
    assert len([name for name in names if ".either-" in name]) == 4
    assert run(program, users) == {"value": expected, "compiled": [], "found": 2}


@pytest.mark.slow
def test_functions_of_one_name_that_two_processes_compiled_keep_apart_in_a_third(users):
    """Numba numbers the functions of a process, so both have the same symbol but for the digest."""
    one = "import users\nmade = users.chain(({0},))\nvalue = made(0, 10.0)"
    assert run(one.format(1.0), users)["value"] == 22.0
    assert run(one.format(5.0), users)["value"] == 30.0
    both = """
    import users
    made = [users.chain((offset,)) for offset in (1.0, 5.0)]
    value = [made[0](0, 10.0), made[1](0, 10.0), users.pair(*made)(0, 10.0)]
    """
    told = run(both, users)
    assert told["value"] == [22.0, 30.0, 22030.0]
    assert told["compiled"] == ["users.pair.<locals>.both"]


@pytest.mark.slow
def test_a_global_that_was_rebound_is_read_again(users):
    program = "import users\nusers.GAIN = {0}\nvalue = users.chain((1.0,))(0, 10.0)"
    assert run(program.format(2.0), users)["value"] == 22.0
    assert run(program.format(3.0), users)["value"] == 33.0
    assert run(program.format(2.0), users) == {"value": 22.0, "compiled": [], "found": 1}


@pytest.mark.slow
def test_an_edited_file_of_a_user_is_compiled_anew(users):
    program = "import users\nvalue = users.chain((1.0,))(0, 10.0)"
    assert run(program, users)["value"] == 22.0
    edit(users / "users.py", "return x + offset", "return x - offset")
    assert run(program, users)["value"] == 18.0


def test_a_source_that_is_edited_while_a_process_runs_leaves_no_kernel_of_the_old_code(users):
    run(
        """
        import pathlib
        import users
        source = pathlib.Path("users.py")
        source.write_text(source.read_text().replace("x + offset", "x - offset"))
        value = users.chain((1.0,))(0, 10.0)
        assert value == 22.0  # What was imported is what runs.
        """,
        users,
    )
    assert run("import users\nvalue = users.chain((1.0,))(0, 10.0)", users)["value"] == 18.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("definition", "call"),
    [
        ("import helper\n@kernel\ndef f(x): return x + helper.OFFSET", "users.f(1.0)"),
        ("from numba import njit\n@njit(cache=True)\ndef g(x): return x + 1\n"
         "@kernel\ndef f(x): return g(x)", "users.f(1.0)"),
        ("@kernel\ndef f(other, x): return other(x)", "users.f(users.inner(1.0), 1.0)"),
    ],
    ids=["a module of somebody else", "a kernel in Numba's own cache", "a function as argument"],
)  # fmt: skip
def test_what_has_no_content_to_compare_is_compiled_by_each_process(users, definition, call):
    (users / "helper.py").write_text("OFFSET = 1.0\n")
    with (users / "users.py").open("a") as file:
        file.write(definition + "\n")
    for _ in range(2):
        told = run(f"import users\nvalue = {call}", users)
        assert told["value"] == 2.0
        assert "users.f" in told["compiled"]
    assert not [path for path in kernel_files(users) if path.name.startswith("users.f-")]


# ---- Files ---------------------------------------------------------------------------------------


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module with a kernel that calls another; its kernels' files lie under ``tmp_path``."""
    path = tmp_path / "small.py"
    path.write_text(
        "from trajdata._jit import kernel\n"
        "def called(x): return x * 3.0\n"
        "def small(x): return x + 1.0\n"
    )
    monkeypatch.setattr(numba.core.config, "CACHE_DIR", "")
    spec = importlib.util.spec_from_file_location("small", path)
    made = importlib.util.module_from_spec(spec)
    # Numba imports the module of a kernel by name when it loads it.
    monkeypatch.setitem(sys.modules, "small", made)
    spec.loader.exec_module(made)
    return made


def fresh(module):
    """The kernel as a new process has it; whether it was found on the disk."""
    made = module.kernel(module.small)
    assert made(1.0) == 2.0
    return sum(made.stats.cache_hits.values()) == 1


def only_file(module):
    (path,) = kernel_files(Path(module.__file__).parent)
    return path


def _as_folder(path):
    path.unlink()
    path.mkdir()


def _as_pipe(path):
    path.unlink()
    os.mkfifo(path)


def _as_dangling_link(path):
    path.unlink()
    path.symlink_to("nowhere")


def _of_another_kernel(path):
    """A whole and sound file, under a name that is not its own."""
    other = Path(path.parent / "other")
    other.mkdir()
    source = other / "other.py"
    source.write_text("from trajdata._jit import kernel\n@kernel\ndef small(x): return x - 7.0\n")
    spec = importlib.util.spec_from_file_location("small", source)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.small(1.0) == -6.0
    (theirs,) = kernel_files(other)
    path.write_bytes(theirs.read_bytes())
    shutil.rmtree(other)


def _flipped(sixteenths):
    def flip(path):
        content = bytearray(path.read_bytes())
        content[(len(content) - 1) * sixteenths // 16] ^= 0x10
        path.write_bytes(content)

    return flip


def _cut(sixteenths):
    return lambda path: path.write_bytes(
        path.read_bytes()[: path.stat().st_size * sixteenths // 16]
    )


DAMAGES = {
    "emptied": lambda path: path.write_bytes(b""),
    "checksum alone": lambda path: path.write_bytes(path.read_bytes()[:32]),
    "garbage": lambda path: path.write_bytes(b"\x80\x04garbage" * 500),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "removed": lambda path: path.unlink(),
    "a folder": _as_folder,
    "a pipe": _as_pipe,
    "a dangling link": _as_dangling_link,
    "of another kernel": _of_another_kernel,
    **{f"cut at {part}/16": _cut(part) for part in (1, 8, 15)},
    **{f"flipped at {part}/16": _flipped(part) for part in range(17)},
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
@pytest.mark.filterwarnings("error")
def test_a_damaged_file_is_compiled_and_written_again(module, damage):
    assert not fresh(module)
    path = only_file(module)
    assert fresh(module)
    damage(path)
    assert not fresh(module)
    assert only_file(module) == path
    assert path.is_file() and not path.is_symlink()
    assert fresh(module)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read every file"
)
def test_a_file_that_may_not_be_read_is_written_again(module):
    assert not fresh(module)
    only_file(module).chmod(0)
    assert not fresh(module)
    assert fresh(module)


def test_a_checksum_that_holds_over_what_cannot_be_unpickled_is_no_error(module, monkeypatch):
    assert not fresh(module)
    monkeypatch.setattr(trajdata._kernel_cache, "dumps", lambda _: b"cnowhere\nnothing\n.")
    only_file(module).unlink()
    assert not fresh(module)
    monkeypatch.undo()
    assert not fresh(module)
    assert fresh(module)


@pytest.mark.parametrize("package", ["numba", "llvmlite", "np"])
def test_a_kernel_of_another_version_is_not_used(module, package, monkeypatch):
    assert not fresh(module)
    library = getattr(trajdata._kernel_cache, package)
    with monkeypatch.context() as patch:
        patch.setattr(library, "__version__", "0.0.1")
        assert not fresh(module)
        assert fresh(module)
    assert fresh(module)


def test_files_of_one_function_do_not_pile_up(module, monkeypatch):
    kept = trajdata._kernel_cache._KEPT
    folder = Path(module.__file__).parent
    for number in range(kept + 3):
        with monkeypatch.context() as patch:
            patch.setattr(numba, "__version__", f"0.0.{number}")
            assert not fresh(module)
        for age, path in enumerate(sorted(kernel_files(folder), key=os.path.getmtime)):
            os.utime(path, (1e9 + age, 1e9 + age))
    assert len(kernel_files(folder)) == kept
    with monkeypatch.context() as patch:
        patch.setattr(numba, "__version__", f"0.0.{kept + 2}")
        assert fresh(module)
        patch.setattr(numba, "__version__", "0.0.0")
        assert not fresh(module)


def test_temporary_files_of_a_killed_writer_go_but_not_those_of_a_living_one(module):
    assert not fresh(module)
    path = only_file(module)
    left, living = (path.with_name(f"{path.name}.{name}.tmp") for name in ("left", "living"))
    for temporary in (left, living):
        temporary.write_bytes(b"half")
    os.utime(left, (time.time() - 7200,) * 2)
    path.unlink()
    assert not fresh(module)
    assert not left.exists()
    assert living.exists()


def test_recompiling_a_kernel_removes_its_files_and_no_other(module):
    assert not fresh(module)
    called = module.kernel(module.called)
    called(1.0)
    made = module.kernel(module.small)
    made(1.0)
    made.recompile()
    assert made(1.0) == 2.0
    assert len(kernel_files(Path(module.__file__).parent)) == 2
    made._cache.flush()
    (left,) = kernel_files(Path(module.__file__).parent)
    assert left.name.startswith("small.called-")


SMALL = "import users\nvalue = users.chain((1.0,))(0, 10.0)"


def test_a_full_disk_is_no_error(users):
    """Every write fails, as it does on a full disk; not even the superuser is spared."""
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
    told = run(limit + SMALL, users, PYTHONDONTWRITEBYTECODE="1")
    assert told["value"] == 22.0
    assert told["compiled"]
    assert not list((users / "__pycache__").iterdir())


@pytest.mark.slow
def test_where_no_folder_can_be_written_every_process_compiles(users):
    (users / "__pycache__").write_text("not a folder")
    nowhere = {"XDG_CACHE_HOME": "/dev/null/x", "HOME": "/dev/null/x", "LOCALAPPDATA": "nul"}
    for _ in range(2):
        told = run(SMALL, users, **nowhere)
        assert told["value"] == 22.0
        assert told["found"] == 0


@pytest.mark.slow
def test_two_processes_that_start_together_on_a_cold_cache_are_both_right(users):
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", SMALL + ASKED],
            env=environment(users),
            cwd=users,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for program in programs:
        told, _ = program.communicate(timeout=SECONDS)
        assert program.returncode == 0
        assert json.loads(told)["value"] == 22.0
    assert run(SMALL, users)["compiled"] == []
    assert not list(users.rglob("*.tmp"))


@pytest.mark.slow
def test_numbas_setting_of_the_folder_is_followed(users, tmp_path):
    assert run(SMALL, users, NUMBA_CACHE_DIR=str(tmp_path / "there"))["compiled"]
    assert kernel_files(tmp_path / "there")
    assert not list((users / "__pycache__").glob("*.nbc"))
    assert run(SMALL, users, NUMBA_CACHE_DIR=str(tmp_path / "there"))["compiled"] == []


def test_kernels_without_numbas_compiler_say_so_in_a_sentence(tmp_path):
    program = """
    import trajdata
    from trajdata._world.camera import project
    try:
        trajdata.ClipSource(trajdata.preset("magvit-32")).batch([0])
    except RuntimeError as error:
        value = str(error)
    """
    told = run(program, ROOT, NUMBA_DISABLE_JIT="1")
    assert told["value"] == (
        "NUMBA_DISABLE_JIT is set: trajdata's kernels need Numba's compiler; unset it"
    )


# ---- A whole bake --------------------------------------------------------------------------------


def baked(scratch, name):
    """SHA-256 of the shards of a small bake in a process of its own, which must end with 0."""
    out = scratch / name
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "trajdata", "materialize", "--preset", "magvit-32"),
            *("--clips", "6", "--shard-clips", "3", "--out", str(out)),
        ],
        env=environment(scratch),
        cwd=scratch,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert ended.returncode == 0, ended.stderr
    assert "nbc" not in ended.stdout + ended.stderr
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.glob("*.tar")}


@pytest.mark.slow
def test_a_bake_goes_on_when_every_file_of_the_kernel_cache_is_damaged(scratch):
    for path in kernel_files(scratch):  # There may be some of older sources, which nobody reads.
        path.unlink()
    sound = baked(scratch, "sound")
    run(WARM, scratch)
    warm = run(WARM, scratch)
    assert warm["compiled"] == []
    assert warm["found"] > 5
    files = kernel_files(scratch)
    kinds = [DAMAGES[name] for name in DAMAGES if name != "of another kernel"]
    for number, path in enumerate(files):
        kinds[number % len(kinds)](path)
    assert baked(scratch, "damaged") == sound
    run(WARM, scratch)
    assert run(WARM, scratch) == warm
    # Those that no call asks for from outside are written too, as what they are part of is made.
    assert [path for path in files if not path.is_file()] == []


def test_arrays_count_by_their_content():
    from trajdata._kernel_identity import Unidentifiable, _array

    one = np.array([1.0, 2.0])
    assert _array(one) == _array(one.copy())
    others = [np.array([1.0, 3.0]), one.astype("f4"), one[None], one[::-1], np.float64(1.0)]
    assert len({_array(other) for other in [one, *others]}) == 6
    for bad in (np.array([object()]), np.zeros(2**20)):
        with pytest.raises(Unidentifiable):
            _array(bad)
