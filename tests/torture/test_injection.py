"""The real command, with the kernel made to fail one of its system calls, or to kill it there.

The command runs once to list the calls that it makes on its folder, and then anew for each of
them and each fault.
"""

import errno
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.stores import progress_of
from tests.torture.fault_disk import CODES
from tests.torture.strace import (
    KINDS,
    Operation,
    injected,
    operations,
    reason_against,
    traced,
    watched,
)
from tests.torture.tiny import tree
from trajdata._bake.progress import LIVELY
from trajdata._bake.run import materialize
from trajdata._clips.source import ClipSource
from trajdata._errors import ShardError
from trajdata._spec.presets import preset

pytestmark = [pytest.mark.torture, pytest.mark.timeout(3000)]

CLIPS, SHARD_CLIPS = 160, 64
"""Two shards are large enough to be written early, the last is not."""

TEMPS = ".trajdata/tmp/"
DONE, TRY_LATER = 0, 75

CHANGES = {"create", "write", "truncate", "mkdir", "rename", "link", "unlink"}
"""What a kill may come in front of to leave another folder; its fsyncs change nothing to see."""

ERRORS = {
    "create": CODES,
    "open": ("EIO", "EACCES", "EMFILE", "EINTR"),
    "read": ("EIO", "EINTR"),
    "write": ("ENOSPC", "EDQUOT", "EIO", "EINTR"),
    "truncate": ("EIO", "EROFS", "EINTR"),
    "fsync": ("EIO", "ENOSPC", "EDQUOT", "EINTR"),
    "close": ("EIO", "ENOSPC", "EDQUOT", "EINTR"),
    "lock": ("EIO", "ENOLCK", "EINTR"),
    "mkdir": ("ENOSPC", "EDQUOT", "EIO", "EROFS", "EACCES", "EINTR"),
    "rename": ("ENOSPC", "EDQUOT", "EIO", "EROFS", "EACCES", "EINTR"),
    "link": ("ENOSPC", "EDQUOT", "EIO", "EROFS", "EACCES"),
    "unlink": ("EIO", "EROFS", "EACCES", "EINTR"),
    "stat": ("EIO", "EACCES", "EINTR"),
    "access": ("EIO", "EACCES"),
    "list": ("EIO", "EINTR"),
    "statfs": ("EIO", "EACCES", "EINTR"),
    "copy": ("EMFILE",),
    "map": ("ENOMEM", "EACCES"),
    "advise": ("EIO",),
}
TIMES = 2
"""Operations that each error of a kind is put into, where there are as many."""

RETRIED = {"create", "read", "write", "truncate", "fsync", "lock"}
"""Calls that Python makes again when a signal interrupts them."""


@dataclass(frozen=True)
class Start:
    """What the command finds, and which of its operations are attacked from there.

    Attributes:
        prepare: makes the folder, given a complete one.
        first: the first of them is the first on this path; "" for the very first.
        end: they end before the first on this path; "" for the very end.
    """

    prepare: Callable[[Path, Path], None]
    first: str = ""
    end: str = ""

    @property
    def name(self):
        return self.prepare.__name__

    def part_of(self, listed):
        paths = [operation.path for operation in listed]
        first = paths.index(self.first) if self.first else 0
        return listed[first : paths.index(self.end) if self.end else None]


@dataclass(frozen=True)
class Trial:
    """One run of the command.

    Attributes:
        start: where it begins.
        fault: as strace takes it.
        operation: the one that goes wrong; None for many.
        options: of strace, with "{home}" for the folder around the bake's.
        allowed: exit codes, as subprocess has them.
        threads: of the command.
    """

    start: Start
    fault: str
    operation: Operation | None
    options: tuple[str, ...]
    allowed: frozenset[int]
    threads: int

    def __str__(self):
        where = self.operation or "everywhere"
        return f"{self.fault} from {self.start.name} with {self.threads} threads, {where}"


def nothing(whole, folder):
    """Not even a folder."""


def complete_but_for_the_end(whole, folder):
    shutil.copytree(whole, folder)
    for name in ("preview.png", "README.md", "index.json", *LIVELY):
        (folder / name).unlink()


def killed_and_damaged(whole, folder):
    """One shard is committed, one has a flipped bit, one lacks its record; temps lie about."""
    complete_but_for_the_end(whole, folder)
    for shard in (1, 2):
        (folder / f".trajdata/commits/00000{shard}.json").unlink()
    shard = folder / "train-000001.tar"
    content = bytearray(shard.read_bytes())
    content[1000] ^= 1
    shard.write_bytes(content)
    for name in (shard.name, LIVELY[0]):
        (folder / TEMPS / f"{name}.0").write_bytes(content[:5000])


STARTS = (
    Start(nothing, end=f"out/{TEMPS}preview.png.0"),
    Start(killed_and_damaged, end=f"out/{TEMPS}000002.json.0"),
    Start(complete_but_for_the_end, first=f"out/{TEMPS}preview.png.0"),
)


def bake(folder, threads):
    spec = preset("gray-32")
    materialize(ClipSource(spec), folder, clips=CLIPS, shard_clips=SHARD_CLIPS, threads=threads)


def command(folder, threads):
    words = ["materialize", "--preset", "gray-32", "--clips", CLIPS, "--out", folder]
    words += ["--threads", threads, "--shard-clips", SHARD_CLIPS]
    return [sys.executable, "-m", "trajdata", *map(str, words)]


@dataclass(frozen=True)
class Ground:
    """Where the trials take place, and by start: the operations, and the tree to come to."""

    folder: Path
    whole: Path
    seen: dict[Start, list[Operation]]
    due: dict[Start, dict[str, str]]

    def run(self, trials, part):
        """Run them, two at once; returns how many met their fault."""
        waiting, taking, results = enumerate(part(trials)), threading.Lock(), []

        def work(_):
            while True:
                with taking:
                    number, trial = next(waiting, (None, None))
                if trial is None:
                    return
                results.append((trial, *self.attempt(number, trial)))

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(work, range(2)))
        complaints = [f"{trial}: {complaint}" for trial, _, found in results for complaint in found]
        assert not complaints, "\n".join(complaints)
        met = sum(is_met for _, is_met, _ in results)
        # How often progress is told, and so which call is the n-th, depends on the time.
        assert met >= 0.95 * len(results) - part.is_cut, f"{met} of {len(results)} met their fault"
        return met

    def attempt(self, number, trial):
        """A run and the one that resumes it: whether it met its fault, and what was wrong."""
        home, log = self.folder / f"{number:04d}", self.folder / f"{number:04d}.log"
        home.mkdir()
        folder = home / "out"
        trial.start.prepare(self.whole, folder)
        before, due = tree(folder), self.due[trial.start]
        options = [option.format(home=home) for option in trial.options]
        code, errors = traced(["-o", log, *options], command(folder, trial.threads))
        is_met = any(mark in log.read_text() for mark in ("(INJECTED)", "killed by SIGKILL"))
        found = tree(folder)
        wrong = [*wrong_files(found, before, due, trial), *wrong_progress(folder, code, trial)]
        if code not in (trial.allowed if is_met else {DONE}):
            wrong.append(f"exit {code}: {errors}")
        if code == DONE and found != due:
            wrong.append(f"it says that it is done, and has {sorted(found)}")
        if code == TRY_LATER and "run the same command again" not in errors:
            wrong.append(f"it does not say how to resume: {errors}")
        try:
            bake(folder, threads=1 + number % 2)
        except (OSError, ShardError, ValueError) as error:
            wrong.append(f"it cannot be resumed: {error}")
        if tree(folder) != due:
            wrong.append(f"it resumes to other files: {sorted(tree(folder).items() ^ due.items())}")
        shutil.rmtree(home)
        log.unlink()
        return is_met, wrong


def wrong_files(found, before, due, trial):
    """Partial or foreign files under final names, an index too early, temps that are left."""
    for name, digest in found.items():
        if digest == before.get(name):
            continue
        if not name.startswith(TEMPS):
            if digest != due.get(name):
                yield f"{name} is not what it must be"
        elif trial.operation and trial.operation.kind == "unlink":
            continue  # a temp that cannot be removed stays
        elif trial.operation and not trial.fault.startswith("signal"):
            yield f"{name} is left"
    if "index.json" in found and not due.keys() <= found.keys():
        yield f"the index stands for {sorted(found)}"


def wrong_progress(folder, code, trial):
    """Progress that is torn, or says something else than the exit code."""
    try:
        report = progress_of(folder)
    except (ValueError, ShardError) as error:
        yield f"progress: {error}"
        return
    state, message = (report.status, report.message) if report else (None, "")
    operation = trial.operation
    if code == DONE and state != "done":
        yield f"progress says {state} at the end"
    if code != TRY_LATER or report is None or operation is None:
        return
    if operation.kind == "close" and operation.path.endswith("/lock"):
        return  # the very last call, after the truth was told
    reason = "bytes were written where"
    if given := re.search("error=(E[A-Z]+)", trial.fault):
        reason = os.strerror(getattr(errno, given[1]))
    if state != "failed" or reason not in message:
        yield f"progress says {state}, {message}"


@pytest.fixture(scope="module")
def ground():
    if reason := reason_against():
        pytest.skip(reason)
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        folder = Path(name).resolve()
        whole = folder / "whole"
        bake(whole, threads=1)
        seen, due = {}, {}
        for start in STARTS:
            home = folder / start.name
            home.mkdir()
            start.prepare(whole, home / "out")
            listed = operations(home, command(home / "out", threads=1), folder / "list.log")
            seen[start], due[start] = start.part_of(listed), tree(home / "out")
        yield Ground(folder, whole, seen, due)


def trial_of(start, operation, fault, allowed):
    # The temp of a shard or record is written by one thread, however many there are.
    is_own = not operation.is_main and operation.path.startswith(f"out/{TEMPS}")
    options = injected("{home}", operation, fault)
    return Trial(start, fault, operation, options, frozenset(allowed), threads=1 + is_own)


def is_of_progress(operation):
    return Path(operation.path).name.removesuffix(".0") in LIVELY


def codes_after(operation, error):
    """Exit codes that are right when an operation fails, once in each thread that comes to it."""
    kind = operation.kind
    either = {DONE, TRY_LATER}
    if kind == "advise":
        return {DONE}  # a hint
    if error == "EINTR":
        return {DONE} if kind in RETRIED else either
    if not operation.is_main and (kind == "fsync" or operation.is_on_folder):
        # The shard is rendered again. A folder is the main thread's too, and no shard's alone.
        return either if operation.is_on_folder else {DONE}
    if is_of_progress(operation) and not operation.path.startswith(f"out/{TEMPS}"):
        return either  # the last run's is not needed
    if kind in ("mkdir", "stat", "access") or (kind == "close" and operation.is_on_folder):
        # The folder may be there already; Python and the parser of the command's words ask for
        # more than is needed; a listing does not look whether the close went well.
        return either
    return {TRY_LATER}


def test_every_kind_of_call_that_the_command_makes_on_its_folder_is_attacked(ground):
    kinds = {operation.kind for listed in ground.seen.values() for operation in listed}
    assert kinds - {"ioctl", "lseek"} == {*ERRORS} == {*KINDS, "create"}  # these two only ask


def test_a_kill_before_each_system_call_that_changes_something_spoils_nothing(ground, count, part):
    trials = [
        trial_of(start, operation, "signal=SIGKILL", {-signal.SIGKILL})
        for start, listed in ground.seen.items()
        for operation in listed
        # Progress is told many times in the same way, and then once that it is done.
        if not is_of_progress(operation) or operation.nth == 1 or start.first
        if operation.kind in CHANGES
    ]
    met = ground.run(trials, part)
    count(met, "SIGKILLs of the real command, each before a system call that changes its folder")


def test_a_system_call_that_fails_ends_in_a_code_that_tells_and_spoils_nothing(ground, count, part):
    by_kind = defaultdict(list)
    for start, listed in ground.seen.items():
        for operation in listed:
            by_kind[operation.kind].append((start, operation))
    trials = {}
    for kind, errors in ERRORS.items():
        number = TIMES * len(errors)
        for at in range(number):
            start, operation = by_kind[kind][at * len(by_kind[kind]) // number]
            error = errors[at % len(errors)]
            allowed = codes_after(operation, error)
            trials[operation, error] = trial_of(start, operation, f"error={error}", allowed)
    met = ground.run(list(trials.values()), part)
    count(met, "system calls of the real command that failed, every kind with every error")


def test_a_write_that_takes_less_than_it_says_gives_no_file_its_name(ground, count, part):
    trials = [
        trial_of(start, operation, "retval=1", {TRY_LATER})
        for start, listed in ground.seen.items()
        for operation in listed
        if operation.name == "write" and not is_of_progress(operation)
    ]
    count(
        ground.run(trials, part),
        "writes of the real command that said they took a byte, and did not",
    )


def test_a_disk_that_stays_broken_ends_in_75_and_spoils_nothing(ground, count, part):
    start = STARTS[0]
    listed = ground.seen[start]
    paths = sorted({operation.path for operation in listed})
    where = tuple(word for path in paths for word in watched("{home}", path))
    changing = {call.name for call in listed if call.kind in {*CHANGES, "fsync"} - {"create"}}
    trials = []
    for error in ("ENOSPC", "EDQUOT", "EROFS", "EIO", "EMFILE"):
        names = "openat" if error == "EMFILE" else ",".join(sorted(changing))
        for nth in (1, 3, 6):
            fault = f"error={error}:when={nth}+"
            options = ("-e", f"trace={names}", "-e", f"inject={names}:{fault}", "--seccomp-bpf")
            allowed = frozenset({TRY_LATER})
            trials.append(Trial(start, fault, None, (*where, *options), allowed, threads=2))
    count(ground.run(trials, part), "bakes by the real command on a disk that stays broken")
