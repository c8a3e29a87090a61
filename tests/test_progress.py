"""What a bake says of itself."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from trajdata.errors import ShardError
from trajdata.progress import Meter, read_progress, write_progress
from trajdata.storage import Disk


@pytest.fixture
def meter(tmp_path):
    return Meter(
        tmp_path,
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
    meter.draw(15)
    meter.commit(100, {"linear": 4, "circular": 6})
    report = meter.report("running", "")
    assert (report.clips_done, report.clips_in_flight, report.shards_done) == (30, 5, 3)
    assert report.class_counts == {"linear": 14, "circular": 16}
    assert report.disk_needed_bytes == 700
    assert report.clips_per_second > 0
    assert report.eta_seconds == pytest.approx(65 / report.clips_per_second)
    assert report.last_commit is not None
    assert min(report.disk_free_bytes, report.rss_bytes, report.pid) > 0
    meter.drop(5)
    assert meter.report("running", "").clips_in_flight == 0


def test_both_files_say_the_same_and_the_one_for_programs_is_read_back(tmp_path, meter):
    report = meter.report("failed", "No space left on device")
    (tmp_path / "tmp").mkdir()
    write_progress(Disk(tmp_path), "tmp", report)
    assert read_progress(tmp_path) == report
    text = (tmp_path / "PROGRESS.txt").read_text()
    for word in (
        *("failed", "No space left", "20 of 100 (20.0 %)", "linear 10, circular 10", "disk free"),
        *("disk needed", "trajdata materialize --out here", "120 s"),
    ):
        assert word in text
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_running_report_is_stale_after_its_time_and_a_done_one_never(meter):
    now = datetime.now(timezone.utc)
    running = meter.report("running", "")
    assert not running.is_stale(now)
    assert running.is_stale(now + timedelta(seconds=running.stale_after_seconds + 2))
    assert not meter.report("done", "").is_stale(now + timedelta(days=1))


def test_a_folder_without_a_report_has_none_and_a_damaged_one_is_an_error(tmp_path, meter):
    assert read_progress(tmp_path) is None
    good = json.loads(meter.report("done", "").to_json())
    for bad in ("", "[]", "{}", json.dumps({**good, "state": "x"}), json.dumps({**good, "y": 1})):
        (tmp_path / "progress.json").write_text(bad)
        with pytest.raises(ShardError, match=r"progress\.json: expected a progress report"):
            read_progress(tmp_path)
    (tmp_path / "progress.json").write_text("[" * (2**20 + 2))
    with pytest.raises(ShardError, match="found more"):
        read_progress(tmp_path)
