"""A report out of a folder that anyone may have written: no terminal obeys it, nobody stumbles."""

import io
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.patience import SECONDS
from tests.stores import progress_of
from trajdata import ClipSource, ShardError, materialize
from trajdata._cli.watching import watch

ROOT = Path(__file__).parents[2]
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x1b[31m\u202e\r\nclips 9 of 9 [bold]x[/bold] [/]"


@pytest.fixture(scope="module")
def baked(tmp_path_factory, tiny_spec):
    folder = tmp_path_factory.mktemp("baked") / "out"
    materialize(ClipSource(tiny_spec), folder, clips=8, shard_clips=4)
    return folder


@pytest.fixture
def told(tmp_path, baked):
    """Makes a folder of nothing but a report."""

    def tell(**changes):
        value = {**asdict(progress_of(baked)), **changes}
        (tmp_path / "progress.json").write_text(json.dumps(value))
        return tmp_path

    return tell


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "trajdata", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def watched(folder, **settings):
    file = io.StringIO()
    console = Console(file=file, force_terminal=settings.pop("terminal", False), width=300)
    return watch(folder, console, lambda seconds: None, **settings), file.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("status", ["done", "running"])
def test_no_control_character_of_a_report_reaches_a_terminal(told, status):
    texts = ("message", "split", "host", "resume_command")
    folder = told(
        status=status,
        updated="2001-01-01T00:00:00Z",
        class_counts={ESCAPES: 8},
        **dict.fromkeys(texts, ESCAPES),
    )
    status = run("status", folder)
    assert status.returncode == 0
    for text in (status.stdout, watched(folder)[1], run("watch", folder).stdout):
        assert text
        assert not [char for char in text if not char.isprintable() and char != "\n"]
    shown = watched(folder, terminal=True)[1]
    assert "owned" not in shown.replace("\\x1b]0;owned", "")
    assert "[bold]x[/bold]" in shown


ODD = {
    "a status that is none": {"status": "dead"},
    "a status that is a list": {"status": ["running"]},
    "a message that is a number": {"message": 1},
    "clips that are a text": {"clips_done": "8"},
    "clips that are true": {"clips_done": True},
    "no clips at all": {"clips_total": 0},
    "fewer than no clips": {"clips_in_flight": -1},
    "a rate that is a list": {"clips_per_second": []},
    "a rate that is none": {"clips_per_second": float("nan")},
    "a rate without an end": {"clips_per_second": float("inf")},
    "classes that are a list": {"class_counts": [1]},
    "classes of nothing": {"class_counts": {"linear": None}},
    "a time that is none": {"updated": "yesterday"},
    "a time that cannot be": {"updated": "2026-13-45T99:99:99Z"},
    "a time that is a number": {"updated": 0},
    "patience without an end": {"stale_after_seconds": 1e15},
    "room of a text": {"disk_free_bytes": "much"},
    "a process of a list": {"pid": [1]},
    "a huge number": {"rss_bytes": 10**400},
    "a huge text": {"host": "x" * 200_000},
    "a history of nothing": {"history": [None]},
    "a history that runs backwards": {"history": [[2, 1, 1], [1, 1, 1]]},
    "a field more": {"more": 1},
}


@pytest.mark.parametrize("what", ODD)
def test_a_report_of_odd_types_is_damage_that_is_named(told, what):
    folder = told(**ODD[what])
    with pytest.raises(ShardError, match=r"progress\.json") as caught:
        progress_of(folder)
    assert str(caught.value).isprintable()
    with pytest.raises(ShardError):
        watched(folder)


def test_status_ends_with_damage_and_no_traceback_where_a_report_is_odd(told):
    ended = run("status", told(clips_total=[], status="\x1b[31m"))
    assert ended.returncode == 1
    assert ended.stderr.startswith("trajdata: ")
    assert "Traceback" not in ended.stderr
    assert "\x1b" not in ended.stderr


@pytest.mark.slow
def test_a_report_of_the_future_is_watched_by_ones_own_clock_until_it_is_silent(told):
    folder = told(status="running", updated="2999-01-01T00:00:00Z")
    now = [0.0]

    def clock():
        now[0] += 10.0
        return now[0]

    status, shown = watched(folder, clock=clock)
    assert status == "silent"
    assert "silent" in shown
    assert 120 < now[0] < 400
    answer = run("status", folder)
    assert answer.returncode == 0
    assert "This report is of the future" in answer.stdout
    told_json = json.loads(run("status", folder, "--json").stdout)
    assert (told_json["stale"], told_json["of_the_future"]) == (False, True)


def test_a_report_of_the_future_that_changes_is_of_a_bake_that_runs(told, baked):
    folder = told(status="running", updated="2999-01-01T00:00:00Z", shards_done=1)
    looks = []

    def wait(seconds):
        looks.append(seconds)
        minute = min(len(looks), 59)
        done = "done" if len(looks) == 40 else "running"
        told(status=done, updated=f"2999-01-01T00:{minute:02d}:00Z", shards_done=1)

    now = [0.0]

    def clock():
        now[0] += 30.0
        return now[0]

    console = Console(file=io.StringIO(), width=300)
    assert watch(folder, console, wait, clock) == "done"
    assert len(looks) == 40


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are for Linux")
def test_names_of_files_are_told_without_their_escapes(tmp_path, baked, tiny_spec):
    folder = tmp_path / "out"
    materialize(ClipSource(tiny_spec), folder, clips=8, shard_clips=4)
    for name in (b"\x1b[31mred.tar", b"\xff\xfe.tar", b"new\nline.tar"):
        (folder / os.fsdecode(name)).write_bytes(b"stray")
    for words in (("verify", folder), ("repair", folder), ("verify", folder, "--full")):
        ended = run(*words)
        assert ended.returncode in (0, 1)
        for text in (ended.stdout, ended.stderr):
            assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert replace(progress_of(folder)).status == "done"


def test_the_owner_of_a_lock_is_told_without_escapes(tmp_path, baked, tiny_spec):
    from tests.stores import store_of
    from trajdata import LockedError

    folder = tmp_path / "out"
    materialize(ClipSource(tiny_spec), folder, clips=8, shard_clips=4)
    store = store_of(folder)
    for owner in (
        json.dumps({"pid": "\x1b[2J", "host": ESCAPES, "start": []}),
        "[" * 999,
        '{"pid": ' + "9" * 900 + "}",
    ):
        with store.lock():
            (folder / ".trajdata" / "lock").write_text(owner)
            with pytest.raises(LockedError) as caught, store_of(folder).lock():
                pass
        assert str(caught.value).isprintable()
