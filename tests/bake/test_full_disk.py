"""On a disk that is full to the last block PROGRESS still says how the bake ended."""

import errno
import os
import subprocess

import pytest

from tests.patience import SECONDS
from tests.stores import progress_of
from trajdata import ClipSource, materialize
from trajdata._bake.run import materialize_on
from trajdata._store.disk import Disk
from trajdata._store.folder import FolderStore

CLIPS, SHARD = 40, 8
BLOCK = 4096


class FullDisk(Disk):
    """From its n-th new file on it has no block left; the blocks that files have they keep."""

    def __init__(self, root, after):
        super().__init__(root)
        self.after, self.opened, self.new = after, 0, set()

    def open_new(self, name):
        self.opened += 1
        file = super().open_new(name)
        if self.opened > self.after:
            self.new.add(file)
        return file

    def write(self, file, data):
        if file in self.new:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(file, data)

    def overwrite(self, file, data):
        held = -(-os.fstat(file).st_size // BLOCK) * BLOCK
        if self.opened > self.after and len(data) > held:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().overwrite(file, data)

    def close(self, file):
        self.new.discard(file)
        super().close(file)


@pytest.mark.parametrize("after", [8, 12, 20])
def test_a_bake_that_finds_no_block_left_still_says_that_it_failed(tmp_path, tiny_spec, after):
    store, source = FolderStore(FullDisk(tmp_path, after)), ClipSource(tiny_spec)
    with pytest.raises(OSError, match="No space left") as caught:
        materialize_on(store, source, clips=CLIPS, shard_clips=SHARD, threads=1)
    assert caught.value.errno == errno.ENOSPC
    report = progress_of(tmp_path)
    assert report.status == "failed"
    assert "No space left on device" in report.message
    assert "failed" in (tmp_path / "PROGRESS.txt").read_text().splitlines()[0]
    assert list((tmp_path / ".trajdata" / "tmp").iterdir()) == []
    assert materialize(source, tmp_path, clips=CLIPS).clips == CLIPS
    assert progress_of(tmp_path).status == "done"


@pytest.fixture
def small_disk(tmp_path):
    """A real filesystem of 600 KB."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)]
    try:
        made = subprocess.run(mount, capture_output=True, text=True, timeout=SECONDS)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if made.returncode:
        pytest.skip(f"a small filesystem cannot be mounted: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=SECONDS)


def test_on_a_real_disk_that_is_full_the_last_words_are_there_too(small_disk, tiny_spec):
    """Somebody else takes the room while the bake runs, and what it gives back as well."""
    out, ballast = small_disk / "out", small_disk / "ballast"

    def fill(report):
        if report.shards_done >= 2:
            with open(ballast, "ab", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(BLOCK))
                except OSError:
                    return

    with pytest.raises(OSError, match="No space left") as caught:
        materialize(
            ClipSource(tiny_spec), out, clips=1000, shard_clips=4, threads=1, on_progress=fill
        )
    assert caught.value.errno == errno.ENOSPC
    report = progress_of(out)
    assert (report.status, report.shards_total) == ("failed", 250)
    assert "No space left on device" in report.message
    assert "failed" in (out / "PROGRESS.txt").read_text().splitlines()[0]
