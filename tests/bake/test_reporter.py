"""A real bake leaves a page that says how it went, whatever became of it."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bake.known import Page
from tests.patience import SECONDS
from tests.stores import progress_of
from trajdata import ClipSource, LockedError, materialize, preset
from trajdata._bake.repair import repair
from trajdata._bake.run import materialize_on
from trajdata._bake.verify import verify
from trajdata._cli import main
from trajdata._store.disk import Disk
from trajdata._store.folder import FolderStore
from trajdata._store.lock import FolderLock

CLIPS, SHARD = 100, 8
ROOT = Path(__file__).parents[2]


def page(folder):
    return Page((folder / "report.html").read_text("utf-8"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny_spec):
    folder = tmp_path_factory.mktemp("whole")
    materialize(ClipSource(tiny_spec), folder, clips=CLIPS, shard_clips=SHARD, threads=2)
    return folder


def stop(report):
    if report.clips_done >= CLIPS // 3:
        raise KeyboardInterrupt


@pytest.fixture
def started(tmp_path, tiny_spec):
    folder = tmp_path / "started"
    with pytest.raises(KeyboardInterrupt):
        materialize(
            ClipSource(tiny_spec),
            folder,
            clips=CLIPS,
            shard_clips=SHARD,
            threads=1,
            on_progress=stop,
        )
    return folder


def test_a_bake_that_is_done_leaves_a_page_that_says_so(whole):
    parsed = page(whole)
    assert "done complete: index.json is there" in parsed.text
    assert "All 13 shards are committed. index.json is there: the store is complete." in parsed.text
    assert f"trajdata verify {whole} --full" in parsed.text
    for law in ("linear", "circular", "helical", "parabolic"):
        assert f"{law} 25" in parsed.text
    assert len(parsed.named("img")) in (4, 8)  # the last shard has four clips
    assert not [meta for meta in parsed.named("meta") if meta.get("http-equiv") == "refresh"]
    assert (whole / "report.html").stat().st_size < 60_000


def test_the_newest_shards_are_shown_with_the_hashes_that_the_index_has(whole):
    text = page(whole).text
    shown = dict(re.findall(r"(train-\d{6}\.tar) \d+ [\d,]+ ([0-9a-f]{64})", text))
    assert len(shown) == 5
    digests = json.loads((whole / "index.json").read_text())["trajdata"]["sha256"]
    for name, digest in shown.items():
        assert digest == digests[int(name[6:12])]


def test_a_bake_that_was_stopped_says_so_and_how_to_go_on(started):
    parsed = page(started)
    assert "interrupted stopped by the user; nothing half is left" in parsed.text
    assert progress_of(started).resume_command in parsed.text
    assert "index.json is not there yet" in parsed.text
    assert "Still to be made: shards" in parsed.text


def test_a_bake_that_goes_on_says_what_it_checked_and_keeps_the_history(started, tiny_spec):
    path = started / "progress.json"
    point = [12.5, 32, 2.56]
    path.write_text(re.sub(r'"history": .*', f'"history": [{point}]', path.read_text()))
    (started / ".trajdata" / "tmp" / "left.tar").write_bytes(b"by a kill")
    seen = []
    materialize(ClipSource(tiny_spec), started, clips=CLIPS, on_progress=seen.append)
    report = progress_of(started)
    assert list(report.history[0]) == point
    assert report.history[-1].seconds >= 12.5
    assert all(later.history[0] == report.history[0] for later in seen)
    text = page(started).text
    assert re.search(r"Hashed again: train-\d+\.tar, train-\d+\.tar\. Each has its promised", text)
    assert re.search(r"Clip \d+, committed before, was rendered again and has the same", text)
    assert "Temporary files of an earlier run that were removed: 1." in text


@pytest.mark.parametrize("damage", [b"", b'{"status": "runn', b"{}", b"[" * (2**20 + 2)])
def test_a_damaged_progress_file_only_starts_a_new_history(started, tiny_spec, damage):
    (started / "progress.json").write_bytes(damage)
    seen = []
    materialize(ClipSource(tiny_spec), started, clips=CLIPS, on_progress=seen.append)
    assert seen[0].history == ()
    assert progress_of(started).status == "done"


def test_a_damaged_shard_that_was_found_at_the_start_is_named(started, tiny_spec):
    last = sorted(started.glob("*.tar"))[-1]
    damaged = bytearray(last.read_bytes())
    damaged[30_000] ^= 1
    last.write_bytes(damaged)
    materialize(ClipSource(tiny_spec), started, clips=CLIPS)
    assert f"moved aside and rendered again: {last.name}." in page(started).text


class BrokenDisk(Disk):
    """Fails to make some files, once or always."""

    def __init__(self, root, ends, times=10**9):
        super().__init__(root)
        self.ends, self.times = ends, times

    def open_new(self, name):
        if name.endswith(f"{self.ends}.0") and self.times:
            self.times -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().open_new(name)


def bake_on(disk, spec):
    store = FolderStore(disk)
    return materialize_on(store, ClipSource(spec), clips=CLIPS, threads=2, shard_clips=SHARD)


def test_a_bake_that_failed_says_why_and_how_to_go_on(tmp_path, tiny_spec):
    with pytest.raises(OSError, match="committed and untouched"):
        bake_on(BrokenDisk(tmp_path, "000009.tar"), tiny_spec)
    text = page(tmp_path).text
    assert f"failed {os.strerror(errno.EIO)}; " in text
    assert progress_of(tmp_path).resume_command in text


@pytest.mark.parametrize("name", ["PROGRESS.txt", "progress.json", "report.html"])
def test_a_page_that_cannot_be_written_ends_the_bake_as_a_progress_file_does(
    tmp_path, tiny_spec, name
):
    with pytest.raises(OSError, match=r"Input/output error; 0 of 13 shards are committed"):
        bake_on(BrokenDisk(tmp_path, name), tiny_spec)
    assert list((tmp_path / ".trajdata" / "tmp").iterdir()) == []
    if name == "report.html":  # the short files come first when the disk is full
        assert progress_of(tmp_path).status == "failed"
    bake_on(BrokenDisk(tmp_path, name, times=0), tiny_spec)
    assert "done complete" in page(tmp_path).text


def test_the_page_says_done_before_the_file_for_programs_does(tmp_path, tiny_spec):
    """So a kill between the two is no folder that counts as done and has a page that runs."""

    class Order(Disk):
        renamed = ()

        def rename(self, name, new_name):
            super().rename(name, new_name)
            self.renamed = (*self.renamed, new_name)

    disk = Order(tmp_path)
    bake_on(disk, tiny_spec)
    assert disk.renamed[-4:] == ("index.json", "report.html", "PROGRESS.txt", "progress.json")


def test_the_page_names_the_shards_of_a_bake_while_it_runs(tmp_path, tiny_spec, monkeypatch):
    for name in ("_PAGE_SECONDS", "_FIRST_PICTURE_SECONDS"):
        monkeypatch.setattr(f"trajdata._bake.reporter.{name}", 0.0)
    seen = []

    def look(report):
        seen.append((report, page(tmp_path)))

    materialize(
        ClipSource(tiny_spec), tmp_path, clips=CLIPS, shard_clips=SHARD, threads=1, on_progress=look
    )
    middle = [(report, parsed) for report, parsed in seen if 0 < report.shards_done < 13]
    assert middle
    for report, parsed in middle:
        assert f"{report.shards_done} of 13" in parsed.text
        assert "running rendering and writing" in parsed.text
        assert parsed.named("img")


def test_a_page_of_many_quick_commits_is_written_twice_a_second_at_most(tmp_path, tiny_spec):
    class Counting(Disk):
        pages = 0

        def rename(self, name, new_name):
            self.pages += new_name == "report.html"
            super().rename(name, new_name)

    disk = Counting(tmp_path)
    report = bake_on(disk, tiny_spec)
    assert 3 <= disk.pages <= 4 + report.seconds / 0.5


def test_a_second_writer_touches_no_page(started, tiny_spec):
    before = (started / "report.html").read_bytes()
    with FolderLock(Disk(started)), pytest.raises(LockedError):
        materialize(ClipSource(tiny_spec), started, clips=CLIPS)
    assert (started / "report.html").read_bytes() == before


def test_verify_finds_nothing_wrong_with_a_page_and_writes_none(whole):
    before = (whole / "report.html").read_bytes()
    assert verify(whole, full=True, rerender=3).ok
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(whole)])
    assert ended.value.code == 0
    assert (whole / "report.html").read_bytes() == before


def test_a_repair_ends_with_a_page_too(started, tiny_spec):
    materialize(ClipSource(tiny_spec), started, clips=CLIPS)
    (started / "train-000003.tar").unlink()
    (started / "report.html").unlink()
    repair(started)
    text = page(started).text
    assert "done complete" in text
    assert "train-000003.tar" in text


def test_a_folder_with_somebody_elses_page_is_refused(tmp_path, tiny_spec):
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(ValueError, match=r"which has 'report\.html' and no"):
        materialize(ClipSource(tiny_spec), tmp_path, clips=CLIPS)
    assert (tmp_path / "report.html").read_text() == "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are for Linux")
def test_a_folder_of_any_name_gets_a_page(tmp_path, tiny_spec):
    for name in (b"\xff\xfe", b"<script>alert('\"')</script>".replace(b"/", b"_"), b"new\nline"):
        folder = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name)))
        materialize(ClipSource(tiny_spec), folder, clips=4)
        parsed = page(folder)
        assert "done complete" in parsed.text
        assert not parsed.named("script")


@pytest.mark.slow
def test_pictures_of_large_clips_stay_within_their_bytes(tmp_path):
    materialize(
        ClipSource(preset("magvit2-128", difficulty=1.0)), tmp_path, clips=16, shard_clips=8
    )
    assert len(page(tmp_path).named("img")) == 8
    assert (tmp_path / "report.html").stat().st_size < 300_000


def test_neither_the_page_nor_what_draws_it_is_imported_before_a_bake():
    program = (
        "import sys, trajdata, trajdata._bake.run\n"
        "print(*[name for name in ('jinja2', 'PIL') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
    )
    assert (run.returncode, run.stdout.strip()) == (0, ""), run.stderr
