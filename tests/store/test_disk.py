"""A folder is the one that was opened: nothing leads out of it, and no other takes its place."""

import errno
import os
import shutil
import sys

import pytest

from tests.torture.fault_disk import STEPS
from trajdata import ShardError
from trajdata._store.disk import Disk
from trajdata._store.folder import FolderStore
from trajdata._store.names import TEMPS
from trajdata._store.ranges import put_bytes, read_whole

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="baking is for Linux and macOS")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "store"
    with FolderStore(Disk(made)).lock():
        pass
    return made


def test_a_writer_whose_folder_was_replaced_gives_nothing_a_name(folder):
    store = FolderStore(Disk(folder))
    put_bytes(store, "a", b"before")
    away = folder.rename(folder.with_name("away"))
    shutil.copytree(away, folder)
    (folder / "a").unlink()
    for put in (
        lambda: put_bytes(store, "b", b"after"),
        lambda: put_bytes(store, "b", b"after", durable=False),
        lambda: store.create("b", b"after"),
    ):
        with pytest.raises(OSError, match="removed or replaced") as caught:
            put()
        assert caught.value.errno == errno.ESTALE
    for place in (folder, away):
        assert not (place / "b").exists()
        assert list((place / TEMPS).iterdir()) == []


def test_a_hidden_folder_that_is_a_link_is_not_written_to(folder, tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (folder / TEMPS).rmdir()
    (folder / TEMPS).symlink_to(victim)
    with pytest.raises(ShardError, match="expected a folder, found a link"):
        put_bytes(FolderStore(Disk(folder)), "a", b"x")
    assert list(victim.iterdir()) == []
    assert not (folder / "a").exists()


def test_a_file_is_read_through_a_link_only_where_hubs_make_some(folder, tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"{}")
    for name in ("train-000000.tar", "index.json", ".trajdata/recipe.json"):
        (folder / name).symlink_to(tmp_path / "elsewhere")
    store = FolderStore(Disk(folder))
    assert read_whole(store, "index.json", 10) == b"{}"
    assert store.size("train-000000.tar") == 2
    with pytest.raises(ShardError, match="expected a regular file, found a link"):
        read_whole(store, ".trajdata/recipe.json", 10)


def test_a_file_with_a_second_name_is_not_written_over(folder, tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"kept")
    os.link(tmp_path / "elsewhere", folder / "progress.json")
    with pytest.raises(ShardError, match="expected a file with one name, found one with 2"):
        FolderStore(Disk(folder)).overwrite("progress.json", b"over")
    assert (tmp_path / "elsewhere").read_bytes() == b"kept"


def test_every_method_that_can_fail_is_attacked_by_the_torture():
    public = {name for name in vars(Disk) if not name.startswith("_")}
    assert public == {*STEPS, "path", "close_folder", "close_folders"}
