"""A store grows by clips: full shards stay, the short last one is rendered again."""

import hashlib
import shutil
import threading

import numpy as np
import pytest

from tests.patience import SECONDS
from tests.stores import index_of, progress_of, recipe_of, store_of
from trajdata import (
    ArgumentError,
    ClipSource,
    ShardError,
    SpecMismatchError,
    materialize,
    repair,
    verify,
)
from trajdata._bake.run import materialize_on
from trajdata._clips.fields import DEFAULT_FIELDS
from trajdata._reading.committed import find_shards
from trajdata._reading.stored import StoredSource, open_shards
from trajdata._store.memory import MemoryStore

SHARD = 8


def data(folder):
    """What must be the same after any history."""
    names = [*folder.glob("*.tar"), *(folder / ".trajdata" / "commits").iterdir()]
    names += [folder / name for name in ("index.json", "README.md", "preview.png")]
    names += [folder / ".trajdata" / "recipe.json"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in names}


def bake(folder, spec, clips, **settings):
    return materialize(ClipSource(spec), folder, clips=clips, shard_clips=SHARD, **settings)


@pytest.fixture(scope="module")
def once(tmp_path_factory, tiny_spec):
    """Stores of so many clips that were baked at once, each when it is first asked for."""
    made = {}

    def of(clips):
        if clips not in made:
            made[clips] = tmp_path_factory.mktemp("once") / "out"
            bake(made[clips], tiny_spec, clips, threads=1)
        return made[clips]

    return of


@pytest.fixture
def store(tmp_path, once):
    """A copy of a store of 20 clips, two full shards and a short one."""
    return shutil.copytree(once(20), tmp_path / "out")


@pytest.mark.parametrize("clips", [21, 23, 24, 25, 40, 41])
def test_a_store_that_has_grown_is_the_store_baked_at_once(store, once, tiny_spec, clips):
    before = {path.name: path.stat().st_mtime_ns for path in store.glob("*.tar")}
    report = bake(store, tiny_spec, clips, threads=2)
    assert report.clips == clips
    assert report.clips_written == clips - 16  # the short shard's four are rendered again
    assert data(store) == data(once(clips))
    for name in ("train-000000.tar", "train-000001.tar"):
        assert (store / name).stat().st_mtime_ns == before[name]
    assert not (store / ".trajdata" / "aside").exists()  # nothing was damaged
    assert verify(store, full=True).shards_proven_by_index == report.shards
    assert (progress_of(store).status, progress_of(store).clips_done) == ("done", clips)
    assert bake(store, tiny_spec, clips).clips_written == 0


def test_a_store_of_full_shards_only_grows_by_new_ones(tmp_path, once, tiny_spec):
    store = shutil.copytree(once(16), tmp_path / "out")
    assert bake(store, tiny_spec, 20).clips_written == 4
    assert data(store) == data(once(20))


def test_a_store_grows_again_and_again(tmp_path, once, tiny_spec):
    store = tmp_path / "out"
    for clips in (1, 2, 9, 20, 41):
        bake(store, tiny_spec, clips)
    assert data(store) == data(once(41))


def test_an_unfinished_store_grows_too(store, once, tiny_spec):
    (store / "index.json").unlink()
    (store / "train-000001.tar").unlink()
    (store / ".trajdata" / "commits" / "000001.json").unlink()
    assert bake(store, tiny_spec, 41).clips_written == 41 - 8
    assert data(store) == data(once(41))


def test_a_store_whose_hidden_part_was_lost_grows_too(store, once, tiny_spec):
    shutil.rmtree(store / ".trajdata")
    bake(store, tiny_spec, 41)
    assert data(store) == data(once(41))


def test_a_damaged_short_shard_is_set_aside_when_the_store_grows(store, once, tiny_spec):
    path = store / "train-000002.tar"
    damaged = bytearray(path.read_bytes())
    damaged[5000] ^= 1
    path.write_bytes(damaged)
    bake(store, tiny_spec, 41)
    assert data(store) == data(once(41))
    assert (store / ".trajdata" / "aside" / "train-000002.tar.0").read_bytes() == damaged


def test_memory_grows_as_a_folder_does(once, tiny_spec):
    memory, source = MemoryStore(), ClipSource(tiny_spec)
    for clips in (20, 41):
        materialize_on(memory, source, clips=clips, shard_clips=SHARD, threads=1)
    due = store_of(once(41))
    for name in ("index.json", "train-000002.tar", ".trajdata/commits/000002.json"):
        assert memory.read(name, 0, 2**24) == due.read(name, 0, 2**24)


@pytest.mark.parametrize("state", ["complete", "unfinished"])
def test_a_store_never_shrinks_and_says_so(store, tiny_spec, state):
    if state == "unfinished":
        (store / "index.json").unlink()
    before = data(store) if state == "complete" else None
    with pytest.raises(ArgumentError, match=r"clips: given 19; .* a store of 20 clips, .* 20 or"):
        bake(store, tiny_spec, 19)
    assert before is None or data(store) == before


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"split": "val"}, {"shard_clips": 9}, {"fields": ["depth"]}]
)
def test_nothing_else_changes_when_a_store_grows(store, tiny_spec, change):
    before = data(store)
    asked = {"seed": 0, "split": "train", "shard_clips": SHARD, "fields": None, **change}
    source = ClipSource(tiny_spec, asked.pop("seed"), asked.pop("split"))
    with pytest.raises(SpecMismatchError) as caught:
        materialize(source, store, clips=41, **asked)
    assert caught.value.differences.keys() == change.keys()
    assert data(store) == before


def stopped(folder, spec, clips, shards):
    """A bake that is stopped once so many shards are done."""

    def stop(report):
        if report.shards_done >= shards:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bake(folder, spec, clips, threads=1, on_progress=stop)


def test_a_store_that_is_growing_says_that_it_is_unfinished(store, once, tiny_spec):
    stopped(store, tiny_spec, 60, shards=3)
    assert recipe_of(store).clips == 60
    assert index_of(store) is None
    assert not (store / "index.json").exists()  # other libraries would believe it
    with pytest.raises(ArgumentError, match=r"of 8 shards committed; run the same materialize"):
        open_shards(store)
    committed = find_shards(store, unfinished=True)
    assert committed.held(np.array([15])).all()
    assert np.array_equal(
        StoredSource(committed, DEFAULT_FIELDS)[15]["video"], ClipSource(tiny_spec)[15]["video"]
    )
    report = verify(store, full=True)
    assert (report.ok, report.complete) == (True, False)
    with pytest.raises(ArgumentError, match="clips: given 20"):
        bake(store, tiny_spec, 20)
    bake(store, tiny_spec, 60)
    assert data(store) == data(once(60))


def test_a_repair_leaves_a_growing_store_growing(store, once, tiny_spec):
    """The short shard is no damage, and nor is an index that a kill left beside the new recipe."""
    index = (store / "index.json").read_bytes()
    commit = (store / ".trajdata" / "commits" / "000002.json").read_bytes()
    stopped(store, tiny_spec, 60, shards=2)
    shutil.copy(once(20) / "train-000002.tar", store)
    (store / ".trajdata" / "commits" / "000002.json").write_bytes(commit)
    for left in (b"", index):
        if left:
            (store / "index.json").write_bytes(left)
        report = repair(store)
        assert not report.moved_aside
        assert not report.complete
        assert verify(store, full=True).ok
        with pytest.raises(ArgumentError, match="of 8 shards committed"):
            open_shards(store)
    bake(store, tiny_spec, 60)
    assert data(store) == data(once(60))


@pytest.mark.slow
def test_who_reads_while_a_store_grows_sees_one_store_or_the_other(store, once, tiny_spec):
    due = ClipSource(tiny_spec).batch(range(400))["video"]
    sizes, unfinished, errors = set(), 0, []
    ended = threading.Event()

    def look():
        nonlocal unfinished
        while not ended.is_set():
            try:
                opened = open_shards(store, fields=("video",))
                batch = opened.batch(range(opened.clips))["video"]
                if not np.array_equal(batch, due[: opened.clips]):
                    errors.append("wrong bytes")
                sizes.add(opened.clips)
            except ArgumentError as error:
                if "run the same materialize command again" not in str(error):
                    errors.append(error)
                unfinished += 1
            except ShardError as error:
                # Opened before it grew, and then asked for the shard that has more clips now.
                if "train-" not in error.file or "bytes" not in str(error):
                    errors.append(error)

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for clips in range(60, 400, 20):
            bake(store, tiny_spec, clips, threads=2)
    finally:
        ended.set()
        for reader in readers:
            reader.join(timeout=SECONDS)
    assert not errors, errors[:3]
    assert len(sizes) > 1
    assert unfinished
    bake(store, tiny_spec, 400)
    assert data(store) == data(once(400))
