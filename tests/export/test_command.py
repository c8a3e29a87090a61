"""`trajdata export` as a user meets it."""

import json
import shlex

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.export.conftest import tree
from trajdata import ClipSource, materialize, preset
from trajdata._cli.app import app

SMALL = ["--preset", "gray-32", "--set", "height=16", "--set", "width=16", "--clips", "5"]


def run(*words):
    return CliRunner().invoke(app, ["export", *map(str, words)])


def test_rendered_clips_have_the_fields_that_a_store_has(tmp_path):
    told = run(tmp_path / "out", "--to", "npz", *SMALL, "--split", "val", "--seed", 3)
    assert told.exit_code == 0, told.output
    assert "holds 5 clips as npz; this run wrote 5" in told.output
    source = ClipSource(preset("gray-32", height=16, width=16), 3, "val")
    files = sorted((tmp_path / "out" / "clips").glob("*/*.npz"), key=lambda path: path.name)
    for index, path in enumerate(files):
        with np.load(path) as held:
            assert np.array_equal(held["video"], source[index]["video"])
            assert {"trajectory", "pixels", "params", "caption", "equation"} <= set(held)
    again = run(tmp_path / "out", "--to", "npz", *SMALL, "--split", "val", "--seed", 3)
    assert "there was nothing left to do" in again.output


def test_the_command_in_the_progress_file_goes_on_with_the_export(tmp_path):
    out = tmp_path / "out"
    assert run(out, "--to", "npz", *SMALL, "--fields", "depth,caption").exit_code == 0
    before = tree(out)
    command = json.loads((out / "progress.json").read_text())["resume_command"]
    next((out / "clips").glob("*/*.npz")).unlink()
    words = shlex.split(command)
    assert words[:2] == ["trajdata", "export"]
    told = run(*words[2:])
    assert told.exit_code == 0, told.output
    assert tree(out) == before


def test_a_store_is_exported_whole_and_with_all_that_it_holds(tmp_path):
    source = ClipSource(preset("gray-32", height=16, width=16), 3)
    materialize(source, tmp_path / "store", clips=6, fields=("depth",))
    told = run(tmp_path / "out", "--to", "npz", "--from", tmp_path / "store", "--json")
    assert told.exit_code == 0, told.output
    answer = json.loads(told.stdout)
    assert (answer["clips"], answer["to"], answer["exact_pixels"]) == (6, "npz", True)
    path = next((tmp_path / "out" / "clips").glob("*/*.npz"))
    with np.load(path) as held:
        assert set(held) == {*("video", "label", "index", "depth", "params", "caption", "equation")}
    command = json.loads((tmp_path / "out" / "progress.json").read_text())["resume_command"]
    assert shlex.split(command)[5:7] == ["--from", str(tmp_path / "store")]


def test_a_lossy_format_says_so(tmp_path):
    told = run(tmp_path / "out", "--to", "gif", *SMALL)
    assert "gif does not keep every pixel" in told.output


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--to", "avi", *SMALL], 2, "allowed are mp4"),
        (["--to", "npz", *SMALL[:-2]], 2, "clips: given None"),
        (["--to", "npz", "--from", "STORE", "--preset", "gray-32"], 2, "allowed is a store alone"),
        (["--to", "npz", "--from", "STORE", "--fields", "points"], 2, "does not hold"),
        (["--to", "npz", "--from", "OUT"], 2, "allowed is a store"),
        (["--to", "png", *SMALL], 3, "belongs to another stream"),
    ],
)
def test_what_is_wrong_has_its_exit_code_and_a_sentence(tmp_path, words, code, said):
    source = ClipSource(preset("gray-32", height=16, width=16), 3)
    materialize(source, tmp_path / "STORE", clips=6, fields=("depth",))
    assert run(tmp_path / "OUT", "--to", "npz", *SMALL).exit_code == 0
    places = {name: str(tmp_path / name) for name in ("STORE", "OUT")}
    given = [places.get(word, word) for word in words]
    told = run(tmp_path / "OUT", *given, "--json")
    assert told.exit_code == code, told.output
    assert said in json.loads(told.stdout)["error"]
    assert "Traceback" not in told.output
