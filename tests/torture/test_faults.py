"""Something goes wrong at every file operation of a bake, and nothing is spoilt."""

import errno
import os
import shutil

import pytest

from tests.torture.fault_disk import CODES, FaultDisk, Killed
from tests.torture.tiny import SHARDS, bake, shards, tree
from trajdata._store.disk import Disk

pytestmark = pytest.mark.torture

LASTING = ("ENOSPC", "EDQUOT", "EROFS", "EIO")


def operations(folder, threads):
    """How many a bake has without a fault."""
    disk = FaultDisk(folder)
    bake(disk, threads=threads)
    shutil.rmtree(folder)
    return len(disk.log)


def check_wreck(folder, reference):
    """A file under a final name is whole, an index stands for everything."""
    held = shards(folder)
    due = shards(reference)
    for name, content in held.items():
        assert content == due[name], name
    records = folder / ".trajdata" / "commits"
    for record in records.iterdir() if records.is_dir() else ():
        assert f"train-{record.stem}.tar" in held, record
    if (folder / "index.json").exists():
        assert len(held) == SHARDS
    return held


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("fault", ["kill", "kill after", "short", *CODES])
def test_a_fault_at_every_operation_spoils_nothing(fast, reference, count, part, fault, threads):
    folder = fast / "out"
    due = tree(reference)
    trials = 0
    # With threads the order differs from run to run, so some more than once counted.
    number = operations(folder, threads) + (8 if threads > 1 else 0)
    for lasting in (False, True) if fault in LASTING else (False,):
        for at in part(range(number)):
            disk = FaultDisk(folder, at, fault, lasting)
            try:
                bake(disk, threads=threads)
            except Killed:
                assert fault.startswith("kill")
            except OSError as error:
                assert error.errno in (getattr(errno, fault, None), errno.EIO), error
            held = check_wreck(folder, reference)
            temps = folder / ".trajdata" / "tmp"
            if not fault.startswith("kill") and not lasting and temps.is_dir():
                assert disk.log[at : at + 1] == ["remove"] or os.listdir(temps) == []
            bake(Disk(folder), threads=1 + at % 2)
            assert tree(folder) == due, (fault, threads, at, disk.log[at : at + 1])
            assert held.items() <= shards(folder).items()
            shutil.rmtree(folder)
            trials += 1
    count(trials, f"trials of {fault} with {threads} threads, one at every file operation")
