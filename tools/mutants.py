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
import itertools
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.mutants import MUTANTS, Mutant  # noqa: E402

_COPIED = (
    *("trajdata", "tests", "tools", "docs", "benchmarks", "pyproject.toml", "README.md"),
    *("CHANGELOG.md", "mkdocs.yml", "Makefile", "constraints.txt"),
)
_TIMEOUT_SECONDS = 1200
_NOTICED = 1  # pytest's exit code where tests ran and some failed


def copy_of_checkout(folder: Path) -> None:
    """What the tests need, compiled kernels included, without version control and environments."""
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        elif source.is_file():
            shutil.copy2(source, folder / name)


def run_tests(folder: Path, tests: tuple[str, ...]) -> tuple[int | None, str]:
    """pytest's exit code, None where it did not end, and the end of what it printed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        run = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"the tests did not end within {_TIMEOUT_SECONDS} s"
    return run.returncode, (run.stdout + run.stderr)[-1500:]


def try_mutant(folder: Path, mutant: Mutant) -> str | None:
    """None where a test noticed; else what went wrong."""
    file = folder / mutant.file
    source = file.read_text("utf-8")
    if source.count(mutant.find) != 1:
        return f"its text is {source.count(mutant.find)} times in {mutant.file}; allowed is once"
    file.write_text(source.replace(mutant.find, mutant.replace), "utf-8")
    try:
        code, output = run_tests(folder, mutant.tests)
    finally:
        file.write_text(source, "utf-8")
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
) -> tuple[Counter[str], list[tuple[Mutant, str]]]:
    """How many were tried, by room, and the survivors with what went wrong."""
    waiting = iter(todo)
    taking = threading.Lock()
    answers: queue.SimpleQueue[tuple[Mutant, str | None, float] | None] = queue.SimpleQueue()

    def work(folder: Path) -> None:
        try:
            while time.monotonic() < deadline:
                with taking:
                    mutant = next(waiting, None)
                if mutant is None:
                    return
                began = time.monotonic()
                answers.put((mutant, try_mutant(folder, mutant), time.monotonic() - began))
        finally:
            answers.put(None)

    threads = [threading.Thread(target=work, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    tried: Counter[str] = Counter()
    survivors, running = [], len(threads)
    while running:
        answer = answers.get()
        if answer is None:
            running -= 1
            continue
        mutant, wrong, seconds = answer
        tried[mutant.room] += 1
        verdict = "caught  " if wrong is None else "SURVIVED"
        print(f"{verdict} {seconds:5.1f} s  {mutant.room}: {mutant.name}", flush=True)
        if wrong is not None:
            survivors.append((mutant, wrong))
            print(f"  {mutant.file}: {wrong}", flush=True)
    for thread in threads:
        thread.join()
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
    with tempfile.TemporaryDirectory(prefix="trajdata-mutants-") as scratch:
        folders = [Path(scratch, str(job)) for job in range(arguments.jobs)]
        for folder in folders:
            folder.mkdir()
            copy_of_checkout(folder)
        if not arguments.tested:
            print("first their tests on the code as it is", flush=True)
            tests = tuple(sorted({test for mutant in todo for test in mutant.tests}))
            code, output = run_tests(folders[0], tests)
            if code:
                print(f"the tests do not pass on the code as it is:\n{output}")
                return 1
        tried, survivors = try_all(todo, folders, deadline)
    rooms = ", ".join(f"{room} {count}" for room, count in sorted(tried.items()))
    spent = time.monotonic() - started
    print(f"{sum(tried.values())} of {len(todo)} mutants tried in {spent:.0f} s: {rooms}")
    print(f"{len(survivors)} survived")
    for mutant, _ in survivors:
        print(f"  {mutant.file}: {mutant.name}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
