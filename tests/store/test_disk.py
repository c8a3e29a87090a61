"""A final name stands for the whole file or for nothing."""

import errno
import os

import pytest

from trajdata._store.disk import Disk, SyncError, commit_bytes, commit_chunks, replace_quickly


class TracedDisk(Disk):
    """Writes down every operation that changes something; fails where told to.

    Args:
        root: as ``Disk``.
        fail: name of an operation.
        most: bytes that one write takes.
    """

    def __init__(self, root, fail=None, most=None):
        super().__init__(root)
        self.fail, self.most = fail, most
        self.log = []

    def _step(self, operation):
        self.log.append(operation)
        if operation == self.fail:
            raise OSError(errno.EIO, "told to fail")

    def open_new(self, name):
        self._step("open")
        return super().open_new(name)

    def write(self, file, data):
        self._step("write")
        if self.most and len(self.log) % 2:
            raise InterruptedError
        return super().write(file, data[: self.most])

    def written(self, file):
        self._step("check size")
        return super().written(file)

    def sync(self, file):
        self._step("sync")
        super().sync(file)

    def close(self, file):
        super().close(file)
        self._step("close")

    def rename(self, name, new_name):
        self._step("rename")
        super().rename(name, new_name)

    def sync_folder(self, name):
        self._step("sync folder")
        super().sync_folder(name)


ORDER = ["open", "write", "check size", "sync", "close", "rename", "sync folder"]


@pytest.fixture(autouse=True)
def no_file_stays_open():
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    yield
    if before:
        assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_is_committed_in_the_order_that_survives_a_power_loss(tmp_path):
    disk = TracedDisk(tmp_path)
    commit_bytes(disk, "temp", "final", b"all of it")
    assert disk.log == ORDER
    assert (tmp_path / "final").read_bytes() == b"all of it"
    assert os.listdir(tmp_path) == ["final"]


@pytest.mark.parametrize("fail", ORDER)
def test_whatever_fails_no_temp_is_left_and_the_final_name_is_whole_or_not_there(tmp_path, fail):
    disk = TracedDisk(tmp_path, fail)
    with pytest.raises(OSError, match="told to fail") as caught:
        commit_bytes(disk, "temp", "final", b"all of it")
    assert caught.value.errno == errno.EIO
    assert isinstance(caught.value, SyncError) == (fail in ("sync", "sync folder"))
    assert os.listdir(tmp_path) == (["final"] if fail == "sync folder" else [])
    assert disk.log.count(fail) == 1  # not tried again


def test_short_and_interrupted_writes_are_carried_on(tmp_path):
    disk = TracedDisk(tmp_path, most=7)
    data = bytes(range(100))
    commit_bytes(disk, "temp", "final", data)
    assert (tmp_path / "final").read_bytes() == data


def test_a_write_that_takes_nothing_is_an_error_and_no_endless_loop(tmp_path):
    disk = Disk(tmp_path)
    disk.write = lambda file, data: 0
    with pytest.raises(OSError, match="a write of 3 bytes took none"):
        commit_bytes(disk, "temp", "final", b"abc")


def test_a_file_of_the_wrong_size_gets_no_final_name(tmp_path):
    with pytest.raises(OSError, match="3 bytes were written where 4 should be"):
        commit_chunks(Disk(tmp_path), "temp", "final", [memoryview(b"abc")], 4)
    assert os.listdir(tmp_path) == []


def test_an_exception_out_of_the_bytes_leaves_nothing(tmp_path):
    def chunks():
        yield memoryview(b"abc")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        commit_chunks(Disk(tmp_path), "temp", "final", chunks(), 6)
    assert os.listdir(tmp_path) == []


def test_a_temp_that_is_there_already_is_an_error(tmp_path):
    (tmp_path / "temp").write_bytes(b"another's")
    with pytest.raises(FileExistsError):
        commit_bytes(Disk(tmp_path), "temp", "final", b"abc")
    assert (tmp_path / "temp").read_bytes() == b"another's"


def test_a_progress_file_is_replaced_at_one_stroke_and_the_old_one_stays_on_an_error(tmp_path):
    replace_quickly(Disk(tmp_path), "temp", "final", b"old")
    replace_quickly(Disk(tmp_path), "temp", "final", b"new")
    assert (tmp_path / "final").read_bytes() == b"new"
    for fail in ("write", "close", "rename"):
        with pytest.raises(OSError, match="told to fail"):
            replace_quickly(TracedDisk(tmp_path, fail), "temp", "final", b"newer")
        assert os.listdir(tmp_path) == ["final"]
        assert (tmp_path / "final").read_bytes() == b"new"


@pytest.mark.parametrize("fails", [False, True])
def test_large_pieces_are_handed_to_the_medium_early_and_that_may_fail(tmp_path, fails):
    disk, told = Disk(tmp_path), []

    def begin_sync(file, offset, size):
        told.append((offset, size))
        if fails:
            raise OSError(errno.EIO, "told to fail")
        Disk.begin_sync(disk, file, offset, size)

    disk.begin_sync = begin_sync
    pieces = [os.urandom(2**20), b"small", os.urandom(2**21)]
    chunks = [memoryview(piece) for piece in pieces]
    commit_chunks(disk, "temp", "final", chunks, sum(map(len, pieces)))
    assert told == [(0, 2**20), (2**20 + 5, 2**21)]
    assert (tmp_path / "final").read_bytes() == b"".join(pieces)
