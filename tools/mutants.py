"""Break the code in one place at a time, and see that a test of `make test` goes red.

    python tools/mutants.py                  # all of them
    python tools/mutants.py --seconds 600    # as many as fit, the next ones next time (by --from)
    python tools/mutants.py --only partition # those whose name or file has that word

The mutants stand in tests/mutants.py: a piece of text of one file, what to put in its place, and
the tests that must notice. First these tests are run on the code as it is, where all must pass;
then each mutant is tried in a copy of the checkout. A mutant that no test notices ends the run
with 1, and so does one whose text is no longer in the code.
"""

from __future__ import annotations

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.mutants import MUTANTS, Mutant  # noqa: E402

_COPIED = ("trajdata", "tests", "tools", "docs", "pyproject.toml", "README.md", "mkdocs.yml")
_TIMEOUT_SECONDS = 280
_NOTICED = 1  # pytest's exit code where tests ran and some failed


def copy_of_checkout(folder: Path) -> None:
    """What the tests need, without version control and environments."""
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        elif source.is_file():
            shutil.copy2(source, folder / name)


def run_tests(folder: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """pytest's exit code and the end of what it printed; a run that hangs counts as noticed."""
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
        return _NOTICED, "the tests did not end"
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


def chosen(arguments: argparse.Namespace) -> list[Mutant]:
    """The mutants that are asked for, from the one that is named."""
    found = [m for m in MUTANTS if not arguments.only or arguments.only in f"{m.name} {m.file}"]
    start = arguments.first % max(len(found), 1)
    return found[start:] + found[:start]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="a word in the name or the file")
    parser.add_argument("--seconds", type=float, help="begin no further mutant after that long")
    parser.add_argument("--from", dest="first", type=int, default=0, help="begin with that number")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at once")
    arguments = parser.parse_args()
    todo = chosen(arguments)
    tests = tuple(sorted({test for mutant in todo for test in mutant.tests}))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="trajdata-mutants-") as scratch:
        folders = [Path(scratch, str(job)) for job in range(arguments.jobs)]
        for folder in folders:
            folder.mkdir()
            copy_of_checkout(folder)
        print(f"{len(todo)} mutants; first their tests on the code as it is", flush=True)
        code, output = run_tests(folders[0], tests)
        if code:
            print(f"the tests do not pass on the code as it is:\n{output}")
            return 1
        waiting: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
        for mutant in todo:
            waiting.put(mutant)
        answers: queue.SimpleQueue[tuple[Mutant, str | None] | None] = queue.SimpleQueue()

        def work(folder: Path) -> None:
            while arguments.seconds is None or time.monotonic() - started < arguments.seconds:
                try:
                    mutant = waiting.get_nowait()
                except queue.Empty:
                    break
                answers.put((mutant, try_mutant(folder, mutant)))
            answers.put(None)

        threads = [threading.Thread(target=work, args=(folder,)) for folder in folders]
        for thread in threads:
            thread.start()
        survivors, tried, running = [], 0, len(threads)
        while running:
            answer = answers.get()
            if answer is None:
                running -= 1
                continue
            mutant, wrong = answer
            tried += 1
            print(f"{'caught' if wrong is None else 'SURVIVED'}: {mutant.name}", flush=True)
            if wrong is not None:
                survivors.append(mutant)
                print(f"  {mutant.file}: {wrong}", flush=True)
        for thread in threads:
            thread.join()
    spent = time.monotonic() - started
    print(f"{tried} of {len(todo)} mutants tried in {spent:.0f} s, {len(survivors)} survived")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
