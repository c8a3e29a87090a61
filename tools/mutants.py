"""Break the code in one place at a time, and see that a test of `make test` goes red.

    python tools/mutants.py                          # all of them
    python tools/mutants.py --only partition         # whose name or file has that word
    python tools/mutants.py --seconds 600 --from 40  # as many as fit, beginning with number 40

The mutants stand in tests/mutants.py: a piece of text of one file, what to put in its place, and
the tests that must notice. First these tests are run on the code as it is, where all must pass;
then each mutant is tried in a copy of the checkout. A mutant that no test notices ends the run
with 1, and so does one whose text is no longer in the code, or whose tests end otherwise than by
a failure.

They are tried room by room in turn, so that a short run has some of each. `--from commit` begins
where the checkout's commit says: another place for each commit, and the same again for the same.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.mutants import MUTANTS, Mutant  # noqa: E402

_COPIED = (
    *("trajdata", "tests", "tools", "docs", "benchmarks", "pyproject.toml", "README.md"),
    *("CHANGELOG.md", "mkdocs.yml", "Makefile", "constraints.txt"),
)
_PRELOADED = (
    *(
        "pytest",
        "hypothesis",
        "numpy",
        "numba",
        "torch.utils.data",
        "torch.distributed",
        "pydantic",
    ),
    *("PIL.Image", "rich.live", "typer", "jinja2", "psutil", "filelock"),
)
_OURS = ("tests", "trajdata")
_OUTPUT = "output-of-pytest.txt"
_TIMEOUT_SECONDS = 1800
_NOTICED = 1  # pytest's exit code where tests ran and some failed


def copy_of_checkout(folder: Path) -> None:
    """What the tests need, compiled kernels included, without version control and environments."""
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        elif source.is_file():
            shutil.copy2(source, folder / name)


def preload() -> None:
    """Import what tests need, but nothing of this checkout: every trial is forked from here."""
    for name in _PRELOADED:
        importlib.import_module(name)


@dataclass
class Trial:
    """pytest in a process of its own, on a copy of the checkout.

    Attributes:
        pid: of the process.
        folder: the copy.
        began: when, by the monotonic clock.
    """

    pid: int
    folder: Path
    began: float

    @staticmethod
    def of(folder: Path, tests: tuple[str, ...]) -> Trial:
        """Start one."""
        pid = os.fork()
        if pid == 0:
            _become_pytest(folder, tests)
        return Trial(pid, folder, time.monotonic())

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.began

    @property
    def output(self) -> str:
        """The end of what it printed."""
        return (self.folder / _OUTPUT).read_text("utf-8", "replace")[-1500:]

    def poll(self) -> int | None:
        """pytest's exit code, once it has ended; one that does not end is killed."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        if self.seconds > _TIMEOUT_SECONDS:
            os.killpg(self.pid, signal.SIGKILL)
        return None


def _become_pytest(folder: Path, tests: tuple[str, ...]) -> NoReturn:
    """Run the tests of a copy in this process, which has just been forked, and end it."""
    code = 99
    try:
        os.setsid()
        output = os.open(folder / _OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(folder)
        os.environ.update(PYTHONPATH=str(folder), PYTHONDONTWRITEBYTECODE="1")
        sys.dont_write_bytecode = True
        sys.path[:] = [str(folder), *(path for path in sys.path if Path(path or ".") != ROOT)]
        for name in [name for name in sys.modules if name.partition(".")[0] in _OURS]:
            del sys.modules[name]
        importlib.invalidate_caches()
        import pytest

        code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def mutate(folder: Path, mutant: Mutant) -> str | None:
    """Break the copy; None, or why that cannot be."""
    source = (ROOT / mutant.file).read_text("utf-8")
    if source.count(mutant.find) != 1:
        return f"its text is {source.count(mutant.find)} times in {mutant.file}; allowed is once"
    (folder / mutant.file).write_text(source.replace(mutant.find, mutant.replace), "utf-8")
    return None


def mend(folder: Path, mutant: Mutant) -> None:
    """Make the copy what the checkout is."""
    shutil.copy2(ROOT / mutant.file, folder / mutant.file)


def wrong_with(code: int, output: str) -> str | None:
    """None where a test noticed; else what went wrong."""
    if code == _NOTICED:
        return None
    return "no test noticed" if code == 0 else f"pytest ended with {code}:\n{output}"


def in_turn(mutants: list[Mutant]) -> list[Mutant]:
    """One of each room, then the next one of each."""
    rooms: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        rooms.setdefault(mutant.room, []).append(mutant)
    rows = itertools.zip_longest(*rooms.values())
    return [mutant for row in rows for mutant in row if mutant is not None]


def first_of(text: str) -> int:
    """The number that ``--from`` gives, or one that the checkout's commit does."""
    if text != "commit":
        return int(text)
    told = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    # Without version control the day stands in for the commit.
    name = told.stdout.strip() or time.strftime("%Y-%m-%d")
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)


def chosen(only: str | None, first: int) -> list[Mutant]:
    """The mutants that are asked for, from that number on."""
    found = in_turn([m for m in MUTANTS if not only or only in f"{m.name} {m.file}"])
    start = first % max(len(found), 1)
    print(f"{len(found)} mutants, beginning with number {start}", flush=True)
    return found[start:] + found[:start]


def try_all(
    todo: list[Mutant], folders: list[Path], deadline: float
) -> tuple[Counter[str], list[Mutant]]:
    """How many were tried, by room, and which survived."""
    waiting, free = deque(todo), list(folders)
    running: dict[Mutant, Trial] = {}
    tried: Counter[str] = Counter()
    survivors = []

    def tell(mutant: Mutant, seconds: float, wrong: str | None) -> None:
        tried[mutant.room] += 1
        verdict = "caught  " if wrong is None else "SURVIVED"
        print(f"{verdict} {seconds:5.1f} s  {mutant.room}: {mutant.name}", flush=True)
        if wrong is not None:
            survivors.append(mutant)
            print(f"  {mutant.file}: {wrong}", flush=True)

    while running or (waiting and time.monotonic() < deadline):
        while free and waiting and time.monotonic() < deadline:
            mutant, folder = waiting.popleft(), free.pop()
            wrong = mutate(folder, mutant)
            if wrong is None:
                running[mutant] = Trial.of(folder, mutant.tests)
            else:
                tell(mutant, 0.0, wrong)
                free.append(folder)
        for mutant, trial in list(running.items()):
            code = trial.poll()
            if code is not None:
                del running[mutant]
                tell(mutant, trial.seconds, wrong_with(code, trial.output))
                mend(trial.folder, mutant)
                free.append(trial.folder)
        time.sleep(0.02)
    return tried, survivors


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="a word in the name or the file")
    parser.add_argument("--seconds", type=float, help="begin no further mutant after that long")
    parser.add_argument("--from", dest="first", default="0", help="a number, or 'commit'")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at once")
    parser.add_argument(
        "--tested", action="store_true", help="make test has just passed: do not begin with it"
    )
    arguments = parser.parse_args()
    started = time.monotonic()
    deadline = started + (float("inf") if arguments.seconds is None else arguments.seconds)
    todo = chosen(arguments.only, first_of(arguments.first))
    preload()
    with tempfile.TemporaryDirectory(prefix="trajdata-mutants-") as scratch:
        folders = [Path(scratch, str(job)) for job in range(arguments.jobs)]
        for folder in folders:
            folder.mkdir()
            copy_of_checkout(folder)
        if not arguments.tested:
            print("first their tests on the code as it is", flush=True)
            tests = tuple(sorted({test for mutant in todo for test in mutant.tests}))
            trial = Trial.of(folders[0], tests)
            while (code := trial.poll()) is None:
                time.sleep(0.1)
            if code:
                print(f"the tests do not pass on the code as it is:\n{trial.output}")
                return 1
        tried, survivors = try_all(todo, folders, deadline)
    rooms = ", ".join(f"{room} {count}" for room, count in sorted(tried.items()))
    spent = time.monotonic() - started
    print(f"{sum(tried.values())} of {len(todo)} mutants tried in {spent:.0f} s: {rooms}")
    print(f"{len(survivors)} survived")
    for mutant in survivors:
        print(f"  {mutant.file}: {mutant.name}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
