"""A user's law from its definition to a store that others read."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import trajdata
from tests.patience import SECONDS
from trajdata import ArgumentError, check_law

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "user_law.py"
FIELDS = ("video", "label", "index", "params", "caption", "equation")

READ = """
import json, sys
import numpy as np
import trajdata

stored = trajdata.open_shards("store", fields=("video", "label", "caption", "equation", "params"))
batch = stored.batch(range(12))
print(json.dumps({
    "laws": stored.spec.laws,
    "video": int(batch["video"].astype(np.int64).sum()),
    "captions": batch["caption"],
    "params": {name: values.tolist() for name, values in batch["params"].items()},
    "verified": trajdata.verify("store", full=True).ok,
}))
"""

RENDER = """
import json, sys
from numba.core import event
import trajdata
{imported}

class Counter(event.Listener):
    starts = 0
    def on_start(self, found):
        self.starts += 1
    def on_end(self, found):
        pass

counter = Counter()
event.register("numba:compile", counter)
spec = trajdata.ClipSpec.from_json(open("spec.json").read())
batch = trajdata.ClipSource(spec, fields=("video", "caption")).batch(range(12))
print(json.dumps({{"compiled": counter.starts, "video": int(batch["video"].sum(dtype="int64"))}}))
"""


def run(program, folder, code=0):
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert found.returncode == code, found.stderr[-3000:]
    return found.stdout, found.stderr


@pytest.fixture(scope="module")
def boat(tmp_path_factory):
    """(the example's law as a module in a folder, a spec with it, a store of 12 clips of it)."""
    folder = tmp_path_factory.mktemp("boat")
    (folder / "boats.py").write_text(EXAMPLE.read_text("utf-8"), "utf-8")
    (folder / "spec.json").write_text("", "utf-8")
    run(
        "import boats, trajdata\n"
        "spec = trajdata.preset('magvit-32', frames=4, laws=('linear', 'rocking_boat'))\n"
        "open('spec.json', 'w').write(spec.to_json())\n"
        "trajdata.materialize(trajdata.ClipSource(spec), 'store', clips=12, shard_clips=8)\n"
        "import pickle\n"
        "pickle.dump(trajdata.ClipSource(spec), open('source.pickle', 'wb'))\n",
        folder,
    )
    return folder


@pytest.mark.slow
def test_the_example_runs_and_shows_a_clip(tmp_path):
    run_ = subprocess.run(
        [sys.executable, str(EXAMPLE)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert run_.returncode == 0, run_.stderr
    assert "ok: motions that had to be slowed down to fit: 0" in run_.stdout
    assert "rocks by" in run_.stdout
    assert "FAILS" not in run_.stdout


@pytest.mark.slow
def test_shards_of_a_users_law_are_read_and_verified_without_it(boat):
    answer = json.loads(run(READ, boat)[0])
    assert answer["laws"] == ["linear", "rocking_boat"]
    assert answer["verified"] is True
    assert any("rocks by" in caption for caption in answer["captions"])
    assert max(answer["params"]["height_m"]) > 0
    assert answer["video"] > 0


def test_shards_of_a_users_law_are_copied_without_it(boat):
    from tests.torture.tiny import tree

    assert "2 shards copied" in command("sync", "store", "copied", folder=boat)
    assert tree(boat / "copied") == tree(boat / "store")


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "store", "--rerender", "3"),
        ("sync", "store", "rendered", "--render"),
        ("materialize", "--spec", "spec.json", "--clips", "20", "--out", "store"),
    ],
)
def test_rendering_again_asks_for_the_law(boat, words):
    _, said = run(
        f"import sys; from trajdata._cli import main; sys.argv = ['trajdata', *{words!r}]; main()",
        boat,
        code=2,
    )
    assert "'rocking_boat' is a user's law, and this process has none" in " ".join(said.split())


def command(*words, folder, code=0):
    """What ``trajdata WORDS`` prints, on standard output and standard error."""
    program = f"import sys; from trajdata._cli import main; main({words!r})"
    return " ".join(" ".join(run(program, folder, code)).split())


@pytest.mark.slow
def test_a_file_of_laws_is_named_on_the_command_line(boat):
    words = ("--laws", "boats.py", "verify", "store", "--rerender", "3")
    assert "3 clips" in command(*words, folder=boat)
    words = ("--laws", "boats.py", "materialize", "--spec", "spec.json", "--clips", "8")
    command(*words, "--shard-clips", "8", "--out", "by-command", folder=boat)
    made, held = (boat / name / "train-000000.tar" for name in ("by-command", "store"))
    assert made.read_bytes() == held.read_bytes()


@pytest.mark.parametrize("name", ["none.py", "json.py", "laws.txt"])
def test_a_file_that_can_be_no_module_of_laws_is_an_error(tmp_path, name):
    (tmp_path / "below").mkdir()
    for empty in ("json.py", "laws.txt"):
        (tmp_path / "below" / empty).write_text("", "utf-8")
    said = command("--laws", f"below/{name}", "verify", "store", folder=tmp_path, code=2)
    assert f"--laws: given 'below/{name}'" in said


@pytest.mark.slow
def test_the_law_is_compiled_once_and_cached_for_the_next_process(boat):
    first = json.loads(run(RENDER.format(imported="import boats"), boat)[0])
    again = json.loads(run(RENDER.format(imported="import boats"), boat)[0])
    assert again["compiled"] == 0
    assert again["video"] == first["video"]


def test_a_source_that_is_sent_to_another_process_brings_its_law(boat):
    program = (
        "import pickle\n"
        "source = pickle.load(open('source.pickle', 'rb'))\n"
        "print(source.spec.laws, source.batch([0])['video'].shape)"
    )
    assert "('linear', 'rocking_boat') (1, 4, 3, 32, 32)" in run(program, boat)[0]


def test_a_store_of_a_users_law_can_be_grown_where_the_law_is(boat):
    program = (
        "import boats, trajdata\n"
        "spec = trajdata.ClipSpec.from_json(open('spec.json').read())\n"
        "source = trajdata.ClipSource(spec)\n"
        "trajdata.materialize(source, 'grown', clips=8, shard_clips=8)\n"
        "trajdata.materialize(source, 'grown', clips=12)\n"
        "print(trajdata.verify('grown', full=True, rerender=4).ok)\n"
    )
    assert run(program, boat)[0].strip().endswith("True")
    assert (boat / "grown" / "train-000001.tar").read_bytes() == (
        boat / "store" / "train-000001.tar"
    ).read_bytes()


def test_pickles_of_specs_without_users_laws_are_as_they_were():
    spec = trajdata.preset("magvit-32")
    assert pickle.loads(pickle.dumps(spec)) == spec


@pytest.fixture
def forgotten(monkeypatch):
    """What the test registers is forgotten after it."""
    monkeypatch.setattr("trajdata._laws.registry._USERS", {})


@pytest.mark.slow
def test_a_law_whose_speed_limit_is_too_low_does_not_pass(forgotten):
    class Rushing:
        numbers = ("x0_m", "y0_m", "z0_m", "vx_m_s")
        phrase = "rushes"
        equation = "x"

        def propose(scene, settings, own, w, v, speed, n):
            n[0], n[1], n[2] = scene.x, scene.y + 0.001, scene.z
            n[3] = speed if trajdata.unit(w[0]) < 0.5 else -speed

        def position(n, t):
            return n[0] + n[3] * t, n[1], n[2]

        def fastest(n, t0, t1):
            return 0.9 * abs(n[3])

    with pytest.raises(ArgumentError) as caught:
        check_law(trajdata.law(Rushing), motions=60)
    said = str(caught.value)
    for broken in (
        "FAILS: speed above its speed limit, accepted motions",
        "FAILS: speed above its speed limit, first proposals",
        "FAILS: distance from its anchor at time 0: 0.001",
        "FAILS: motions that had to be slowed down",
    ):
        assert broken in said, said
    assert "ok: calls of the compiled code that are not bit-exact: 0" in said


@pytest.mark.slow
def test_a_law_whose_bound_lies_above_its_path_or_calls_the_c_library_does_not_pass(
    forgotten, monkeypatch
):
    # The rules on sources would refuse it before it is compiled.
    monkeypatch.setattr("trajdata._user_laws.making.check_source", lambda function: None)

    class Bending:
        numbers = ("x0_m", "y0_m", "z0_m", "vx_m_s")
        phrase = "bends"
        equation = "x"

        def propose(scene, settings, own, w, v, speed, n):
            n[0], n[1], n[2], n[3] = scene.x, scene.y, scene.z, speed

        def position(n, t):
            return n[0] + n[3] * t, n[1] + 0.1 - 0.1 * np.cos(t), n[2]

        def least(n, t0, t1, a, b, c):
            return a * n[0] + b * n[1] + c * n[2] - 0.1 * abs(a)

    with pytest.raises(ArgumentError) as caught:
        check_law(trajdata.law(Bending), motions=60)
    said = str(caught.value)
    assert "FAILS: lower bound above the path, first proposals" in said, said
    assert "FAILS: calls of the compiled code that are not bit-exact (cos)" in said, said


def test_our_own_laws_keep_what_they_declare():
    report = check_law("u_turn", motions=40)
    assert report.passed
    assert report.law == "u_turn"
    with pytest.raises(ArgumentError, match="motions: given 0"):
        check_law("u_turn", motions=0)
    with pytest.raises(ArgumentError, match="law: given 3"):
        check_law(3)
