"""System calls of a command: listed by strace, and failed or killed in at a chosen one."""

import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.patience import SECONDS

KINDS = {
    "open": ("openat",),
    "read": ("read", "pread64"),
    "write": ("write", "pwrite64"),
    "truncate": ("ftruncate",),
    "fsync": ("fsync",),
    "close": ("close",),
    "lock": ("flock",),
    "mkdir": ("mkdir", "mkdirat"),
    "rename": ("rename", "renameat", "renameat2"),
    "link": ("link", "linkat"),
    "unlink": ("unlink", "unlinkat"),
    "stat": ("newfstatat", "fstat", "statx"),
    "access": ("access", "faccessat", "faccessat2"),
    "list": ("getdents64",),
    "statfs": ("statfs", "fstatfs"),
    "copy": ("fcntl",),
    "map": ("mmap",),
    "advise": ("fadvise64",),
}
"""What a call is for; which name it has depends on the machine."""


_ROOT = Path(__file__).parents[2]
_KIND = {name: kind for kind, names in KINDS.items() for name in names}
_CALL = re.compile(r"(?P<thread>\d+) +(?P<name>\w+)\((?P<rest>.*)")
_ARGUMENT = re.compile(r'(?:AT_FDCWD|\d+)<(?P<open>[^>]*)>|"(?P<text>[^"]*)"')


@dataclass(frozen=True)
class Operation:
    """One system call of a command.

    Attributes:
        kind: a key of ``KINDS``; "create" for the opening of a file that may not be there; the name
            for what is in none of them.
        name: the system's name of it.
        path: what it is on, as the command says it, relative to the listed home.
        nth: how many calls of that name its thread has made on that path, with this one.
        is_main: whether the thread is the one that began.
        is_on_folder: whether the path is a folder.
    """

    kind: str
    name: str
    path: str
    nth: int
    is_main: bool
    is_on_folder: bool


def reason_against():
    """Why strace cannot do here what is asked of it, or None."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    options = ("--seccomp-bpf", "-o", os.devnull, "-e", "trace=close")
    code, errors = traced((*options, "-e", "inject=close:error=EIO:when=999"), ["true"])
    return f"strace does not work here: {errors}" if code else None


def traced(options, command):
    """Run a command under strace; returns its exit code and standard error."""
    with subprocess.Popen(
        ["strace", "-f", "-qq", *options, *command],
        cwd=_ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            _, errors = process.communicate(timeout=SECONDS)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)  # without strace the command would go on
            raise
    return process.returncode, errors


def watched(home, path):
    """Options of strace by which it looks at the calls on a path: by the file that is open, by its
    whole name, and by its last part, which calls relative to an open folder are given."""
    base = path.rpartition("/")[2]
    named = ("-P", base) if base not in ("", ".", "..") else ()
    return ("-P", f"{home}/{path}", *named)


def injected(home, operation, fault):
    """Options of strace that put a fault into one operation, with ``home`` for the listed one."""
    options = (*watched(home, operation.path), "-e", f"trace={operation.name}")
    options += ("-e", f"inject={operation.name}:{fault}:when={operation.nth}")
    # Much faster, but with it strace sends no signal.
    return options if fault.startswith("signal") else (*options, "--seccomp-bpf")


@dataclass(frozen=True)
class _Call:
    """One line of strace's log.

    Attributes:
        thread, name: who calls what.
        creates: whether it may create a file.
        paths: in the listed home, that it is on.
        tokens: all that ``watched`` may find it by: paths in the home, and names as they are given.
    """

    thread: str
    name: str
    creates: bool
    paths: tuple[str, ...]
    tokens: frozenset[str]


def operations(home, command, log):
    """Every system call that a command makes on ``home``, as strace can be told of it, in order.

    The n-th call of a name on a path is that of the thread which comes to n first: strace counts
    for each. A call that cannot be told of like this, by any of its paths, is left out.
    """
    code, errors = traced(("-y", "--seccomp-bpf", "-o", log, "-e", "trace=%file,%desc"), command)
    if code != 0:
        raise RuntimeError(f"exit {code}: {errors}")
    calls = list(_calls(log, home))
    tokens = {
        path: {path, base} if (base := path.rpartition("/")[2]) not in (".", "..") else {path}
        for call in calls
        for path in call.paths
    }
    counts, taken, found = Counter(), set(), []
    main = calls[0].thread
    for call in calls:
        for path, watched_by in tokens.items():
            counts[call.thread, call.name, path] += not watched_by.isdisjoint(call.tokens)
        keys = [(call.name, path, counts[call.thread, call.name, path]) for path in call.paths]
        free = [key for key in keys if key not in taken]
        taken.update(keys)
        if free:
            kind = "create" if call.creates else _KIND.get(call.name, call.name)
            is_on_folder = (home / free[0][1]).is_dir()
            found.append(Operation(kind, *free[0], call.thread == main, is_on_folder))
    return found


def _calls(log, home):
    """The calls on a path in ``home``."""
    for line in log.read_text("utf-8", "replace").splitlines():
        if not (match := _CALL.match(line)):
            continue  # the end of a call which another thread's came into
        name, arguments = match["name"], match["rest"].rpartition(" = ")[0] or match["rest"]
        if name == "execve":
            continue
        paths, tokens, folder = [], set(), None
        has_names = _KIND.get(name) not in ("read", "write")
        for argument in _ARGUMENT.finditer(arguments):
            given = argument["text"]
            if given is None:
                folder = argument["open"]
                path = folder
            elif not has_names or not given:
                continue
            else:
                tokens.add(given)
                path = given if given.startswith("/") or folder is None else f"{folder}/{given}"
            if path.startswith(f"{home}/") and given not in (".", ".."):
                paths.append(path.removeprefix(f"{home}/"))
        # By the folder that a name is relative to, strace would find all the calls in that folder.
        own = [path for path in paths if not any(other.startswith(f"{path}/") for other in paths)]
        if paths:
            tokens.update(paths)
            creates = "O_CREAT" in arguments
            names = tuple(dict.fromkeys(own or paths))
            yield _Call(match["thread"], name, creates, names, frozenset(tokens))
