"""A bake in the background can be watched, and its silence is noticed."""

import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from tests.patience import SECONDS, until
from tests.stores import progress_of
from trajdata import ClipSource, materialize
from trajdata._cli.watching import watch
from trajdata._errors import ShardError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def baked(tmp_path, tiny_spec):
    materialize(ClipSource(tiny_spec), tmp_path / "out", clips=20, shard_clips=8)
    return tmp_path / "out"


def report(folder, **changes):
    changed = replace(progress_of(folder), **changes)
    (folder / "progress.json").write_text(json.dumps(asdict(changed)))


def seen(folder, wait=lambda seconds: None, terminal=False):
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=200)
    return watch(folder, console, wait), file.getvalue()


def test_a_bake_that_is_done_is_shown_once(baked):
    assert seen(baked) == ("done", "done: 20 of 20 clips committed\n")
    status, shown = seen(baked, terminal=True)
    assert status == "done"
    assert "linear 5, circular 5, helical 5, parabolic 5" in shown


def test_a_running_bake_is_watched_until_it_ends(baked):
    last = progress_of(baked)
    steps = iter([{"clips_done": 16, "shards_done": 2}, {"status": "interrupted"}])
    report(baked, status="running", updated="2999-01-01T00:00:00Z", clips_done=8, shards_done=1)
    status, shown = seen(baked, lambda seconds: report(baked, **next(steps)))
    assert status == "interrupted"
    assert shown.splitlines() == [
        "running: 8 of 20 clips committed",
        "running: 16 of 20 clips committed",
        "interrupted: 16 of 20 clips committed",
    ]
    assert last.status == "done"


def test_a_look_that_finds_nothing_new_prints_nothing(baked):
    report(baked, status="running", updated="2999-01-01T00:00:00Z", clips_done=8, shards_done=1)
    steps = iter([{}, {"clips_in_flight": 3}, {"status": "failed"}])
    _, shown = seen(baked, lambda seconds: report(baked, **next(steps)))
    assert shown.splitlines() == [
        "running: 8 of 20 clips committed",
        "failed: 8 of 20 clips committed",
    ]


def test_a_writer_that_has_gone_silent_is_named_with_the_command_that_resumes(baked):
    report(baked, status="running", updated="2001-01-01T00:00:00Z")
    for terminal in (False, True):
        status, shown = seen(baked, terminal=terminal)
        assert status == "silent"
        assert "The writer has gone silent: its last report is of 2001-01-01" in shown
        assert progress_of(baked).resume_command[:40] in shown


def test_a_file_that_is_just_being_synced_is_waited_for(baked):
    whole = (baked / "progress.json").read_text()
    (baked / "progress.json").write_text(whole[:100])
    looks = []

    def wait(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            (baked / "progress.json").write_text(whole)

    assert seen(baked, wait)[0] == "done"
    (baked / "progress.json").write_text(whole[:100])
    with pytest.raises(ShardError):
        seen(baked)


def test_a_folder_that_nobody_bakes_into_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="OUT: given"):
        seen(tmp_path)


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "trajdata", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


BAKE = ("materialize", "--preset", "gray-32", "--shard-clips", 50, "--detach")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="baking is for Linux and macOS")
def test_a_detached_bake_goes_on_alone_and_can_be_watched_and_stopped(tmp_path):
    out = tmp_path / "out"
    begun = run(*BAKE, "--clips", 2_000_000, "--out", out, "--json")
    assert begun.returncode == 0, begun.stderr
    pid = json.loads(begun.stdout)["pid"]
    try:
        assert os.getsid(pid) == pid
        again = run(*BAKE, "--clips", 2_000_000, "--out", out)
        assert again.returncode == 4
        assert "being written" in again.stderr
        os.kill(pid, signal.SIGTERM)
        until(lambda: progress_of(out).status != "running", "the bake has ended")
    finally:
        if psutil.pid_exists(pid):
            psutil.Process(pid).wait(timeout=SECONDS)
    assert progress_of(out).status == "interrupted"
    assert "Interrupted" in (out / ".trajdata" / "bake.log").read_text()
    watched = run("watch", out)
    assert watched.returncode == 1
    assert "interrupted" in watched.stdout


def test_a_detached_bake_with_a_mistake_ends_at_once_and_writes_nothing(tmp_path):
    ended = run(*BAKE, "--clips", 0, "--out", tmp_path / "out")
    assert ended.returncode == 2
    assert "clips: given 0" in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="baking is for Linux and macOS")
def test_a_detached_bake_says_how_to_watch_and_how_to_stop(tmp_path):
    begun = run(*BAKE, "--clips", 100, "--out", tmp_path / "out")
    assert begun.returncode == 0, begun.stderr
    assert f"trajdata watch {tmp_path / 'out'}" in begun.stdout
    assert "kill " in begun.stdout
    assert run("watch", tmp_path / "out").returncode == 0
