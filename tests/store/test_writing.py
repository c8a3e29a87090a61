"""A final name stands for the whole file or for nothing."""

import errno
import gc
import os

import pytest

from trajdata._store.disk import Disk
from trajdata._store.folder import FolderStore
from trajdata._store.names import TEMPS
from trajdata._store.ranges import put_bytes
from trajdata._store.writing import SyncError, commit_chunks, create_file, replace_quickly


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

    def link(self, name, new_name):
        self._step("link")
        super().link(name, new_name)

    def remove(self, name):
        self._step("remove")
        super().remove(name)

    def sync_folder(self, name):
        self._step("sync folder")
        super().sync_folder(name)


ORDER = ["open", "write", "check size", "sync", "close", "rename", "sync folder"]
CREATION = [*ORDER[:5], "link", "remove", "sync folder"]


def open_files():
    gc.collect()  # a Disk holds its folders open for as long as it lives
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


@pytest.fixture(autouse=True)
def no_file_stays_open():
    before = open_files()
    yield
    assert open_files() == before


@pytest.fixture
def root(tmp_path):
    """A folder that has its place for temps."""
    (tmp_path / TEMPS).mkdir(parents=True)
    return tmp_path


def put(disk, data=b"all of it"):
    put_bytes(FolderStore(disk), "final", data)


def held(root):
    """The names in the folder and among its temps."""
    return sorted({*os.listdir(root)} - {".trajdata"}), os.listdir(root / TEMPS)


def test_a_file_is_committed_in_the_order_that_survives_a_power_loss(root):
    disk = TracedDisk(root)
    put(disk)
    assert disk.log == ORDER
    assert (root / "final").read_bytes() == b"all of it"
    assert held(root) == (["final"], [])


@pytest.mark.parametrize("fail", ORDER)
def test_whatever_fails_no_temp_is_left_and_the_final_name_is_whole_or_not_there(root, fail):
    disk = TracedDisk(root, fail)
    with pytest.raises(OSError, match="told to fail") as caught:
        put(disk)
    assert caught.value.errno == errno.EIO
    assert isinstance(caught.value, SyncError) == (fail in ("sync", "sync folder"))
    assert held(root) == (["final"] if fail == "sync folder" else [], [])
    assert disk.log.count(fail) == 1  # not tried again


def test_short_and_interrupted_writes_are_carried_on(root):
    disk = TracedDisk(root, most=7)
    data = bytes(range(100))
    put(disk, data)
    assert (root / "final").read_bytes() == data


@pytest.mark.slow
def test_a_write_that_takes_nothing_is_an_error_and_no_endless_loop(root):
    disk = Disk(root)
    disk.write = lambda file, data: 0
    with pytest.raises(OSError, match="a write of 3 bytes took none"):
        put(disk, b"abc")


@pytest.mark.parametrize("write", [commit_chunks, replace_quickly])
def test_a_file_of_the_wrong_size_gets_no_final_name(root, write):
    with pytest.raises(OSError, match="3 bytes were written where 4 should be"):
        write(Disk(root), "final", [memoryview(b"abc")], 4)
    assert held(root) == ([], [])


@pytest.mark.parametrize("write", [commit_chunks, replace_quickly])
def test_an_exception_out_of_the_bytes_leaves_nothing(root, write):
    def chunks():
        yield memoryview(b"abc")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(Disk(root), "final", chunks(), 6)
    assert held(root) == ([], [])


def test_a_temp_that_another_writer_left_is_no_obstacle_and_stays_as_it_is(root):
    (root / TEMPS / "final.0").write_bytes(b"another's")
    put(Disk(root), b"abc")
    assert (root / "final").read_bytes() == b"abc"
    assert (root / TEMPS / "final.0").read_bytes() == b"another's"


@pytest.mark.slow
def test_two_writers_of_one_file_at_once_are_in_nobodys_way(root):
    def chunks():
        put(Disk(root), b"abc")  # begins and ends while the other is at work
        yield memoryview(b"abc")

    commit_chunks(Disk(root), "final", chunks(), 3)
    assert (root / "final").read_bytes() == b"abc"
    assert held(root) == (["final"], [])


def test_a_progress_file_is_replaced_at_one_stroke_and_the_old_one_stays_on_an_error(root):
    for data in (b"old", b"new"):
        put_bytes(FolderStore(Disk(root)), "final", data, durable=False)
        assert (root / "final").read_bytes() == data
    for fail in ("write", "close", "rename"):
        with pytest.raises(OSError, match="told to fail"):
            put_bytes(FolderStore(TracedDisk(root, fail)), "final", b"newer", durable=False)
        assert held(root) == (["final"], [])
        assert (root / "final").read_bytes() == b"new"


@pytest.mark.slow
@pytest.mark.parametrize("fails", [False, True])
def test_large_pieces_are_handed_to_the_medium_early_and_that_may_fail(root, fails):
    disk, told = Disk(root), []

    def begin_sync(file, offset, size):
        told.append((offset, size))
        if fails:
            raise OSError(errno.EIO, "told to fail")
        Disk.begin_sync(disk, file, offset, size)

    disk.begin_sync = begin_sync
    pieces = [os.urandom(2**20), b"small", os.urandom(2**21)]
    chunks = [memoryview(piece) for piece in pieces]
    commit_chunks(disk, "final", chunks, sum(map(len, pieces)))
    assert told == [(0, 2**20), (2**20 + 5, 2**21)]
    assert (root / "final").read_bytes() == b"".join(pieces)


@pytest.mark.slow
def test_a_file_is_created_in_the_same_order_and_only_where_there_is_none(root):
    disk = TracedDisk(root)
    assert create_file(disk, "final", b"mine")
    assert disk.log == CREATION
    assert not create_file(Disk(root), "final", b"another's")
    assert (root / "final").read_bytes() == b"mine"
    assert held(root) == (["final"], [])


@pytest.mark.slow
@pytest.mark.parametrize("fail", CREATION)
def test_whatever_fails_a_created_file_is_whole_or_not_there(root, fail):
    with pytest.raises(OSError, match="told to fail"):
        create_file(TracedDisk(root, fail), "final", b"mine")
    has_name = fail in ("remove", "sync folder")
    left = ["final.0"] if fail == "remove" else []  # the next run clears it
    assert held(root) == (["final"] if has_name else [], left)


def test_where_there_are_no_hard_links_a_file_is_created_all_the_same(root):
    class NoLinks(Disk):
        def link(self, name, new_name):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    assert create_file(NoLinks(root), "final", b"mine")
    assert not create_file(NoLinks(root), "final", b"another's")
    assert (root / "final").read_bytes() == b"mine"
    assert held(root) == (["final"], [])


def test_what_is_set_aside_or_removed_is_so_on_the_medium_too(root):
    """Both folders of a move are synced, that of the new name first."""
    (root / "file").write_bytes(b"kept")
    disk, synced = Disk(root), []
    disk.sync_folder = lambda name: synced.append((name, sorted(os.listdir(root / name))))
    name = FolderStore(disk).set_aside("file")
    assert name == ".trajdata/aside/file.0"
    assert synced == [
        (".trajdata", ["aside", "tmp"]),
        (".trajdata/aside", ["file.0"]),
        ("", [".trajdata"]),
    ]
    synced.clear()
    FolderStore(disk).remove(name)
    assert synced == [(".trajdata/aside", [])]


def test_the_folders_that_a_store_needs_are_on_the_medium_before_a_file_is(tmp_path):
    """A folder's name lies in the one above it."""
    disk, synced = Disk(tmp_path / "new"), []
    disk.sync_folder = synced.append
    with FolderStore(disk).lock():
        made = sorted(path.name for path in (tmp_path / "new" / ".trajdata").iterdir())
    assert made == ["commits", "lock", "tmp"]
    assert synced[0] == ".."
    assert synced[-3:] == [".trajdata/commits", ".trajdata", ""]
