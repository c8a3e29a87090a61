"""No link below a store is followed but where it may be, and nothing but a file is opened."""

import os
import sys
from functools import partial

import pytest

from tests.stores import names_in, store_of
from trajdata import ShardError
from trajdata._store.names import LOCK, LOG, TEMPS
from trajdata._store.ranges import put_bytes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no FIFOs")


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "out"
    with store_of(folder).lock():
        pass
    return folder


@pytest.fixture
def victim(tmp_path):
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "file").write_bytes(b"theirs")
    return folder


@pytest.mark.parametrize("name", [".trajdata", TEMPS, ".trajdata/commits", ".trajdata/aside"])
def test_a_folder_below_the_store_is_never_a_link(root, victim, name):
    path = root / name
    if path.is_dir():
        os.rename(path, root.parent / "moved")
    path.symlink_to(victim)
    store = store_of(root)
    with pytest.raises(ShardError, match="expected a folder, found a link"):
        names_in(store, name)
    with pytest.raises(ShardError, match="expected a folder, found a link"), store.lock():
        put_bytes(store, "file", b"mine")
        store.clear_temps()
        store.set_aside("file")
    assert sorted(os.listdir(victim)) == ["file"]


MAY_BE_LINKS = ("train-000000.tar", "index.json", "README.md")
MAY_NOT = ("progress.json", ".trajdata/recipe.json", ".trajdata/commits/000000.json")


@pytest.mark.parametrize("name", [*MAY_BE_LINKS, *MAY_NOT])
def test_only_shards_index_and_card_may_be_links(root, victim, name):
    (root / name).symlink_to(victim / "file")
    store = store_of(root)
    reads = (
        lambda: store.size(name),
        lambda: len(store.read(name, 0, 100)),
        lambda: len(store.view(name)),
    )
    for read in reads:
        if name in MAY_BE_LINKS:
            assert read() == len(b"theirs")
        else:
            with pytest.raises(ShardError, match="expected a regular file, found a link"):
                read()
    # What is written takes the place of the link, wherever that leads.
    with store.lock():
        put_bytes(store, name, b"mine")
    assert (root / name).read_bytes() == b"mine"
    assert (victim / "file").read_bytes() == b"theirs"


def test_a_link_that_leads_nowhere_is_no_file_that_is_missing(root, victim):
    for name, target in (("train-000000.tar", victim / "new"), ("index.json", root / "index.json")):
        (root / name).symlink_to(target)
        store = store_of(root)
        for read in (store.size, store.view, partial(store.read, start=0, size=1)):
            with pytest.raises(ShardError, match="found a link that leads nowhere"):
                read(name)


@pytest.mark.parametrize("name", ["train-000000.tar", ".trajdata/recipe.json", LOCK, LOG])
@pytest.mark.parametrize(
    ("kind", "make"), [("a FIFO", os.mkfifo), ("a folder", lambda path: path.mkdir())]
)
def test_what_is_no_file_is_refused_and_never_opened(root, name, kind, make):
    (root / name).unlink(missing_ok=True)
    make(root / name)
    store = store_of(root)
    acts = [lambda: store.size(name), lambda: store.read(name, 0, 1), lambda: store.view(name)]
    if name == LOCK:
        acts.append(lambda: store.lock().__enter__())
    if name == LOG:
        acts.append(store.open_log)
    for act in acts:
        with pytest.raises(ShardError, match=f"expected a regular file, found {kind}"):
            act()


def test_a_lock_or_log_with_a_second_name_is_not_written_to(root, victim):
    for name in (LOCK, LOG):
        (root / name).unlink(missing_ok=True)
        os.link(victim / "file", root / name)
    store = store_of(root)
    with pytest.raises(ShardError, match="expected a file with one name, found one with 3"):
        store.open_log()
    with pytest.raises(ShardError, match="expected a file with one name"), store.lock():
        pass
    assert (victim / "file").read_bytes() == b"theirs"


def test_a_folder_among_the_temps_is_no_temp_of_a_killed_writer(root):
    (root / TEMPS / "folder").mkdir()
    with pytest.raises(ShardError, match="expected a regular file, found a folder"):
        store_of(root).clear_temps()


def test_a_file_that_a_link_takes_the_place_of_is_set_aside_as_the_link_that_it_is(root, victim):
    (root / "train-000000.tar").symlink_to(victim / "file")
    store = store_of(root)
    with store.lock():
        name = store.set_aside("train-000000.tar")
    assert (root / name).is_symlink()
    assert (victim / "file").read_bytes() == b"theirs"
