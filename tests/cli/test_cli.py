"""The command as a user meets it: its exit codes, its words, its files.

It is a process of its own where that matters; otherwise ``call`` runs it in this one, which has
the kernels at hand.
"""

import errno
import hashlib
import io
import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

from tests.patience import SECONDS, until
from trajdata import preset
from trajdata._check.audit.findings import at_most
from trajdata._check.audit.plots import SHOWN_FACTORS
from trajdata._check.audit.report import AuditReport
from trajdata._cli import main
from trajdata._cli.exits import exit_codes
from trajdata._errors import LockedError, ShardError, SpecMismatchError
from trajdata._store.disk import Disk
from trajdata._store.lock import FolderLock

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "trajdata"]
BAKE = ["materialize", "--preset", "gray-32", "--clips", "400", "--shard-clips", "100"]


def run(*words, program=COMMAND, cwd=ROOT):
    return subprocess.run(
        [*program, *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=SECONDS
    )


def call(*words):
    """The command in this process: what it returned, and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return subprocess.CompletedProcess(words, ended.value.code, out.getvalue(), err.getvalue())


def tree(folder):
    """Every file with its bytes and times: what "nothing was written" compares."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def data(folder):
    """What must be the same bytes however a bake went."""
    files = [*sorted(folder.glob("*.tar")), folder / "index.json"]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def baked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("baked") / "out"
    done = run(*BAKE, "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def ctrl_c_works():
    """A runner started in the background ignores SIGINT, and its children would inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_a_bake_says_what_it_did_and_leaves_the_shards(tmp_path):
    done = run(*BAKE, "--out", tmp_path / "out", "--threads", 2)
    assert done.returncode == 0
    assert "holds 400 clips; this run wrote 400" in done.stdout
    assert "400 of 400 clips committed" in done.stderr
    assert sorted(data(tmp_path / "out")) == [
        "index.json",
        *(f"train-{k:06d}.tar" for k in range(4)),
    ]


@pytest.mark.slow
def test_the_same_bake_again_changes_no_data_file(baked):
    before = tree(baked)
    again = run(*BAKE, "--out", baked)
    assert again.returncode == 0
    after = tree(baked)
    for name in data(baked):
        assert after[name] == before[name]


@pytest.mark.slow
def test_the_thin_tool_is_the_same_command(baked, tmp_path):
    tool = [sys.executable, str(ROOT / "tools" / "materialize.py")]
    done = run(*BAKE[1:], "--out", tmp_path / "out", program=tool, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert data(tmp_path / "out") == data(baked)


def test_a_program_can_read_what_a_bake_did(tmp_path):
    done = call(*BAKE, "--out", tmp_path / "out", "--json")
    report = json.loads(done.stdout)
    assert report["clips"] == 400
    assert report["shards"] == 4
    assert report["clips_written"] == 400


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "presses"), [(signal.SIGINT, 1), (signal.SIGINT, 5), (signal.SIGTERM, 1)]
)
def test_an_interrupted_bake_tells_how_to_resume_and_resumes_to_the_same_bytes(
    number, presses, tmp_path, ctrl_c_works
):
    words = ["materialize", "--preset", "gray-32", "--clips", "2000", "--shard-clips", "10"]
    out = tmp_path / "out"
    command = [*COMMAND, *words, "--out", str(out), "--threads", "1"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as bake:
        try:
            until(lambda: bake.poll() is not None or list(out.glob("*.tar")), "a shard", wait=0.002)
            assert bake.poll() is None
            for _ in range(presses):
                bake.send_signal(number)
                time.sleep(0.05)
            _, told = bake.communicate(timeout=SECONDS)
        finally:
            bake.kill()
    assert bake.returncode == 130, told
    assert "Traceback" not in told
    assert not (out / "index.json").exists()
    assert json.loads((out / "progress.json").read_text())["status"] == "interrupted"

    resume = told.split("To resume:\n")[1].strip()
    done = subprocess.run(
        resume, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr
    assert run(*words, "--out", tmp_path / "whole").returncode == 0
    assert data(out) == data(tmp_path / "whole")


def test_status_tells_people_and_programs_how_far_a_bake_is(baked):
    told = call("status", baked)
    assert told.returncode == 0
    assert "400 of 400" in told.stdout
    report = json.loads(call("status", baked, "--json").stdout)
    assert report["status"] == "done"
    assert report["clips_done"] == report["clips_total"] == 400
    assert report["stale"] is False
    assert "materialize" in report["resume_command"]


def test_status_tells_that_a_bake_has_died(baked, tmp_path):
    report = json.loads((baked / "progress.json").read_text())
    report |= {"status": "running", "updated": "2020-01-01T00:00:00Z"}
    (tmp_path / "progress.json").write_text(json.dumps(report))
    told = call("status", tmp_path)
    assert "has died" in told.stdout
    assert json.loads(call("status", tmp_path, "--json").stdout)["stale"] is True


def test_verify_finds_nothing_in_a_whole_folder(baked):
    done = call("verify", baked)
    assert done.returncode == 0, done.stderr
    assert json.loads(call("verify", baked, "--json").stdout)["ok"] is True


def test_verify_names_a_damaged_shard_and_fails(baked, tmp_path):
    shutil.copytree(baked, tmp_path / "out")
    shard = tmp_path / "out" / "train-000002.tar"
    shard.write_bytes(shard.read_bytes()[:-512])
    found = call("verify", tmp_path / "out")
    assert found.returncode == 1
    assert "train-000002.tar" in found.stdout
    report = json.loads(call("verify", tmp_path / "out", "--json").stdout)
    assert report["ok"] is False
    assert len(report["problems"]) >= 1


def test_a_damaged_index_ends_with_1_and_names_the_file(baked, tmp_path):
    shutil.copytree(baked, tmp_path / "out")
    (tmp_path / "out" / "index.json").write_text("{")
    before = tree(tmp_path)
    again = call(*BAKE, "--out", tmp_path / "out")
    assert again.returncode == 1
    assert "index.json" in again.stderr
    assert "Traceback" not in again.stderr
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--preset", "magvit-31"], "preset: given 'magvit-31'"),
        (["--seed", "-1"], "seed: given -1"),
        (["--seed", str(2**63)], "seed: given 9223372036854775808"),
        (["--seed", "one"], "--seed"),
        (["--clips", "0"], "clips: given 0"),
        (["--split", "dev"], "split: given 'dev'"),
        (["--threads", "0"], "threads: given 0"),
        (["--shard-clips", "0"], "shard_clips: given 0"),
        (["--difficulty", "2"], "difficulty: given 2"),
        (["--colour", "red"], "--colour"),
    ],
)
def test_bad_input_ends_with_2_names_the_value_and_writes_nothing(words, named, tmp_path):
    ended = call(*BAKE, *words, "--out", tmp_path / "out")
    assert ended.returncode == 2
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_missing_option_ends_with_2():
    ended = call("materialize", "--clips", 10)
    assert ended.returncode == 2
    assert "--out" in ended.stderr


@pytest.mark.parametrize("command", ["status", "verify", "preview"])
def test_a_folder_without_shards_ends_with_2_and_stays_empty(command, tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "missing"):
        ended = call(
            command, tmp_path / name, *(["--out", tmp_path / "x.png"] * (command == "preview"))
        )
        assert ended.returncode == 2, ended.stderr
        assert name in ended.stderr
        assert "Traceback" not in ended.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


@pytest.mark.parametrize(
    "words", [["--seed", "1"], ["--preset", "magvit-32"], ["--shard-clips", "50"]]
)
def test_a_folder_of_another_stream_ends_with_3_and_is_not_touched(words, baked):
    before = tree(baked)
    ended = call(*BAKE, *words, "--out", baked)
    assert ended.returncode == 3
    assert "asked for" in ended.stderr
    assert tree(baked) == before


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("--detach",)])
def test_a_folder_that_is_being_written_ends_with_4(words, tmp_path):
    out = tmp_path / "out"
    (out / ".trajdata").mkdir(parents=True)
    with FolderLock(Disk(out)):
        ended = run(*BAKE, "--out", out, *words)
    assert not (out / ".trajdata" / "bake.log").exists()
    assert ended.returncode == 4
    assert "being written" in ended.stderr
    assert not list(out.glob("*.tar"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/sys refuses even root")
def test_a_place_that_cannot_be_written_ends_with_75_and_says_how_to_go_on():
    ended = run(*BAKE, "--out", "/sys/trajdata")
    assert ended.returncode == 75
    assert "run the same command again" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 75),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 75),
        (OSError(errno.EIO, "Input/output error"), 75),
        (OSError(errno.EROFS, "Read-only file system"), 75),
        (InterruptedError(errno.EINTR, "Interrupted system call"), 75),
        (PermissionError(errno.EACCES, "Permission denied"), 75),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory"), 2),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), 1),
        (ShardError("x.tar", expected="a", found="b"), 1),
        (SpecMismatchError("out", {"seed": (1, 0)}), 3),
        (LockedError("out", "process 1"), 4),
        (ValueError("seed: given -1"), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_error_has_its_exit_code(error, code, capsys):
    with pytest.raises(typer.Exit) as ended, exit_codes():
        raise error
    assert ended.value.exit_code == code
    if not isinstance(error, KeyboardInterrupt):
        assert capsys.readouterr().err.startswith("trajdata: ")


def test_an_error_that_nobody_expects_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), exit_codes():
        raise ZeroDivisionError


@pytest.mark.slow
def test_preview_draws_the_same_sheet_from_shards_as_from_the_stream(baked, tmp_path):
    rendered = run(
        "preview", "--preset", "gray-32", "--out", tmp_path / "rendered.png", "--clips", 3
    )
    assert rendered.returncode == 0, rendered.stderr
    read = run("preview", baked, "--out", tmp_path / "read.png", "--clips", 3)
    assert read.returncode == 0, read.stderr
    with Image.open(tmp_path / "rendered.png") as one, Image.open(tmp_path / "read.png") as other:
        assert np.array_equal(np.asarray(one), np.asarray(other))


def test_preview_draws_an_animation_where_a_gif_is_named(tmp_path):
    done = call("preview", "--out", tmp_path / "clips.gif", "--clips", 4, "--first", 100)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "clips.gif") as picture:
        assert picture.n_frames == 8


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [["--out", "x.jpg"], ["--out", "no-folder/x.png"], ["--clips", "0"], ["--first", "-1"]],
)
def test_a_preview_that_cannot_be_drawn_ends_with_2_and_writes_nothing(words, tmp_path):
    # From a folder that is not the checkout, so that a mistake would be seen there.
    ended = subprocess.run(
        [sys.executable, "-c", "from trajdata._cli import main; main()", "preview", *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert ended.returncode == 2, ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_shows_the_defaults_and_units_and_loads_nothing_heavy():
    program = (
        "import sys\n"
        "from trajdata._cli import main\n"
        "try: main(['materialize', '--help'])\n"
        "finally: print('HEAVY', *{'torch', 'numba', 'numpy', 'PIL'} & set(sys.modules))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.rstrip().endswith("HEAVY")
    for words in ("default: (magvit-32)", "MiB", "default: train", "130 interrupted"):
        assert words in " ".join(told.stdout.replace("│", " ").split())


@pytest.mark.parametrize("command", [[], ["materialize"], ["status"], ["verify"], ["preview"]])
def test_every_command_has_help(command):
    assert run(*command, "--help").returncode == 0


@pytest.mark.slow
def test_an_audit_prints_its_figures_and_leaves_a_report(tmp_path):
    done = run("audit", "--preset", "gray-32", "--out", str(tmp_path / "a"))
    assert done.returncode == 0, done.stderr
    assert "Every bound holds" in done.stdout
    assert "FAIL" not in done.stdout
    assert json.loads((tmp_path / "a" / "audit.json").read_text("ascii"))["passed"] is True
    assert (tmp_path / "a" / "audit.png").is_file()


def test_an_audit_that_finds_a_broken_bound_ends_with_1(tmp_path, monkeypatch, capsys):
    broken = at_most("motion", "frames that stand still", 3, 0, "frames", 20_000)
    labels = np.arange(20_000) % 4
    factors = {name: np.arange(20_000) / 2e4 for name in SHOWN_FACTORS}
    report = AuditReport(preset("gray-32"), 0, 20_000, (broken,), {}, labels, factors)
    monkeypatch.setattr("trajdata._check.audit.report.audit", lambda *_, **__: report)
    with pytest.raises(SystemExit) as ended:
        main(["audit", "--preset", "gray-32", "--out", str(tmp_path)])
    assert ended.value.code == 1
    assert "FAIL" in capsys.readouterr().out


def test_an_audit_of_too_few_clips_ends_with_2():
    done = call("audit", "--clips", "1000")
    assert done.returncode == 2
    assert "clips: given 1000; allowed are whole numbers from 20000" in done.stderr
