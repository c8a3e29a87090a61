"""What the command line says: in English, to programs, and on narrow terminals."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.patience import SECONDS
from trajdata import ClipSource, __version__, materialize, preset
from trajdata._bake.progress import parse_progress
from trajdata._bake.report import page
from trajdata._check.audit.findings import at_most
from trajdata._cli import main
from trajdata._cli.app import app
from trajdata._cli.display import Display
from trajdata._cli.exits import exit_codes
from trajdata._cli.specs import chosen_spec
from trajdata._cli.tables import print_findings
from trajdata._cli.watching import frame
from trajdata._errors import printable

ROOT = Path(__file__).parents[2]
COMMANDS = [command.callback.__name__.replace("_", "-") for command in app.registered_commands]
SIZES = ["--set", "picture.frames=2", "--set", "picture.height=16", "--set", "width=16"]


def run(*words):
    """The exit code of a command in this process."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return ended.value.code


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "out"
    source = ClipSource(preset("magvit-32", frames=2, height=16, width=16))
    materialize(source, folder, clips=1, threads=1)
    return folder


def test_the_version_is_told():
    told = subprocess.run(
        [sys.executable, "-m", "trajdata", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert told.stdout == f"trajdata {__version__}\n"


def test_a_shell_can_be_taught_to_complete(capsys):
    assert run("--help") == 0
    assert "--install-completion" in capsys.readouterr().out


def test_one_thing_is_not_several(tmp_path, capsys):
    assert run("materialize", *SIZES, "--clips", 1, "--out", tmp_path, "--threads", 1) == 0
    assert "holds 1 clip;" in capsys.readouterr().out
    (tmp_path / "train-000007.tar").write_bytes(b"")
    assert run("verify", tmp_path) == 1
    assert "1 problem." in capsys.readouterr().err


def test_no_command_says_several_of_one_thing(tmp_path, capsys):
    """Of one clip in one shard, everything is singular."""
    baked, ranged = tmp_path / "baked", tmp_path / "ranged"
    one = [*SIZES, "--clips", 1, "--threads", 1]
    said = {}

    def say(*words):
        code = run(*words)
        told = capsys.readouterr()
        said[words[0]] = told.out + told.err
        return code

    assert say("materialize", *one, "--out", baked) == 0
    assert say("bake-range", ranged, "--shards", "0:1", *one) == 0
    assert say("finish", ranged) == 0
    assert say("status", baked) == 0
    assert say("watch", baked) == 0
    assert say("sync", baked, tmp_path / "synced") == 0
    assert say("preview", baked, "--clips", 1, "--out", tmp_path / "one.png") == 0
    assert say("export", tmp_path / "exported", "--to", "npz", "--from", baked) == 0
    assert say("verify", baked, "--full", "--rerender", 1) == 0
    (baked / "train-000000.tar").unlink()
    assert say("repair", baked) == 0
    for command, text in said.items():
        found = re.findall(r"(?<![\d,.])1 (?:\w+ )?(?:clips|shards|files|problems|bytes)\b", text)
        assert not found, (command, text)
    report = (baked / "report.html").read_text("utf-8")
    assert not re.findall(r">1 (?:clips|shards)\b|(?<![\d,.])1 (?:clips|shards)\b", report)
    assert " of 1 clips" not in (baked / "PROGRESS.txt").read_text("utf-8")


def test_a_quick_look_says_that_it_is_quick_and_a_full_one_that_it_is_full(store, capsys):
    assert run("verify", store) == 0
    assert "a quick look" in capsys.readouterr().out
    assert run("verify", store, "--full", "--rerender", 1) == 0
    said = capsys.readouterr().out
    assert "every byte was read" in said
    assert "1 clip rendered again" in said


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (["status", "/nonexistent/folder"], 2, "progress.json"),
        (["materialize"], 2, "--clips"),
        (["materialize", "--clips", "x", "--out", "y"], 2, "--clips"),
        (["materialize", "--clips", "1", "--out", "y", "--set", "frames=1"], 2, "frames: given 1"),
        (["materialize", "--clips", "1", "--out", "y", "--preset", "no"], 2, "preset: given 'no'"),
        (["verify", "/nonexistent/folder"], 2, "folder"),
        (["no-such-command"], 2, "no-such-command"),
    ],
)
def test_an_error_is_json_too_where_a_program_asked_for_json(words, code, part, capsys):
    assert run(*words, "--json") == code
    answer = json.loads(capsys.readouterr().out)
    assert answer["exit_code"] == code
    assert part in answer["error"]


def test_an_extra_that_is_missing_is_one_sentence_with_its_name(capsys):
    with pytest.raises(Exception, match="1"), exit_codes():
        raise ModuleNotFoundError("No module named 'scipy'", name="scipy.stats")
    said = capsys.readouterr().err
    assert said == (
        "trajdata: this needs scipy, which is not installed: pip install 'trajdata-video[audit]'\n"
    )


WITHOUT_SCIPY = """
import sys
sys.modules["scipy"] = None  # as if it were not installed
import numpy, trajdata
from trajdata._cli import main
for use in (lambda: trajdata.audit, lambda: trajdata.AuditReport):
    try:
        use()
    except ImportError as error:
        print(error)
spec = trajdata.preset("magvit-32")
clips = trajdata.ClipSource(spec).batch(range(4))
import trajdata.scoring
trajdata.scoring.law_score(clips["video"], spec)
numpy.savez(sys.argv[1] + "/clips.npz", video=clips["video"])
for words in (["audit", "--out", sys.argv[1]], ["score", sys.argv[1] + "/clips.npz"]):
    try:
        main(words)
    except SystemExit as ended:
        print(words[0], ended.code)
"""


@pytest.mark.slow
def test_without_scipy_an_audit_is_one_sentence_and_all_else_works(tmp_path):
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT_SCIPY, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    sentence = "this needs scipy, which cannot be imported: pip install 'trajdata-video[audit]'"
    assert told.stderr == f"trajdata: {sentence}\n"
    lines = told.stdout.splitlines()
    assert lines[:2] == [sentence] * 2
    assert "audit 1" in lines
    assert lines[-1] == "score 0"


def test_no_control_character_reaches_a_terminal(capsys):
    assert printable("a\x1b[31mb\x07") == "a\\x1b[31mb\\x07"
    with pytest.raises(Exception, match="2"), exit_codes():
        raise ValueError("\x1b]0;title\x07")
    assert "\x1b" not in capsys.readouterr().err


def told_on(columns, *words):
    """What a command says on a terminal of so many columns, and its exit code."""
    told = subprocess.run(
        [sys.executable, "-m", "trajdata", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": str(columns), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return told.stdout + told.stderr, told.returncode


@pytest.mark.slow
def test_nothing_is_cut_on_a_terminal_of_40_columns(store):
    for words in (
        ["status", store],
        ["watch", store],
        ["verify", store],
        ["verify", store, "--full", "--rerender", 1],
        ["repair", store],
    ):
        told, code = told_on(40, *words)
        assert code == 0, told
        assert "…" not in told
        wide, _ = told_on(400, *words)
        assert told.split() == wide.split(), words


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_no_word_of_a_help_is_cut_on_a_terminal_of_40_columns(command):
    told, code = told_on(40, command, "--help")
    assert code == 0
    assert "…" not in told
    wide, _ = told_on(400, command, "--help")
    # A long name or word may be broken by a new line, but nothing is lost.
    assert "".join(told.split()) == "".join(wide.split())
    for line in told.splitlines():
        assert len(line) <= 40 or len(line.split()) == 1, line


@pytest.mark.parametrize("status", ["running", "failed"])
def test_a_watch_on_a_terminal_of_40_columns_shows_all_of_a_report(store, status):
    report = parse_progress((store / "progress.json").read_bytes(), "progress.json")
    report = replace(report, status=status, message="something long went wrong " * 4)
    told = io.StringIO()
    Console(file=told, width=40, force_terminal=False).print(frame(report, silent=True))
    assert "…" not in told.getvalue()
    assert "".join(report.to_text().split()) in "".join(told.getvalue().split())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_that_teaches_a_shell_completes_commands_and_options(shell):
    script = run_as_program(f"_TRAJDATA_COMPLETE=source_{shell}")
    assert "_TRAJDATA_COMPLETE" in script
    assert "trajdata" in script
    completed = {
        "bash": {"COMP_WORDS": "trajdata ver", "COMP_CWORD": "1"},
        "zsh": {"_TYPER_COMPLETE_ARGS": "trajdata ver"},
        "fish": {"_TYPER_COMPLETE_ARGS": "trajdata ver", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    words = [f"_TRAJDATA_COMPLETE=complete_{shell}", *(f"{k}={v}" for k, v in completed.items())]
    assert "verify" in run_as_program(*words)
    if shell == "bash" and shutil.which("bash"):
        ended = subprocess.run(
            ["bash", "-n"], input=script, text=True, timeout=SECONDS, check=False
        )
        assert ended.returncode == 0


def run_as_program(*settings):
    """What the program says to a shell that asks with these variables."""
    told = subprocess.run(
        [sys.executable, "-c", "from trajdata._cli import main; main()"],
        cwd=ROOT,
        env={**os.environ, **dict(setting.split("=", 1) for setting in settings)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert told.returncode in (0, 1), told.stderr
    return told.stdout


@pytest.mark.parametrize(("rate", "told"), [(1234.4, "1,234"), (3.44, "3.4"), (0.2, "0.2")])
def test_one_rate_is_told_by_lines_text_and_page(store, rate, told):
    report = parse_progress((store / "progress.json").read_bytes(), "progress.json")
    report = replace(report, status="running", clips_per_second=rate)
    line = io.StringIO()
    Display(Console(file=line)).update(report)
    # What the page's template is given to write rates with.
    for text in (line.getvalue(), report.to_text(), page.per_second(rate)):
        assert set(re.findall(r"([\d,.]+) clips/s", text)) == {told}


def test_tables_are_lines_where_a_terminal_is_narrow():
    findings = [at_most("a group", "a figure with a long name " * 3, 0.123456, 1.0, "px", 10**6)]
    told = io.StringIO()
    print_findings(findings, Console(file=told, width=40))
    assert "…" not in told.getvalue()
    assert "0.123456 (<= 1 px; 1,000,000): pass" in told.getvalue()


def test_a_spec_comes_from_a_preset_or_a_file_and_settings_change_it(tmp_path):
    file = tmp_path / "spec.json"
    file.write_text(preset("gray-32", frames=5).to_json())
    changed = chosen_spec(
        None, file, ["motion.laws=linear,circular", "circular.turns=0.9,1", "shapes=disc"], 0.0
    )
    assert changed == preset("gray-32", frames=5).replace(
        {"laws": ("linear", "circular"), "circular.turns": (0.9, 1.0), "shapes": ("disc",)}
    )
    assert chosen_spec("gray-32", None, ["held_out_speed=null"], 0.0) == preset(
        "gray-32", held_out_speed=None
    )
    assert chosen_spec(None, None, None, 0.5) == preset("magvit-32", difficulty=0.5)
    for words, message in (
        ((None, file, None, 0.5), "--spec: given"),
        (("gray-32", file, None, 0.0), "--spec: given"),
        ((None, tmp_path / "none.json", None, 0.0), "No such file"),
        ((None, None, ["frames"], 0.0), "--set: given frames; allowed is SETTING=VALUE"),
        ((None, None, ["=3"], 0.0), "--set: given =3"),
        ((None, None, ["frames=many"], 0.0), "frames: given 'many'"),
    ):
        with pytest.raises(ValueError, match=message):
            chosen_spec(*words)
