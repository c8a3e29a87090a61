"""Something goes wrong while commit records are folded, and no record is ever lost."""

import shutil

import pytest

from tests.stores import store_of
from tests.torture.fault_disk import CODES, FaultDisk, Killed
from tests.torture.power import RecordingDisk, crash_states
from tests.torture.tiny import SHARDS, bake, shards, tree
from trajdata._shards import commit_range
from trajdata._store.contents import read_contents
from trajdata._store.disk import Disk
from trajdata._store.names import COMMITS

pytestmark = [pytest.mark.torture, pytest.mark.timeout(3000)]

RANGE = "000000-000001.json"


@pytest.fixture
def starts(fast, monkeypatch):
    """Folders from which a bake folds: nothing, all records single, some single beside a range."""
    bake(Disk(fast / "single"), threads=1)
    monkeypatch.setattr(commit_range, "RANGE_SHARDS", 2)
    bake(Disk(fast / "folded"), threads=1)
    shutil.copytree(fast / "folded", fast / "both")
    shutil.copy(fast / "single" / COMMITS / "000001.json", fast / "both" / COMMITS)
    for name in ("single", "both"):
        (fast / name / "index.json").unlink()
    return {"nothing": None, "single": fast / "single", "both": fast / "both"}


def begun(folder, start):
    if start is not None:
        shutil.copytree(start, folder)
    return folder


def recorded(names):
    """The shards of which a file of some names has the record."""
    found = {int(name[:6]) for name in names if len(name) == len("000000.json")}
    return found | ({0, 1} if RANGE in names else set())


@pytest.mark.parametrize("start", ["nothing", "single", "both"])
@pytest.mark.parametrize("fault", ["kill", "kill after", "short", *CODES])
def test_a_fault_at_every_operation_loses_no_record(fast, starts, count, part, fault, start):
    folder, due, trials = fast / "out", tree(fast / "folded"), 0
    due_shards = shards(fast / "folded")
    assert f"{COMMITS}/{RANGE}" in due
    calm = FaultDisk(begun(folder, starts[start]))
    bake(calm, threads=1)
    assert tree(folder) == due
    shutil.rmtree(folder)
    for at in part(range(len(calm.log))):
        disk, reports = FaultDisk(begun(folder, starts[start]), at, fault), []
        try:
            bake(disk, threads=1, on_progress=reports.append)
        except Killed:
            assert fault.startswith("kill")
        except OSError:
            assert not fault.startswith("kill")
        commits = folder / COMMITS
        names = {path.name for path in commits.iterdir()} if commits.is_dir() else set()
        safe = (
            SHARDS
            if start != "nothing"
            else max((report.shards_done for report in reports), default=0)
        )
        assert len(recorded(names)) >= safe, (at, disk.log[at])
        if names:
            contents = read_contents(store_of(folder))  # nothing half, nothing contradicts
            assert set(contents.commits) == recorded(names) == set(contents.present)
        held = shards(folder)
        assert held.items() <= due_shards.items()
        bake(Disk(folder), threads=1)
        assert tree(folder) == due, (at, disk.log[at])
        shutil.rmtree(folder)
        trials += 1
    count(trials, f"trials of {fault} while records are folded, from {start}")


@pytest.mark.parametrize("start", ["nothing", "single", "both"])
def test_a_power_loss_loses_no_record(fast, starts, count, part, start):
    folder, due = fast / "out", tree(fast / "folded")
    before = {}
    if starts[start] is not None:
        before = {
            path.relative_to(starts[start]).as_posix(): path.read_bytes()
            for path in starts[start].rglob("*")
            if path.is_file()
        }
    disk = RecordingDisk(begun(folder, starts[start]))
    bake(disk, threads=1, on_progress=disk.claim)
    shutil.rmtree(folder)
    states = resumed = 0
    for _, medium, state in part(crash_states(disk.log, before or None, 4000, seed=1)):
        names = {name.rpartition("/")[2] for name in state if name.startswith(COMMITS)}
        safe = SHARDS if start != "nothing" else medium.claimed
        assert len(recorded(names)) >= safe
        states += 1
        if states % 40 == 0:
            for name, content in state.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
            bake(Disk(folder), threads=1)
            assert tree(folder) == due
            shutil.rmtree(folder)
            resumed += 1
    count(states, f"crash states while records are folded, from {start}; {resumed} resumed")
