"""What a bake says of itself."""

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from tests.stores import progress_of, store_of
from trajdata._bake.history import RatePoint
from trajdata._bake.meter import Meter
from trajdata._bake.progress import held_history, write_progress
from trajdata._errors import ShardError


@pytest.fixture
def meter(tmp_path):
    return Meter(
        store_of(tmp_path),
        split="train",
        seed=3,
        clips_total=100,
        shards_total=10,
        bytes_total=1000,
        class_counts={"linear": 10, "circular": 10},
        shards_done=2,
        bytes_done=200,
        resume_command="trajdata materialize --out here",
    )


def test_a_report_counts_what_is_committed_and_what_is_in_flight_apart(meter):
    first = meter.report("running", "")
    assert (first.clips_done, first.clips_in_flight, first.shards_done) == (20, 0, 2)
    assert (first.clips_per_second, first.eta_seconds, first.last_commit) == (None, None, None)
    meter.count_clips(15)
    meter.count_commit(100, {"linear": 4, "circular": 6})
    report = meter.report("running", "")
    assert (report.clips_done, report.clips_in_flight, report.shards_done) == (30, 5, 3)
    assert report.class_counts == {"linear": 14, "circular": 16}
    assert report.disk_needed_bytes == 700
    assert report.clips_per_second > 0
    assert report.eta_seconds == pytest.approx(65 / report.clips_per_second)
    assert report.last_commit is not None
    assert min(report.disk_free_bytes, report.rss_bytes, report.pid) > 0
    meter.count_clips(-5)
    assert meter.report("running", "").clips_in_flight == 0


def test_both_files_say_the_same_and_the_one_for_programs_is_read_back(tmp_path, meter):
    report = meter.report("failed", "No space left on device")
    (tmp_path / ".trajdata" / "tmp").mkdir(parents=True)
    write_progress(store_of(tmp_path), report)
    assert progress_of(tmp_path) == report
    text = (tmp_path / "PROGRESS.txt").read_text()
    for word in (
        *("failed", "No space left", "20 of 100 (20.0 %)", "linear 10, circular 10", "disk free"),
        *("disk needed", "trajdata materialize --out here", "120 s"),
    ):
        assert word in text
    assert list((tmp_path / ".trajdata" / "tmp").iterdir()) == []


def test_a_running_report_is_stale_after_its_time_and_a_done_one_never(meter):
    now = datetime.now(timezone.utc)
    running = meter.report("running", "")
    assert not running.is_stale(now)
    assert running.is_stale(now + timedelta(seconds=running.stale_after_seconds + 2))
    assert not meter.report("done", "").is_stale(now + timedelta(days=1))


def test_a_folder_without_a_report_has_none_and_a_damaged_one_is_an_error(tmp_path, meter):
    assert progress_of(tmp_path) is None
    good = json.loads(meter.report("done", "").to_json())
    wrong = ({"status": "x"}, {"y": 1}, {"history": None}, {"history": [[1, 2]]})
    for bad in ("", "[]", "{}", *(json.dumps({**good, **change}) for change in wrong)):
        (tmp_path / "progress.json").write_text(bad)
        assert held_history(store_of(tmp_path)) == ()
        with pytest.raises(ShardError, match=r"progress\.json: expected "):
            progress_of(tmp_path)
    (tmp_path / "progress.json").write_text("[" * (2**20 + 2))
    with pytest.raises(ShardError, match="expected at most 1048576 bytes, found more"):
        progress_of(tmp_path)


def meter_of(folder, history=()):
    return Meter(
        store_of(folder), split="train", seed=3, clips_total=100, shards_total=10, bytes_total=1000,
        class_counts={"linear": 0}, shards_done=0, bytes_done=0, resume_command="", history=history,
    )  # fmt: skip


@pytest.fixture
def clock(monkeypatch):
    """Moves the time of the meters on by hand."""
    now = [1000.0]
    monkeypatch.setattr("trajdata._bake.meter.time.monotonic", lambda: now[0])

    def wait(seconds):
        now[0] += seconds

    return wait


def test_the_history_has_the_mean_rate_of_each_stretch_and_not_the_time_of_compiling(
    tmp_path, clock
):
    meter = meter_of(tmp_path)
    assert meter.report("running", "compiling").history == ()
    clock(30)
    assert meter.report("running", "rendering").history == ()
    clock(2)
    meter.count_clips(10)
    assert meter.report("running", "").history == (RatePoint(32.0, 10, 5.0),)
    clock(0.1)
    assert len(meter.report("running", "").history) == 1  # too soon for another point
    clock(0.9)
    meter.count_clips(20)
    clock(5)  # preview and index render no clip of the store: the curve ends with the last clip
    assert meter.report("done", "").history[1:] == (RatePoint(33.0, 30, 20.0),)


def test_a_run_that_goes_on_adds_to_the_history_of_those_before_it(tmp_path, clock):
    before = (RatePoint(2.0, 50, 25.0),)
    meter = meter_of(tmp_path, before)
    clock(4)
    meter.report("running", "rendering")
    clock(1)
    meter.count_clips(8)
    assert meter.report("running", "").history == (*before, RatePoint(7.0, 8, 8.0))


def test_a_folder_whose_name_is_no_text_has_a_report_too(tmp_path, meter):
    report = replace(meter.report("done", ""), resume_command="--out a\udcffb")
    (tmp_path / ".trajdata" / "tmp").mkdir(parents=True)
    write_progress(store_of(tmp_path), report)
    assert progress_of(tmp_path) == report
    assert "--out a\\udcffb" in (tmp_path / "PROGRESS.txt").read_text("utf-8")
