"""Whatever is put in the way of a command, nothing outside the folder is touched or even opened.

Every name below the folder becomes every kind of link and special file, before each command and
while it runs. A victim beside the folder must stay as it is, to the byte and to the time.
"""

import contextlib
import io
import os
import shutil
import socket
import stat
import sys
import threading
import time

import numpy as np
import pytest
from rich.console import Console

from tests.patience import SECONDS
from tests.torture.tiny import CLIPS, SHARDS, SPEC, bake
from trajdata._bake.ranges import bake_range, finish
from trajdata._bake.repair import repair_on
from trajdata._bake.sync import sync
from trajdata._bake.verify import verify
from trajdata._check.audit.plots import SHOWN_FACTORS
from trajdata._check.audit.report import AuditReport
from trajdata._cli import main
from trajdata._cli.detaching import detach
from trajdata._cli.watching import watch
from trajdata._clips.fields import DEFAULT_FIELDS
from trajdata._clips.source import ClipSource
from trajdata._errors import ShardError
from trajdata._reading.committed import find_shards
from trajdata._reading.stored import StoredSource, open_shards
from trajdata._store import disk as disks
from trajdata._store.disk import Disk
from trajdata._store.folder import FolderStore

pytestmark = [
    pytest.mark.torture,
    pytest.mark.timeout(3000),
    pytest.mark.skipif(sys.platform == "win32", reason="there are no FIFOs and devices"),
]

NAMES = (
    *(".trajdata", ".trajdata/tmp", ".trajdata/commits", ".trajdata/aside"),
    *(".trajdata/lock", ".trajdata/bake.log", ".trajdata/recipe.json"),
    *(".trajdata/commits/000001.json", ".trajdata/tmp/train-000001.tar.0"),
    *(".trajdata/tmp/index.json.0", ".trajdata/aside/train-000000.tar.0"),
    *("index.json", "README.md", "preview.png", "train-000000.tar", "train-000001.tar"),
    *("PROGRESS.txt", "progress.json", "report.html"),
)
FOLDERS = (".trajdata", ".trajdata/tmp", ".trajdata/commits", ".trajdata/aside")
HIDDEN_FOLDERS = (".trajdata", ".trajdata/commits")
MAY_BE_LINKS = ("index.json", "README.md", "train-000000.tar", "train-000001.tar")


class Ground:
    """A folder that a command is tried on, and a victim beside it."""

    def __init__(self, home, reference):
        self.home, self.reference = home, reference
        self.folder, self.victim = home / "out", home / "victim"
        # All that a folder has is there too, so that whatever is reached by a link can be harmed.
        shutil.copytree(reference, self.victim / "folder")
        (self.victim / "folder" / ".trajdata" / "tmp" / "old.tar").write_bytes(b"of a victim")
        (self.victim / "file").write_bytes(b"of a victim")

    @property
    def beside(self):
        """Where a command that reads the folder may write."""
        return self.home / "beside"

    def prepare(self, is_complete):
        for folder in (self.folder, self.beside):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.reference, self.folder)
        (self.folder / ".trajdata" / "aside").mkdir(exist_ok=True)
        if not is_complete:
            (self.folder / "index.json").unlink()
            (self.folder / "train-000002.tar").unlink()
            (self.folder / ".trajdata" / "tmp" / "train-000002.tar.0").write_bytes(b"left")
            with open(self.folder / "train-000000.tar", "r+b") as file:
                file.write(b"damaged")

    def put(self, name, kind):
        """Put another kind of thing in the place of a file or folder."""
        path = self.folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.is_symlink() or path.exists():
            path.unlink()
        KINDS[kind](path, self.target(name))

    def target(self, name):
        """What a link in the place of a name would do most harm to."""
        found = self.victim / "folder" / name
        return found if found.exists() else self.victim / "file"

    def seen(self):
        """All that there is to see of the victim."""
        return {
            path: (path.lstat().st_mtime_ns, path.lstat().st_mode)
            + ((path.read_bytes(),) if path.is_file() else tuple(sorted(os.listdir(path))))
            for path in [self.victim, *sorted(self.victim.rglob("*"))]
        }


def bound_socket(path, target):
    with socket.socket(socket.AF_UNIX) as made:
        here = os.getcwd()
        os.chdir(path.parent)  # the path of a socket is short
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


def hard_link(path, target):
    if target.is_dir():
        path.symlink_to(target)  # a folder has no hard links
    else:
        os.link(target, path)


KINDS = {
    "an absolute link": lambda path, target: path.symlink_to(target),
    "a relative link": lambda path, target: path.symlink_to(os.path.relpath(target, path.parent)),
    "a link to another file": lambda path, target: path.symlink_to("/etc/hostname"),
    "a link to a folder": lambda path, target: path.symlink_to(target.parent),
    "a link to nowhere": lambda path, target: path.symlink_to(target.parent / "new"),
    "a link to itself": lambda path, target: path.symlink_to(path),
    "a hard link": hard_link,
    "a FIFO": lambda path, target: os.mkfifo(path),
    "a socket": bound_socket,
    "a device": lambda path, target: os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3)),
    "a folder": lambda path, target: path.mkdir(),
}


def run(*words):
    """A command in this process: its exit code."""
    silent = io.StringIO()
    with (
        contextlib.redirect_stdout(silent),
        contextlib.redirect_stderr(silent),
        pytest.raises(SystemExit) as ended,
    ):
        main([str(word) for word in words])
    return ended.value.code


def materialize(folder):
    disk = Disk(folder)
    try:
        bake(disk, threads=2)
    finally:
        disk.close_folders()


def read(folder):
    StoredSource(find_shards(folder, unfinished=True), DEFAULT_FIELDS).batch([0])


COMMANDS = {
    "materialize": lambda ground: materialize(ground.folder),
    "bake-range": lambda ground: run("bake-range", ground.folder, "--shards", f"0:{SHARDS}"),
    "finish": lambda ground: run("finish", ground.folder),
    "status": lambda ground: run("status", ground.folder),
    "watch": lambda ground: watch(ground.folder, Console(file=io.StringIO()), lambda seconds: None),
    "verify": lambda ground: run("verify", ground.folder),
    "verify --full": lambda ground: run("verify", ground.folder, "--full", "--rerender", 2),
    "repair": lambda ground: run("repair", ground.folder),
    "sync from": lambda ground: run("sync", ground.folder, ground.beside),
    "sync from --render": lambda ground: run("sync", ground.folder, ground.beside, "--render"),
    "sync to": lambda ground: run("sync", ground.reference, ground.folder),
    "sync to --render": lambda ground: run("sync", ground.reference, ground.folder, "--render"),
    "preview": lambda ground: run("preview", ground.folder, "--out", ground.home / "sheet.png"),
    "preview --out": lambda ground: run(
        "preview", ground.folder, "--out", ground.folder / "preview.png"
    ),
    "export --from": lambda ground: run(
        "export", ground.beside, "--to", "npz", "--from", ground.folder
    ),
    "open": lambda ground: read(ground.folder),
}
WRITERS = ("materialize", "bake-range", "finish", "repair", "sync to", "sync to --render")
LISTING_NOTHING = ("status", "watch", "export --from")
"""They read what they need by its name."""
EXPECTED = (ShardError, OSError, ValueError)


@contextlib.contextmanager
def never_opened(path):
    """Notice where a FIFO is opened: a writer that waits for a reader would wake up."""
    if not stat.S_ISFIFO(path.lstat().st_mode if path.parent.is_dir() else 0):
        yield None
        return
    woken = threading.Event()

    # The FIFO itself, wherever the command may move it.
    found = os.open(path, getattr(os, "O_PATH", os.O_RDWR))
    itself = f"/proc/self/fd/{found}" if hasattr(os, "O_PATH") else path

    def wait():
        os.close(os.open(itself, os.O_WRONLY))
        woken.set()

    waiter = threading.Thread(target=wait, daemon=True)
    waiter.start()
    time.sleep(0.002)  # until it waits
    try:
        yield woken
        assert not woken.is_set(), f"{path} was opened"
    finally:
        while waiter.is_alive():  # it may not have begun to wait yet
            os.close(os.open(itself, os.O_RDONLY | os.O_NONBLOCK))
            waiter.join(0.001)
        os.close(found)


@pytest.fixture
def ground(fast, reference):
    return Ground(fast, reference)


@pytest.fixture(scope="module", autouse=True)
def devices_can_be_made(tmp_path_factory):
    try:
        KINDS["a device"](tmp_path_factory.mktemp("device") / "null", None)
    except PermissionError:
        KINDS.pop("a device")


@pytest.mark.parametrize("command", COMMANDS)
def test_no_name_below_the_folder_leads_a_command_out_of_it(ground, count, part, command):
    cases = refused = 0
    for is_complete in (True, False) if command in WRITERS else (True,):
        for name in part(NAMES):
            for kind in list(KINDS):
                if kind == "a folder" and name in FOLDERS:
                    continue
                ground.prepare(is_complete)
                ground.put(name, kind)
                before = ground.seen()
                where = f"{command}, {name} as {kind}, complete: {is_complete}"
                with never_opened(ground.folder / name):
                    try:
                        outcome = COMMANDS[command](ground)
                    except EXPECTED:
                        outcome = 1
                assert ground.seen() == before, where
                assert outcome in (0, 1, 2, 75, None) or isinstance(outcome, str), where
                if name in HIDDEN_FOLDERS and "link" in kind and command not in LISTING_NOTHING:
                    assert outcome == 1, where  # it is not even listed
                cases += 1
                refused += outcome not in (0, None)
    count(cases, f"links and special files in the way of {command}, {refused:,} of them refused")


def audited(folder):
    """What the command writes; to measure clips would take a minute."""
    labels = np.arange(40) % len(SPEC.laws)
    factors = {name: np.linspace(0, 1, 40) for name in SHOWN_FACTORS}
    AuditReport(SPEC, 0, 40, (), {}, labels, factors).write(folder)


PAGES = {
    "gallery": (
        lambda folder: run("gallery", "--preset", "gray-32", "--clips", 1, "--out", folder),
        ("index.html",),
    ),
    "audit": (audited, ("audit.json", "audit.png")),
}


@pytest.mark.parametrize("command", PAGES)
def test_a_page_is_written_over_a_link_and_never_through_it(ground, count, part, command):
    write, names = PAGES[command]
    cases = 0
    for name in names:
        for kind in part(list(KINDS)):
            ground.prepare(is_complete=True)
            (ground.victim / "folder" / name).write_bytes(b"of a victim")
            ground.put(name, kind)
            before = ground.seen()
            with never_opened(ground.folder / name), contextlib.suppress(OSError):
                write(ground.folder)
            assert ground.seen() == before, (command, name, kind)
            cases += 1
    count(cases, f"links and special files in the way of {command}")


EXPORTED = (
    *("clips", "clips/linear", "export.json", "PROGRESS.txt", "progress.json"),
    *(".trajdata", ".trajdata/tmp", ".trajdata/commits", ".trajdata/commits/000000.json"),
)


def test_no_name_below_an_export_leads_it_out_of_its_folder(fast, reference, count, part):
    first = fast / "first"
    words = ["--to", "npz", "--from", reference]
    assert run("export", first, *words) == 0
    clip = next((first / "clips").rglob("*.npz")).relative_to(first).as_posix()
    ground = Ground(fast, first)
    cases = refused = 0
    for is_complete in (True, False):
        for name in part((*EXPORTED, clip)):
            for kind in list(KINDS):
                if kind == "a folder" and (first / name).is_dir():
                    continue
                ground.prepare(is_complete=True)
                if not is_complete:
                    shutil.rmtree(ground.folder / ".trajdata" / "commits")
                    (ground.folder / ".trajdata" / "commits").mkdir()
                ground.put(name, kind)
                before = ground.seen()
                with never_opened(ground.folder / name):
                    outcome = run("export", ground.folder, *words)
                assert ground.seen() == before, (name, kind, is_complete)
                cases += 1
                refused += outcome != 0
    assert refused
    count(cases, f"links and special files in the way of export, {refused:,} of them refused")


def test_a_bake_in_the_background_appends_to_no_log_but_its_own(ground, count):
    cases = 0
    words = ["materialize", "--preset", "gray-32", "--clips", "4", "--seed", "-1"]  # ends at once
    for name in (".trajdata", ".trajdata/bake.log"):
        for kind in list(KINDS):
            if kind == "a folder" and name in FOLDERS:
                continue
            ground.prepare(is_complete=True)
            ground.put(name, kind)
            before = ground.seen()
            with never_opened(ground.folder / name), pytest.raises((ShardError, OSError)):
                detach(ground.folder, [*words, "--out", str(ground.folder)])
            assert ground.seen() == before, (name, kind)
            cases += 1
    count(cases, "links and special files in the way of a bake in the background")


def test_what_may_be_links_is_read_through_them_and_only_read(ground, count):
    """The caches of hubs lay a folder of links."""
    ground.prepare(is_complete=True)
    for name in MAY_BE_LINKS:
        ground.put(name, "an absolute link")
    before = ground.seen()
    assert verify(ground.folder, full=True, rerender=CLIPS).ok
    read_back = open_shards(ground.folder).batch(range(CLIPS))["video"]
    assert (read_back == ClipSource(SPEC).batch(range(CLIPS))["video"]).all()
    materialize(ground.folder)
    assert run("repair", ground.folder) == 0
    assert ground.seen() == before
    assert all((ground.folder / name).is_symlink() for name in MAY_BE_LINKS)
    count(len(MAY_BE_LINKS), "names that may be links, read through them")


class SwappingOs:
    """The ``os`` module, which swaps something before one chosen call of the system."""

    CALLS = (
        *("open", "stat", "fstat", "listdir", "mkdir", "replace", "link", "unlink", "fsync"),
        *("write", "close", "ftruncate", "pwrite", "pread", "fstatvfs", "makedirs"),
    )

    def __init__(self, at=None, swap=None):
        # A folder that the collector of garbage closes meanwhile is a call within a call.
        self._at, self._swap, self._taking = at, swap, threading.RLock()
        self.calls = 0

    def __getattr__(self, name):
        original = getattr(os, name)
        if name not in self.CALLS:
            return original

        def call(*arguments, **named):
            with self._taking:
                if self.calls == self._at:
                    self._swap()
                self.calls += 1
            return original(*arguments, **named)

        return call


def swapped(ground, name, kind):
    """Something else takes the place of a name; what was there goes elsewhere."""

    def swap():
        path = ground.folder / name
        if os.path.lexists(path):
            stash = ground.home / "stash"
            shutil.rmtree(stash, ignore_errors=True)
            stash.mkdir()
            os.rename(path, stash / "held")
        if path.parent.is_dir():
            KINDS[kind](path, ground.target(name))

    return swap


def mend(folder):
    disk = Disk(folder)
    try:
        repair_on(FolderStore(disk), threads=1)
    finally:
        disk.close_folders()


RUNS = {
    "materialize": lambda ground: materialize(ground.folder),
    "bake-range": lambda ground: bake_range(ground.folder, range(SHARDS), threads=1),
    "finish": lambda ground: finish(ground.folder, threads=1),
    "repair": lambda ground: mend(ground.folder),
    "verify": lambda ground: verify(ground.folder),
    "sync from": lambda ground: sync(ground.folder, ground.beside, threads=1),
    "sync to": lambda ground: sync(ground.reference, ground.folder, threads=1),
    "open": lambda ground: read(ground.folder),
}
SWAPS = {
    "an absolute link": (*FOLDERS, ".trajdata/lock", "PROGRESS.txt", "train-000001.tar"),
    "a hard link": (".trajdata/lock", "progress.json", ".trajdata/commits/000001.json"),
    "a FIFO": (".trajdata/lock", "index.json", ".trajdata/recipe.json", "train-000001.tar"),
}


@pytest.mark.parametrize("command", RUNS)
def test_a_swap_before_any_system_call_of_a_command_leads_it_nowhere(
    ground, count, part, monkeypatch, command
):
    pairs = [(name, kind) for kind, names in SWAPS.items() for name in names]
    ground.prepare(is_complete=False)
    listening = SwappingOs()
    monkeypatch.setattr(disks, "os", listening)
    with contextlib.suppress(*EXPECTED):
        RUNS[command](ground)
    swaps = 0
    for at in part(range(listening.calls)):
        # Each call meets some of the pairs, and each pair many of the calls.
        for name, kind in pairs[at % 3 :: 3]:
            ground.prepare(is_complete=False)
            monkeypatch.setattr(disks, "os", SwappingOs(at, swapped(ground, name, kind)))
            before = ground.seen()
            with contextlib.suppress(*EXPECTED):
                RUNS[command](ground)
            assert ground.seen() == before, (command, at, name, kind)
            swaps += 1
    monkeypatch.setattr(disks, "os", os)
    count(swaps, f"swaps of a file or folder before a system call of {command}")


def test_the_ground_notices_harm(ground):
    """A test that cannot fail is none: a victim that is touched is noticed, and an opened FIFO."""
    ground.prepare(is_complete=True)
    ground.put(".trajdata/tmp", "an absolute link")
    before = ground.seen()
    (ground.folder / ".trajdata" / "tmp" / "old.tar").unlink()
    assert ground.seen() != before
    os.mkfifo(ground.folder / "fifo")
    with (
        pytest.raises(AssertionError, match="was opened"),
        never_opened(ground.folder / "fifo") as woken,
    ):
        file = os.open(ground.folder / "fifo", os.O_RDONLY | os.O_NONBLOCK)
        assert woken.wait(timeout=SECONDS)
        os.close(file)
