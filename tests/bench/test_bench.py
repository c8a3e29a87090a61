"""`trajdata bench`: the real command on tiny clips, and what it makes of its figures."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.patience import SECONDS, until
from trajdata import ClipSource, materialize, preset
from trajdata._bench.plan import BenchPlan
from trajdata._bench.report import BenchReport, BenchRow

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "trajdata", "bench"]
TINY = ["--preset", "gray-32", "--batch-size", "16", "--seconds", "0.02", "--threads", "1"]


def run(*words):
    return subprocess.run(
        [*COMMAND, *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
    )


def row(stream, workers, batches_per_second):
    rate = batches_per_second * 128.0
    return BenchRow(
        f"{stream} {workers}", stream, workers, rate, rate, 1e3 / batches_per_second, None, None, ()
    )


def advice(*rows):
    return BenchReport(BenchPlan(preset("gray-32")), 2, rows).advice


@pytest.fixture(scope="module")
def baked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("baked") / "out"
    materialize(ClipSource(preset("gray-32"), 5, "val"), folder, clips=200, threads=1)
    return folder


@pytest.fixture(scope="module")
def report(baked, tmp_path_factory):
    scratch = tmp_path_factory.mktemp("scratch")
    before = {path: path.stat().st_mtime_ns for path in baked.rglob("*")}
    words = [*TINY, "--workers", "0,1", "--cached", baked, "--dir", scratch, "--json"]
    done = run(*words)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "no terminal, no progress line"
    assert list(scratch.iterdir()) == []
    assert {path: path.stat().st_mtime_ns for path in baked.rglob("*")} == before
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_program_can_read_every_row_and_what_was_asked_for(report):
    assert [row["what"] for row in report["rows"]] == [
        "memset",
        "memcpy",
        "disk write",
        "source.batch",
        "loader, live, 0 workers",
        "loader, live, 1 worker",
        "loader, cached, 0 workers",
        "loader, cached, 1 worker",
        "materialize, 1 thread",
    ]
    assert report["video_shape"] == [8, 1, 32, 32]
    assert report["fingerprint"] == preset("gray-32").fingerprint
    assert report["batch_size"] == 16
    assert report["seconds"] == 0.02
    assert report["threads"] == 1
    assert report["cores"] >= 1
    assert set(report["fastest"]) == {"live", "cached"}
    assert report["advice"].count("\n") == 1


def test_the_figures_of_a_row_agree_with_each_other(report):
    rows = {row["what"]: row for row in report["rows"]}
    for row in rows.values():
        assert len(row["runs"]) == report["repetitions"]
        assert sorted(row["runs"])[len(row["runs"]) // 2] == row["clips_per_second"]
        assert row["batch_ms"] == pytest.approx(16e3 / row["clips_per_second"])
        if row["limit"] is None:
            assert row["share"] is None
        else:
            limit = rows[row["limit"]]["clips_per_second"]
            assert row["share"] == pytest.approx(row["clips_per_second"] / limit)
    assert rows["memset"]["bytes_per_second"] == rows["memset"]["clips_per_second"] * 8 * 32 * 32
    assert rows["source.batch"]["share"] < 1
    for source, workers in report["fastest"].items():
        loaders = [row for row in rows.values() if row["source"] == source]
        best = max(loaders, key=lambda row: row["clips_per_second"])
        assert best["workers"] == workers


@pytest.mark.slow
def test_people_get_a_table_and_a_closing_sentence(tmp_path):
    done = run(*TINY, "--workers", "0", "--dir", tmp_path)
    assert done.returncode == 0, done.stderr
    *table, last = done.stdout.rstrip().splitlines()
    assert "Clips of 8 x 1 x 32 x 32 in batches of 16" in table[0]
    assert len(table) == 2 + 6
    assert "% of memset" in done.stdout
    assert "…" not in done.stdout
    assert max(map(len, table)) <= 80
    assert last.startswith("Live: ")
    assert "batches/s" in last
    assert list(tmp_path.iterdir()) == []


def test_the_folder_says_what_its_clips_look_like_and_refuses_another_preset(baked, tmp_path):
    other = run("--preset", "magvit-32", "--cached", baked, "--dir", tmp_path)
    assert other.returncode == 3
    assert "spec.picture.channels: asked for 3, it holds 1" in other.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_shows_the_units_and_defaults_and_loads_nothing_heavy():
    program = (
        "import sys\n"
        "from trajdata._cli import main\n"
        "try: main(['bench', '--help'])\n"
        "finally: print('HEAVY', *{'torch', 'numba', 'numpy', 'PIL'} & set(sys.modules))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.rstrip().endswith("HEAVY")
    shown = " ".join(told.stdout.replace("│", " ").split())
    for words in ("magvit-32, magvit-64", "default: 128", "0,1,2", "in seconds", "comma"):
        assert words in shown


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--preset", "magvit-31"], "preset: given 'magvit-31'"),
        (["--workers", "0,x"], "--workers: given '0,x'"),
        (["--workers", "1,-1"], "workers: given -1"),
        (["--seconds", "nan"], "seconds: given nan"),
        (["--dir", "no-folder"], "--dir: given 'no-folder'"),
        (["--cached", "no-folder"], "where: given 'no-folder'"),
    ],
)
def test_bad_input_ends_with_2_and_names_the_value(words, named, tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", "from trajdata._cli import main; main()", "bench", *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert ended.returncode == 2, ended.stderr
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("seed", -1, "seed: given -1"),
        ("split", "dev", "split: given 'dev'"),
        ("batch_size", 0, "batch_size: given 0; allowed are whole numbers from 1 to 131072"),
        ("batch_size", 131_073, "batch_size: given 131073"),
        ("workers", (), "workers: given none"),
        ("workers", (65,), "workers: given 65; allowed are whole numbers from 0 to 64"),
        ("workers", (1, 1), r"workers: given \(1, 1\); each number may occur once"),
        ("seconds", 0, "seconds: given 0; allowed are numbers above 0, up to 600"),
        ("seconds", float("inf"), "seconds: given inf"),
        ("threads", 0, "threads: given 0"),
    ],
)
def test_a_plan_names_the_value_that_it_refuses(field, value, named):
    with pytest.raises(ValueError, match=named):
        BenchPlan(preset("gray-32"), **{field: value})


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
@pytest.mark.parametrize(
    ("number", "step"),
    [(signal.SIGINT, "loader, live, 2 workers"), (signal.SIGTERM, "materialize, 1 thread")],
)
def test_an_interrupted_bench_ends_its_workers_and_leaves_nothing_behind(number, step, tmp_path):
    """As a terminal does it: to workers too. The progress line tells when."""
    terminal, its_end = pty.openpty()
    words = [*TINY, "--workers", "2", "--seconds", "5", "--dir", str(tmp_path)]
    bench = subprocess.Popen(
        [*COMMAND, *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=its_end,
        start_new_session=True,
        # A runner started in the background ignores SIGINT, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    os.close(its_end)
    try:
        told = read_until(terminal, step.encode())
        assert b"1 of 5: memset" in told
        assert [path.name[:15] for path in tmp_path.iterdir()] == ["trajdata-bench-"]
        if "workers" in step:
            wait_for_children(bench.pid, 2)
        os.killpg(bench.pid, number)
        out, _ = bench.communicate(timeout=SECONDS)
    finally:
        if bench.poll() is None:
            os.killpg(bench.pid, signal.SIGKILL)
        bench.wait(timeout=SECONDS)
    rest = read_until(terminal, None)
    os.close(terminal)
    assert bench.returncode == 130, rest
    assert out == b""
    assert b"Traceback" not in rest
    assert list(tmp_path.iterdir()) == []
    # The session's other processes are gone too.
    with pytest.raises(ProcessLookupError):
        os.killpg(bench.pid, 0)


def wait_for_children(pid, count):
    process = psutil.Process(pid)
    until(lambda: len(process.children()) >= count, f"{count} workers", wait=0.002)


def read_until(terminal, words):
    """What a terminal shows until these words come, or until its other end is closed."""
    shown, deadline = b"", time.monotonic() + SECONDS
    while words is None or words not in shown:
        assert time.monotonic() < deadline, shown
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # how Linux says that the other end is closed
            piece = b""
        if not piece:
            assert words is None, shown
            break
        shown += piece
    return shown


def test_the_advice_names_the_fastest_and_what_each_number_of_workers_is_enough_for():
    told = advice(row("live", 0, 1000), row("live", 1, 800), row("live", 2, 1600))
    assert told.startswith("Live: 1,600 batches/s at most, with 2 workers; ")
    assert "waits R x 1 ms in each second without workers" in told
    assert "need not wait up to R = 800 with 1 worker, up to R = 1,600 with 2 workers" in told


def test_the_advice_is_silent_on_workers_that_bring_no_more_and_on_what_was_not_measured():
    told = advice(row("live", 1, 900), row("live", 2, 850), row("cached", 0, 4000))
    live, cached = told.splitlines()
    assert "2 workers" not in live
    assert "without workers" not in live
    assert cached == (
        "Cached: 4,000 batches/s at most, with 0 workers; "
        "a trainer that takes R batches/s waits R x 0.25 ms in each second without workers."
    )


def test_a_plan_whose_folder_holds_another_stream_is_refused(baked):
    with pytest.raises(ValueError, match="seed: asked for 0, it holds 5"):
        BenchPlan(preset("gray-32"), split="val", cached=baked)
