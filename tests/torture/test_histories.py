"""Any history of a folder ends in the same bytes: starts, kills, damage, strangers, repairs."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.torture.fault_disk import CODES, FaultDisk, Killed
from tests.torture.tiny import CLIPS, SHARDS, SPEC, bake, tree
from trajdata._bake.repair import repair
from trajdata._bake.run import materialize
from trajdata._bake.verify import verify
from trajdata._clips.source import ClipSource
from trajdata._errors import LockedError, ShardError, SpecMismatchError
from trajdata._reading.committed import find_shards
from trajdata._shards import commit_range
from trajdata._store.disk import Disk
from trajdata._store.lock import FolderLock

pytestmark = [pytest.mark.torture, pytest.mark.timeout(3000)]

HISTORIES, STEPS = 250, 15


@pytest.mark.parametrize("range_shards", [1000, 2])
def test_any_history_ends_in_the_same_bytes(fast, count, part, monkeypatch, range_shards):
    monkeypatch.setattr(commit_range, "RANGE_SHARDS", range_shards)
    reference = fast / "reference"
    bake(Disk(reference), threads=1)
    due = tree(reference)
    whole = {path.name: path.read_bytes() for path in reference.glob("*.tar")}
    clips = ClipSource(SPEC).batch(range(CLIPS))["video"]
    memory = Path("/dev/shm")
    taken = {"histories": 0, "steps": 0}

    # No preconditions: what is there depends on how threads raced, and Hypothesis draws again.
    class Histories(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.base = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
            self.folder = self.base / "out"
            self.damaged = set()
            taken["histories"] += 1

        def teardown(self):
            try:
                if self.exists():
                    repair(self.folder, threads=1)
                bake(Disk(self.folder), threads=1)
                shutil.rmtree(self.folder / ".trajdata" / "aside", ignore_errors=True)
                assert tree(self.folder) == due
                assert verify(self.folder, full=True).ok
            finally:
                shutil.rmtree(self.base)

        def exists(self):
            return (self.folder / ".trajdata" / "recipe.json").exists()

        def begin(self, disk, threads):
            """A bake; it may refuse a folder with a damaged index, and nothing else."""
            taken["steps"] += 1
            try:
                bake(disk, threads=threads)
            except ShardError:
                assert self.damaged
            finally:
                self.forgive()

        def forgive(self):
            """What a bake or a repair has made again is damaged no more."""
            self.damaged = {
                name
                for name in self.damaged
                if not (self.folder / name).exists()
                or (self.folder / name).read_bytes() != whole.get(name)
            }

        @rule(threads=st.sampled_from((1, 4)))
        def start(self, threads):
            self.begin(Disk(self.folder), threads)

        @rule(at=st.integers(0, 160), threads=st.sampled_from((1, 4)), late=st.booleans())
        def kill(self, at, threads, late):
            disk = FaultDisk(self.folder, at, "kill after" if late else "kill")
            with contextlib.suppress(Killed):
                self.begin(disk, threads)

        @rule(at=st.integers(0, 160), code=st.sampled_from(CODES), lasting=st.booleans())
        def fail(self, at, code, lasting):
            with contextlib.suppress(OSError):
                self.begin(FaultDisk(self.folder, at, code, lasting), 2)

        @rule(which=st.integers(0, SHARDS - 1), at=st.integers(0, 10**6), lose=st.booleans())
        def damage(self, which, at, lose):
            if not any(self.folder.glob("*.tar")):
                return
            taken["steps"] += 1
            paths = sorted(self.folder.glob("*.tar"))
            path = paths[which % len(paths)]
            content = bytearray(path.read_bytes())
            content[at % len(content)] ^= 1
            path.unlink() if lose else path.write_bytes(content)
            self.damaged.add(path.name)
            if not lose:
                self.forgive()  # the same bit twice

        @rule(at=st.integers(0, 10**6), lose=st.booleans())
        def damage_index(self, at, lose):
            if not (self.folder / "index.json").exists():
                return
            taken["steps"] += 1
            path = self.folder / "index.json"
            path.unlink() if lose else path.write_bytes(path.read_bytes()[: at % 2000])
            # A lost index is that of a bake which is not finished yet.
            (self.damaged.discard if lose else self.damaged.add)(path.name)

        @rule()
        def ask_for_another_stream(self):
            if not self.exists():
                return
            taken["steps"] += 1
            before = tree(self.folder)
            with pytest.raises((SpecMismatchError, ShardError)):
                materialize(ClipSource(SPEC, 1), self.folder, clips=CLIPS)
            assert tree(self.folder) == before

        @rule()
        def be_a_second_writer(self):
            if not self.exists():
                return
            taken["steps"] += 1
            with FolderLock(Disk(self.folder)):
                before = tree(self.folder)
                complete = "index.json" in before
                with contextlib.suppress(LockedError, ShardError):
                    bake(Disk(self.folder), threads=1)
                    assert complete  # and so there was nothing to write
                assert tree(self.folder) == before

        @rule()
        def look(self):
            if not self.exists():
                return
            taken["steps"] += 1
            report = verify(self.folder, full=True)
            records = {path.stem for path in (self.folder / ".trajdata" / "commits").iterdir()}
            if "000000-000001" in records:
                records |= {"000000", "000001"}
            for name in self.damaged:
                known = name == "index.json" or Path(name).stem[-6:] in records
                assert not known or not report.ok, (name, report)
            if not self.damaged:
                assert report.ok, report

        @rule()
        def mend(self):
            if not self.exists():
                return
            taken["steps"] += 1
            repair(self.folder, threads=1)
            self.damaged.clear()
            assert verify(self.folder, full=True).ok

        @rule()
        def read(self):
            if not self.exists():
                return
            taken["steps"] += 1
            try:
                shards = find_shards(self.folder, unfinished=True)
            except ShardError:
                assert self.damaged
                return
            for index in range(CLIPS):
                name = f"train-{index // 2:06d}.tar"
                if shards.held(np.array([index]))[0] and name not in self.damaged:
                    video = shards.batch(("video",), [index], {})["video"][0]
                    assert (video == clips[index]).all()

        @invariant()
        def every_file_under_a_final_name_is_whole(self):
            for path in self.folder.glob("*.tar"):
                if path.name not in self.damaged:
                    assert path.read_bytes() == whole[path.name]

    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=HISTORIES // 10 if part.is_cut else HISTORIES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],  # a history is short enough to be read as it is
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    what = f"histories of a folder with ranges of {range_shards}, {taken['steps']:,} steps in all"
    count(taken["histories"], what)
