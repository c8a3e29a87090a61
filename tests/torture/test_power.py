"""The power goes at any instant of a bake, and what was not synced is gone."""

import contextlib
import errno
import inspect
import os
import shutil
import textwrap

import pytest

from tests.torture.fault_disk import FaultDisk, Killed
from tests.torture.power import RecordingDisk, crash_states
from tests.torture.tiny import LIVELY, SHARDS, bake, tree
from trajdata._bake import commit, progress, run
from trajdata._errors import ShardError
from trajdata._store import folder as folders
from trajdata._store import writing
from trajdata._store.disk import Disk

pytestmark = pytest.mark.torture

ORDER = ("open", "write", "check", "sync", "close", "name", "sync folder")
"""Of a commit, as the contract has it."""


class SpoiltError(Exception):
    """The state after a crash breaks a promise."""


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def record(folder, threads):
    disk = RecordingDisk(folder)
    bake(disk, threads=threads, on_progress=disk.claim)
    return disk.log


def check(state, medium, due, keep=()):
    """Raise where a state breaks a promise.

    Args:
        state: path -> bytes, as ``crash_states`` makes it.
        medium: for what the bake had claimed by then.
        due: the same of a whole folder.
        keep: bytes that must be there under some name.
    """
    recorded = 0
    for shard in range(SHARDS):
        name, commit_name = f"train-{shard:06d}.tar", f".trajdata/commits/{shard:06d}.json"
        if name in state and state[name] != due[name] and state[name] not in keep:
            raise SpoiltError(f"{name} is not whole")
        if commit_name in state:
            if state[commit_name] != due[commit_name]:
                raise SpoiltError(f"{commit_name} is not whole")
            if state.get(name) != due[name] and state.get(name) not in keep:
                if not keep:
                    raise SpoiltError(f"{commit_name} speaks of a shard that is not there")
            else:
                recorded += 1
    if recorded < medium.claimed:
        raise SpoiltError(f"{medium.claimed} shards were said to be safe, {recorded} are there")
    for name in ("index.json", ".trajdata/recipe.json", "README.md", "preview.png"):
        if name in state and state[name] != due[name]:
            raise SpoiltError(f"{name} is not whole")
    if not state.keys().isdisjoint(progress.LIVELY) and ".trajdata/recipe.json" not in state:
        raise SpoiltError("nobody can tell what the folder is")
    if "index.json" in state:
        if not {"README.md", "preview.png"} <= state.keys():
            raise SpoiltError("an index, and not all that comes before it")
        if not keep and recorded < SHARDS:
            raise SpoiltError("an index, and not all shards")
    elif medium.claimed_done:
        raise SpoiltError("it was said to be complete")
    for content in keep:
        if content not in state.values():
            raise SpoiltError("what was moved aside is lost")


def record_killed(folder, dies_at):
    """The log of a run that was killed and of the one that resumed it, and where that begins."""
    dying = RecordingDisk(folder, dies_at=dies_at)
    with contextlib.suppress(Killed):
        bake(dying, threads=1, on_progress=dying.claim)
    disk = RecordingDisk(folder, dying.log)
    bake(disk, threads=1, on_progress=disk.claim)
    shutil.rmtree(folder)
    return disk.log, len(dying.log)


def write_out(state, folder):
    for name, content in state.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.mark.parametrize("threads", [1, 4])
def test_no_crash_state_breaks_a_promise_and_each_resumes(fast, reference, count, part, threads):
    due, due_tree = files(reference), tree(reference)
    log = record(fast / "out", threads)
    resumed = states = 0
    for _, medium, state in part(crash_states(log, None, 8000, seed=threads)):
        check(state, medium, due)
        states += 1
        if states % 40 == 0:
            folder = fast / "after"
            folder.mkdir()
            write_out(state, folder)
            bake(Disk(folder), threads=threads)
            assert tree(folder) == due_tree
            shutil.rmtree(folder)
            resumed += 1
    count(states, f"crash states with {threads} threads")
    count(resumed, "of them written out and resumed")


def test_a_kill_and_then_a_power_loss_break_no_promise(fast, reference, count, part):
    due = files(reference)
    states = 0
    for dies_at in part(range(len(record(fast / "once", 1)))):
        log, first = record_killed(fast / "out", dies_at)
        for _, medium, state in crash_states(log, None, 200, seed=dies_at, first=first):
            check(state, medium, due)
            states += 1
    count(states, "crash states of bakes that had been killed before, at every operation")


def damaged_folder(folder, reference):
    """A folder of which one committed shard is damaged, and another was left half by someone."""
    shutil.copytree(reference, folder)
    (folder / "index.json").unlink()
    (folder / ".trajdata" / "commits" / "000000.json").unlink()
    keep = []
    for name, offset in (("train-000000.tar", 5000), ("train-000002.tar", 3000)):
        content = bytearray((folder / name).read_bytes())
        content[offset] ^= 1
        (folder / name).write_bytes(content)
        keep.append(bytes(content))
    return keep


def test_what_is_moved_aside_survives_too(fast, reference, count, part):
    folder = fast / "damaged"
    keep = damaged_folder(folder, reference)
    initial = files(folder)
    log = record(folder, 1)
    due = files(reference)
    states = 0
    for _, medium, state in part(crash_states(log, initial, 4000, seed=5)):
        medium.claimed = min(medium.claimed, 1)
        check(state, medium, due, keep)
        states += 1
    count(states, "crash states of a bake that moves damaged shards aside")


# Each mutant: the function, what is taken out of it, what is put there instead.
SYNC = "            _sync_or_say(lambda: disk.sync(file), temp)\n"
SYNC_FOLDER = "    _sync_or_say(lambda: disk.sync_folder(os.path.dirname(final)), final)\n"
RENAME = "        disk.rename(temp, final)\n"
CLOSE = "        finally:\n            disk.close(file)\n"
WRITE = "            for chunk in chunks:\n                _write_fully(disk, file, chunk)\n"
SIZE = "            found = disk.written(file)\n"
MUTANTS = {
    "no fsync of a file": (writing.commit_chunks, SYNC, ""),
    "no fsync of a folder": (writing.commit_chunks, SYNC_FOLDER, ""),
    "fsync before the bytes are written": (writing.commit_chunks, WRITE, SYNC + WRITE, SYNC, ""),
    "size checked before the bytes are written": (
        *(writing.commit_chunks, WRITE, SIZE + WRITE),
        *(SIZE, ""),
    ),
    "size checked after the fsync": (writing.commit_chunks, SIZE, SYNC + SIZE, SYNC, ""),
    "size not checked": (writing.commit_chunks, "if found != size:", "if False:"),
    "fsync after close": (
        *(writing.commit_chunks, CLOSE, f"{CLOSE}    {SYNC}".replace("    " * 4, "    " * 2)),
        *(SYNC, ""),
    ),
    "rename before close": (
        *(writing.commit_chunks, SYNC, f"{SYNC}    {RENAME}"),
        *(f"{RENAME}    except", "    except"),
    ),
    "rename before fsync": (
        *(writing.commit_chunks, SYNC, f"    {RENAME}{SYNC}"),
        *(f"{RENAME}    except", "    except"),
    ),
    "fsync of the folder before rename": (
        *(writing.commit_chunks, RENAME, f"    {SYNC_FOLDER}{RENAME}"),
        *(f"        raise\n{SYNC_FOLDER}", "        raise\n"),
    ),
    "temp not removed": (writing.commit_chunks, "        _remove_temp(disk, temp)\n", ""),
    "no fsync of the recipe": (writing.create_file, SYNC, ""),
    "no fsync of the recipe's folder": (writing.create_file, SYNC_FOLDER, ""),
    "size of the recipe not checked": (
        writing.create_file,
        SIZE,
        "            found = len(data)\n",
    ),
    "the recipe's temp not removed": (
        *(writing.create_file, "        disk.remove(temp)\n    _sync", "        pass\n    _sync"),
    ),
    "commit record before shard": (
        *(commit.commit_shard, "    put_commit_record(store, commit)\n", ""),
        "        # here leaves the name as it was.\n",
        "        put_commit_record(store, Commit.of(recipe, shard, digest.hexdigest(), "
        "tuple(labels)))\n",
        *("    commit = Commit.of(", "    commit = Commit.of("),
    ),
    "folders not synced": (folders.make_folders, "        disk.sync_folder(name)", "        pass"),
    "commit records' folder not synced": (folders.make_folders, "(COMMITS, HIDDEN", "(HIDDEN"),
    "hidden folder not synced": (folders.make_folders, "(COMMITS, HIDDEN,", "(COMMITS,"),
    "folder not synced": (folders.make_folders, 'HIDDEN, ""):', "HIDDEN):"),
    "folder above not synced": (folders.make_folders, "_folders_above(disk)", "()"),
    "folder above synced only when it is new": (
        *(folders.make_folders, '    disk.make_folder("")\n'),
        '    new = not disk.root.exists()\n    disk.make_folder("")\n',
        *('if HIDDEN not in disk.list_folder("")', "if new"),
    ),
    "aside's own name not synced": (
        *(folders.FolderStore.set_aside, "    self.disk.sync_folder(HIDDEN)\n", ""),
    ),
    "aside not synced": (
        *(folders.FolderStore.set_aside, "    self.disk.sync_folder(ASIDE)\n", ""),
    ),
    "shard written in the place of a damaged one": (
        *(commit._make_way, "        store.set_aside(name)", "        pass"),
    ),
    "index before the card": (
        *(run.complete, "    shown = ", "{INDEX_LINES}    shown = "),
        *("{AFTER}", "{AFTER}"),
    ),
    "temps not cleared": (run.begin, "cleared = store.clear_temps()", "cleared = 0"),
    "recipe not written": (*(run.begin, "store.create(RECIPE, recipe.to_bytes())", "pass"),),
}


CAUGHT = (SpoiltError, OSError, ValueError, ShardError, pytest.fail.Exception)


def mutate(name, monkeypatch):
    """Rewrite the function's text, compile it and put the new code into the old function."""
    function, *changes = MUTANTS[name]
    text = textwrap.dedent(inspect.getsource(function))
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        if name == "index before the card":
            at = text.index("    index = Index(")
            text = text[:at].replace("    shown = ", text[at:] + "    shown = ", 1)
            break
        found = text.count(old)
        assert found in (1, 2), f"{name}: {old!r} is there {found} times"
        if found == 1:
            text = text.replace(old, new)
        else:  # the first is what a change before this one put there
            head, _, tail = text.rpartition(old)
            text = head + new + tail
    names = {}
    exec(compile(text, f"<{name}>", "exec"), function.__globals__, names)
    assert names[function.__name__].__code__ != function.__code__
    monkeypatch.setattr(function, "__code__", names[function.__name__].__code__)


class LossyDisk(Disk):
    """Says that it wrote everything, and did not."""

    def __init__(self, root):
        super().__init__(root)
        self._shards = set()

    def open_new(self, name):
        file = super().open_new(name)
        if ".tar." in name:
            self._shards.add(file)
        return file

    def close(self, file):
        self._shards.discard(file)
        super().close(file)

    def write(self, file, data):
        if file in self._shards:
            super().write(file, data[:-1])
            return len(data)
        return super().write(file, data)


def check_order(log):
    """Every file that is committed, and not just replaced, goes the way of the contract."""
    steps, named = {}, {}
    for event in log:
        kind = event[0]
        if kind == "open":
            steps[event[1]], named[event[2]] = [kind], event[1]
        elif kind in ("write", "check", "sync", "close"):
            if steps[event[1]][-1] != kind:
                steps[event[1]].append(kind)
        elif kind in ("rename", "link") and event[1] in named:
            node = named.pop(event[1])
            steps[node].append("name")
            named[event[2]] = node
        elif kind == "sync folder":
            for name, node in named.items():
                if name.rpartition("/")[0] == event[1] and "sync folder" not in steps[node]:
                    steps[node].append(kind)
    for name, node in named.items():
        if name not in LIVELY and tuple(steps[node]) != ORDER:
            raise SpoiltError(f"{name}: {steps[node]}")


def attack(fast, reference):
    """All that is done to the bake, on a small scale. Raises where something breaks."""
    due, due_tree = files(reference), tree(reference)
    log = record(fast / "out", 1)
    for _, medium, state in crash_states(log, None, 1500, seed=1):
        check(state, medium, due)
    for at, event in enumerate(log):
        is_named = event[0] in ("rename", "link") and event[2] not in LIVELY
        if event[0] == "mkdir" or is_named:
            both, first = record_killed(fast / "killed", at + 1)
            for _, medium, state in crash_states(both, None, 0, seed=at, first=first):
                check(state, medium, due)
    keep = damaged_folder(fast / "damaged", reference)
    initial = files(fast / "damaged")
    for _, medium, state in crash_states(record(fast / "damaged", 1), initial, 1500, seed=2):
        medium.claimed = min(medium.claimed, 1)
        check(state, medium, due, keep)
    check_order(log)
    with pytest.raises((OSError, ShardError)):
        bake(LossyDisk(fast / "lossy"), threads=1)
    counted = FaultDisk(fast / "counted")
    bake(counted, threads=1)
    for at, step in enumerate(counted.log):
        for fault in {"write": ("kill", "ENOSPC"), "sync": ("EIO",)}.get(step, ()):
            folder = fast / "faulty"
            try:
                bake(FaultDisk(folder, at, fault), threads=1)
            except Killed:
                pass
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EIO):
                    raise SpoiltError(f"{fault} looks like {error}") from error
                if os.listdir(folder / ".trajdata" / "tmp"):
                    raise SpoiltError("a temp is left") from error
            else:
                if os.listdir(folder / ".trajdata" / "tmp"):
                    raise SpoiltError("a temp is left by a bake that came through")
            bake(Disk(folder), threads=1)
            if tree(folder) != due_tree:
                raise SpoiltError("other bytes after resuming")
            shutil.rmtree(folder)


def test_the_attack_that_is_to_catch_the_mutants_lets_the_real_bake_pass(fast, reference):
    attack(fast, reference)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_bake_with_a_step_taken_out_or_swapped_is_caught(
    fast, reference, count, monkeypatch, name
):
    mutate(name, monkeypatch)
    with pytest.raises(CAUGHT) as caught:
        attack(fast, reference)
    count(1, f"mutant caught: {name} ({type(caught.value).__name__}: {caught.value!s:.60})")
