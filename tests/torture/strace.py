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
    "statfs": ("statfs",),
    "copy": ("fcntl",),
    "map": ("mmap",),
    "advise": ("fadvise64",),
}
"""What a call is for; which name it has depends on the machine."""


_ROOT = Path(__file__).parents[2]
_KIND = {name: kind for kind, names in KINDS.items() for name in names}
_CALL = re.compile(r"(?P<thread>\d+) +(?P<name>\w+)\((?P<rest>.*)")
_OPEN_FILE = re.compile(r"(?:AT_FDCWD|\d+)<([^>]*)>")
_QUOTED = re.compile(r'"([^"]*)"')


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


def injected(home, operation, fault):
    """Options of strace that put a fault into one operation, with ``home`` for the listed one."""
    options = ("-P", f"{home}/{operation.path}", "-e", f"trace={operation.name}")
    options += ("-e", f"inject={operation.name}:{fault}:when={operation.nth}")
    # Much faster, but with it strace sends no signal.
    return options if fault.startswith("signal") else (*options, "--seccomp-bpf")


def operations(home, command, log):
    """Every system call that a command makes on ``home``, as strace can be told of it, in order.

    The n-th call of a name on a path is that of the thread which comes to n first: strace counts
    for each. A call that cannot be told of like this, by any of its paths, is left out.
    """
    code, errors = traced(("-y", "--seccomp-bpf", "-o", log, "-e", "trace=%file,%desc"), command)
    if code != 0:
        raise RuntimeError(f"exit {code}: {errors}")
    counts, taken, found = Counter(), set(), []
    main = None
    for thread, name, creates, paths in _calls(log, home):
        main = main or thread
        keys = []
        for path in paths:
            counts[thread, name, path] += 1
            keys.append((name, path, counts[thread, name, path]))
        free = [key for key in keys if key not in taken]
        taken.update(keys)
        if free:
            kind = "create" if creates else _KIND.get(name, name)
            is_on_folder = (home / free[0][1]).is_dir()
            found.append(Operation(kind, *free[0], thread == main, is_on_folder))
    return found


def _calls(log, home):
    """Thread, name, whether it may create a file, and paths in ``home``, of each call on one."""
    for line in log.read_text("utf-8", "replace").splitlines():
        if not (call := _CALL.match(line)):
            continue  # the end of a call which another thread's came into
        name, arguments = call["name"], call["rest"].rpartition(" = ")[0] or call["rest"]
        found = _OPEN_FILE.findall(arguments)
        if _KIND.get(name) not in ("read", "write") and name != "execve":
            found += _QUOTED.findall(arguments)
        paths = [path.removeprefix(f"{home}/") for path in found if path.startswith(f"{home}/")]
        if paths:
            yield call["thread"], name, "O_CREAT" in arguments, dict.fromkeys(paths)
