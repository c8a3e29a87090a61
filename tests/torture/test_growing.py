"""A store that is made to grow is killed, starved and cut off at every operation."""

import errno
import shutil

import pytest

from tests.stores import store_of
from tests.torture.fault_disk import CODES, FaultDisk, Killed
from tests.torture.power import RecordingDisk, crash_states
from tests.torture.tiny import CLIPS, SHARD_CLIPS, SPEC, tree
from trajdata._bake.run import materialize_on
from trajdata._clips.source import ClipSource
from trajdata._errors import ShardError
from trajdata._store.contents import read_contents
from trajdata._store.disk import Disk
from trajdata._store.folder import FolderStore
from trajdata._store.ranges import file_sha256

pytestmark = [pytest.mark.torture, pytest.mark.timeout(3000)]

GROWN = 9
"""From 5 clips in shards of 2, 2 and 1 to 9 in shards of 2, 2, 2, 2 and 1."""


def grow(disk, threads=1, on_progress=None):
    try:
        materialize_on(
            FolderStore(disk),
            ClipSource(SPEC),
            clips=GROWN,
            threads=threads,
            shard_clips=SHARD_CLIPS,
            on_progress=on_progress,
        )
    finally:
        disk.close_folders()


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grown") / "out"
    grow(Disk(folder))
    yield folder
    shutil.rmtree(folder)


def check_readable(folder, before, after):
    """Whatever is promised is there, to the byte, in the old store or in the new one."""
    store = store_of(folder)
    contents = read_contents(store)
    assert contents.recipe.clips in (CLIPS, GROWN)
    due = before if contents.recipe.clips == CLIPS else after
    for shard in contents.present:
        name = contents.recipe.shard_name(shard)
        assert file_sha256(store, name) == due[name], name
        assert contents.promised[shard] == due[name], name
    if contents.index is not None:
        assert len(contents.present) == contents.recipe.shards
    store.close()


@pytest.mark.parametrize("fault", ["kill", "kill after", "short", *CODES])
@pytest.mark.parametrize("threads", [1, 4])
def test_a_fault_at_every_operation_of_growing_spoils_nothing(
    fast, reference, grown, count, part, fault, threads
):
    folder, due, before = fast / "out", tree(grown), tree(reference)
    shutil.copytree(reference, folder)
    counting = FaultDisk(folder)
    grow(counting, threads)
    trials = 0
    for at in part(range(len(counting.log) + (8 if threads > 1 else 0))):
        shutil.rmtree(folder)
        shutil.copytree(reference, folder)
        disk = FaultDisk(folder, at, fault)
        try:
            grow(disk, threads)
        except Killed:
            assert fault.startswith("kill")
        except OSError as error:
            assert error.errno in (getattr(errno, fault, None), errno.EIO), error
        check_readable(folder, before, due)
        grow(Disk(folder), 1 + at % 2)
        assert tree(folder) == due, (fault, threads, at, disk.log[at : at + 1])
        trials += 1
    shutil.rmtree(folder)
    count(trials, f"trials of {fault} while a store grows with {threads} threads")


def test_no_power_loss_while_a_store_grows_leaves_wrong_bytes_and_each_resumes(
    fast, reference, grown, count, part
):
    before, due = tree(reference), tree(grown)
    initial = {
        path.relative_to(reference).as_posix(): path.read_bytes()
        for path in reference.rglob("*")
        if path.is_file()
    }
    folder = fast / "out"
    shutil.copytree(reference, folder)
    disk = RecordingDisk(folder)
    grow(disk, on_progress=disk.claim)
    shutil.rmtree(folder)
    states = 0
    for _, medium, state in part(crash_states(disk.log, initial, 2000, seed=7)):
        for name, content in state.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        check_readable(folder, before, due)
        if medium.claimed_done:
            assert "index.json" in state
        try:
            grow(Disk(folder))
        except ShardError as error:
            raise AssertionError(f"{sorted(state)}: {error}") from error
        assert tree(folder) == due
        shutil.rmtree(folder)
        states += 1
    count(states, "crash states of a store that grows, each read and resumed")
