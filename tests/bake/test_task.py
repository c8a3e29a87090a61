"""Baking a shard is a function of a task: whoever calls it, the bytes are the same."""

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import pytest

from tests.patience import SECONDS
from tests.stores import names_in, store_of
from trajdata import ClipSource, ShardError, materialize
from trajdata._bake.agreement import agree
from trajdata._bake.run import materialize_on
from trajdata._bake.task import ShardTask, bake_shard
from trajdata._bake.verify import verify_on
from trajdata._store.contents import read_contents
from trajdata._store.memory import MemoryStore
from trajdata._store.names import RECIPE, TEMPS
from trajdata._store.ranges import read_whole

CLIPS, SHARD = 60, 8


@pytest.fixture(scope="module")
def source(tiny_spec):
    return ClipSource(tiny_spec, 3, "val")


@pytest.fixture(scope="module")
def recipe(source):
    return agree(MemoryStore(), source, clips=CLIPS, fields=None, shard_clips=SHARD)


@pytest.fixture(scope="module")
def tasks(recipe):
    return [ShardTask(recipe, shard) for shard in range(recipe.shards)]


@pytest.fixture
def store(tmp_path, recipe):
    made = store_of(tmp_path / "out")
    with made.lock():
        made.create(RECIPE, recipe.to_bytes())
    return made


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory, recipe, tasks):
    made = store_of(tmp_path_factory.mktemp("alone"))
    with made.lock():
        made.create(RECIPE, recipe.to_bytes())
    return [bake_shard(task, made) for task in tasks], data(made)


def data(store):
    """Every shard and commit record."""
    names = [name for name in names_in(store, "") if name.endswith(".tar")]
    names += [f".trajdata/commits/{name}" for name in names_in(store, ".trajdata/commits")]
    return {name: read_whole(store, name, 2**24) for name in names}


def spawned():
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


@pytest.mark.slow
@pytest.mark.parametrize("pool", [partial(ThreadPoolExecutor, 4), spawned])
def test_threads_and_processes_bake_the_bytes_that_one_by_one_come_out(
    store, tasks, one_by_one, pool
):
    commits, due = one_by_one
    with pool() as executor:
        found = list(
            executor.map(partial(bake_shard, store=store), reversed(tasks), timeout=SECONDS)
        )
    assert found == commits[::-1]
    assert data(store) == due
    assert len(due) == 2 * len(tasks)
    assert names_in(store, TEMPS) == []


def test_a_shard_that_two_bake_at_once_is_the_same_shard(store, tasks, one_by_one):
    with ThreadPoolExecutor(4) as executor:
        list(executor.map(partial(bake_shard, store=store), tasks * 4))
    assert data(store) == one_by_one[1]
    assert names_in(store, TEMPS) == []


def test_a_task_and_its_commit_travel_between_processes_and_are_small(tasks, one_by_one):
    tasks[0].recipe.layout.template.sum()  # what follows from a recipe does not travel
    for value in (tasks[0], one_by_one[0][0]):
        assert pickle.loads(pickle.dumps(value)) == value
        assert len(pickle.dumps(value)) < 4000


def test_what_a_callback_raises_ends_the_task_and_leaves_no_temp(store, tasks):
    told = []

    def stop(clips):
        told.append(clips)
        if clips > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bake_shard(tasks[0], store, on_clips=stop)
    assert told == [SHARD, -SHARD]
    assert data(store) == {}
    assert names_in(store, TEMPS) == []


def test_a_shard_that_does_not_come_to_its_promised_bytes_is_not_committed(store, recipe):
    with pytest.raises(ShardError, match=r"expected SHA-256 0000.* when rendered again"):
        bake_shard(ShardTask(recipe, 0, "0" * 64), store)
    assert data(store) == {}
    assert names_in(store, TEMPS) == []


def test_a_bake_in_memory_is_the_bake_in_a_folder(tmp_path, source):
    memory, seen = MemoryStore(), []
    settings = {"clips": CLIPS, "shard_clips": SHARD}
    report = materialize_on(memory, source, threads=2, on_progress=seen.append, **settings)
    assert (report.where, report.clips_written) == ("memory:", CLIPS)
    assert (seen[-1].status, seen[-1].disk_free_bytes) == ("done", None)
    assert "disk free    -\n" in read_whole(memory, "PROGRESS.txt", 2**20).decode()
    folder = tmp_path / "out"
    materialize(source, folder, threads=1, **settings)
    for name in (*data(store_of(folder)), "index.json", "preview.png", ".trajdata/recipe.json"):
        assert read_whole(memory, name, 2**24) == (folder / name).read_bytes(), name
    assert verify_on(memory, full=True, rerender=5).ok
    assert materialize_on(memory, source, **settings).clips_written == 0


def test_a_bake_in_memory_is_resumed_too(source):
    memory = MemoryStore()

    def stop(report):
        if report.shards_done >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        materialize_on(memory, source, clips=CLIPS, shard_clips=SHARD, threads=1, on_progress=stop)
    done = len(read_contents(memory).committed)
    assert 2 <= done < 8
    memory.remove("val-000001.tar")
    assert materialize_on(memory, source, clips=CLIPS).shards_written == 8 - done + 1
    assert verify_on(memory, full=True).ok


def test_a_shard_has_its_name_before_its_commit_record_has(recipe, tasks):
    """A record without its shard would be a promise that nobody can keep after a power loss."""

    class Ordered(MemoryStore):
        named = ()

        def put(self, name, chunks, size, *, durable=True):
            super().put(name, chunks, size, durable=durable)
            assert durable
            self.named = (*self.named, name)

    store = Ordered()
    store.create(RECIPE, recipe.to_bytes())
    bake_shard(tasks[1], store)
    assert store.named == ("val-000001.tar", ".trajdata/commits/000001.json")
