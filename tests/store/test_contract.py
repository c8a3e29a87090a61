"""Every kind of store keeps the same contract."""

import errno
import gc
import pickle
import threading

import pytest

from tests.patience import SECONDS
from tests.stores import names_in
from trajdata import LockedError
from trajdata._store import bucket, folder, memory
from trajdata._store.bucket import BucketStore
from trajdata._store.disk import Disk
from trajdata._store.folder import FolderStore
from trajdata._store.memory import MemoryStore
from trajdata._store.names import TEMPS
from trajdata._store.ranges import (
    file_sha256,
    listed_names,
    put_bytes,
    read_blocks,
    read_whole,
)


@pytest.fixture(params=["folder", "memory", "bucket"])
def store(request, tmp_path):
    if request.param == "bucket":
        made = BucketStore(request.getfixturevalue("bucket"))
    else:
        made = FolderStore(Disk(tmp_path / "store")) if request.param == "folder" else MemoryStore()
    with made.lock():
        pass  # as every writer begins
    return made


def put_bytes_below(store, name):
    """Put a file of one byte, whose folder need not be there."""
    if isinstance(store, FolderStore):
        store.disk.make_folder(name.rpartition("/")[0])
    put_bytes(store, name, b"x")


def test_what_is_put_is_there_whole_and_can_be_read_in_ranges(store):
    store.put("a.tar", [memoryview(b"01234"), memoryview(b"56789")], 10)
    assert store.size("a.tar") == 10
    assert store.read("a.tar", 0, 100) == b"0123456789"
    assert store.read("a.tar", 3, 4) == b"3456"
    assert store.read("a.tar", 8, 4) == b"89"
    assert store.read("a.tar", 10, 4) == store.read("a.tar", 99, 4) == b""
    assert bytes(store.view("a.tar")) == b"0123456789"
    assert store.view("a.tar").readonly


def test_what_is_not_there_is_none_or_an_error_that_names_it(store):
    assert store.size("a.tar") is None
    assert store.read("a.tar", 0, 1) is None
    assert names_in(store, "nowhere") == []
    for act in (store.view, store.remove, store.set_aside):
        with pytest.raises(FileNotFoundError):
            act("a.tar")
    with pytest.raises(FileNotFoundError, match=r"a\.tar"):
        list(read_blocks(store, "a.tar", 4))


@pytest.mark.parametrize("durable", [True, False])
def test_a_put_replaces_what_was_there(store, durable):
    for data in (b"old", b"", b"newer"):
        put_bytes(store, "a", data, durable=durable)
        assert store.read("a", 0, 100) == data
    assert names_in(store, TEMPS) == []


@pytest.mark.parametrize("durable", [True, False])
def test_a_put_that_goes_wrong_changes_nothing(store, durable):
    def broken():
        yield memoryview(b"half")
        raise KeyboardInterrupt

    put_bytes(store, "a", b"old")
    with pytest.raises(KeyboardInterrupt):
        store.put("a", broken(), 8, durable=durable)
    with pytest.raises(OSError, match="3 bytes were written where 4 should be") as caught:
        store.put("a", [memoryview(b"abc")], 4, durable=durable)
    assert caught.value.errno == errno.EIO
    assert store.read("a", 0, 100) == b"old"
    assert names_in(store, TEMPS) == []


def test_bytes_that_the_caller_uses_again_are_kept_as_they_were(store):
    room = bytearray(b"first")

    def chunks():
        yield memoryview(room)
        room[:] = b"other"
        yield memoryview(room)

    store.put("a", chunks(), 10)
    assert store.read("a", 0, 100) == b"firstother"


def test_what_is_overwritten_has_the_new_bytes_and_no_more(store):
    put_bytes(store, "a", b"0123456789")
    store.overwrite("a", b"abc")
    assert store.read("a", 0, 100) == b"abc"
    store.overwrite("a", b"a longer text than before")
    assert store.read("a", 0, 100) == b"a longer text than before"
    store.overwrite("b", b"nothing is made")
    assert store.size("b") is None


def test_only_the_first_creates(store):
    assert store.create("a", b"first")
    assert not store.create("a", b"second")
    assert not store.create("a", b"first")
    assert store.read("a", 0, 100) == b"first"


def test_of_many_that_create_at_once_one_does_and_its_bytes_are_there(store):
    start, made = threading.Barrier(8), []

    def create(number):
        start.wait(timeout=SECONDS)
        if store.create("a", b"%d" % number):
            made.append(b"%d" % number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=SECONDS)
    assert made == [store.read("a", 0, 100)]
    assert names_in(store, TEMPS) == []


def test_a_listing_has_the_sorted_names_directly_below_a_prefix(store):
    for name in ("b.tar", "a.tar", ".trajdata/commits/000001.json", ".trajdata/recipe.json"):
        put_bytes(store, name, b"x")
    assert names_in(store, "") == [".trajdata", "a.tar", "b.tar"]
    assert names_in(store, ".trajdata/commits") == ["000001.json"]
    assert "recipe.json" in names_in(store, ".trajdata")


@pytest.mark.parametrize("page", [1, 2, 3, 5, 100])
def test_a_listing_comes_in_pages_with_each_name_once(store, monkeypatch, page):
    for module in (bucket, folder, memory):
        monkeypatch.setattr(module, "PAGE", page)
    names = ["README.md", "a-b", "a0", "b.tar", "c.tar", "z"]
    for name in (*names, "a/b", "a/c/d", "a/e", ".trajdata/commits/1", ".trajdata/commits/2"):
        put_bytes_below(store, name)
    pages = list(store.list(""))
    assert sorted(item.name for found in pages for item in found) == sorted(
        [*names, "a", ".trajdata"]
    )
    assert all(0 < len(found) <= page for found in pages)
    assert {item.size for found in pages for item in found if item.name in names} <= {1, None}
    assert {item.size for found in pages for item in found if item.name == "a"} == {None}
    assert names_in(store, "a") == ["b", "c", "e"]
    assert names_in(store, ".trajdata/commits") == ["1", "2"]


def test_a_listing_that_nobody_reads_to_its_end_keeps_nothing_open(store):
    for name in ("a", "b"):
        put_bytes(store, name, b"x")
    assert "a" in listed_names(store, "")
    assert next(iter(store.list("")))
    gc.collect()
    assert names_in(store, "")[-2:] == ["a", "b"]


def test_what_is_removed_is_gone(store):
    put_bytes(store, "a", b"x")
    store.remove("a")
    assert store.size("a") is None
    assert "a" not in names_in(store, "")


def test_many_are_discarded_at_once_and_those_that_are_not_there_are_no_error(store):
    names = [f".trajdata/commits/{number:06d}.json" for number in range(5)]
    for name in (*names, "a"):
        put_bytes(store, name, b"x")
    store.remove(names[2])
    store.discard(names[1:4])
    store.discard([])
    assert [store.size(name) for name in names] == [1, None, None, None, 1]
    assert store.size("a") == 1
    store.discard([*names, "b"])
    store.discard(names)
    assert names_in(store, ".trajdata/commits") == []


def test_what_is_set_aside_is_kept_under_a_name_of_its_own(store):
    names = []
    for data in (b"first", b"second"):
        put_bytes(store, ".trajdata/commits/000001.json", data)
        names.append(store.set_aside(".trajdata/commits/000001.json"))
    assert len(set(names)) == 2
    assert [store.read(name, 0, 100) for name in names] == [b"first", b"second"]
    assert store.size(".trajdata/commits/000001.json") is None
    assert all(name.startswith(".trajdata/aside/000001.json") for name in names)


def test_a_second_writer_is_refused_until_the_first_has_ended_but_in_a_bucket(store):
    if isinstance(store, BucketStore):
        with store.lock(), store.lock():
            return
    with store.lock(), pytest.raises(LockedError), store.lock():
        pass
    with store.lock():
        assert store.clear_temps() == 0


def test_several_writers_may_join_and_none_is_alone_meanwhile(store):
    if isinstance(store, BucketStore):
        with store.join(), store.join(), store.lock():
            return
    with store.join(), store.join(), pytest.raises(LockedError), store.lock():
        pass
    with store.lock(), pytest.raises(LockedError), store.join():
        pass
    with store.join(), store.join():
        pass


def test_a_view_stays_what_it_was_when_the_file_is_replaced(store):
    put_bytes(store, "a", b"old")
    view = store.view("a")
    put_bytes(store, "a", b"new")
    store.remove("a")
    assert bytes(view) == b"old"


def test_files_are_read_whole_in_blocks_and_for_their_hash(store):
    put_bytes(store, "a", b"0123456789")
    assert read_whole(store, "a", 10) == b"0123456789"
    assert len(read_whole(store, "a", 5)) == 6  # more than allowed, so that a parser refuses it
    assert list(read_blocks(store, "a", 4)) == [b"0123", b"4567", b"89"]
    assert list(read_blocks(store, "a", 5)) == [b"01234", b"56789"]
    assert file_sha256(store, "a") == (
        "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"
    )


def test_room_is_a_number_or_unknown(store):
    free = store.free_bytes()
    assert free is None or free > 0


def test_a_folder_and_a_bucket_are_pickled_by_their_name_and_memory_is_not(store):
    if isinstance(store, MemoryStore):
        with pytest.raises(TypeError):
            pickle.dumps(store)
        return
    put_bytes(store, "a", b"x")
    again = pickle.loads(pickle.dumps(store))
    assert again.where == store.where
    assert again.read("a", 0, 1) == b"x"
