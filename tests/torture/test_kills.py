"""The real command, killed at random, doubled and watched."""

import hashlib
import os
import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.patience import SECONDS, until
from tests.torture.tiny import LIVELY, tree
from trajdata._bake.progress import REPORT_PAGE
from trajdata._bake.run import materialize
from trajdata._bake.verify import verify
from trajdata._clips.source import ClipSource
from trajdata._spec.presets import preset

pytestmark = [
    pytest.mark.torture,
    pytest.mark.timeout(3000),
    pytest.mark.skipif(sys.platform == "win32", reason="baking is for Linux and macOS"),
]

ROOT = Path(__file__).parents[2]
SHARD_CLIPS = 4
KILLS, DOUBLES, LOOKS = 200, 50, 20_000


def command(folder, clips, threads=2):
    words = ["materialize", "--preset", "gray-32", "--clips", clips, "--out", folder]
    words += ["--threads", threads, "--shard-clips", SHARD_CLIPS]
    return [sys.executable, "-m", "trajdata", *map(str, words)]


def start(folder, clips, threads=2):
    return subprocess.Popen(
        command(folder, clips, threads),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def baked(folder, clips):
    materialize(ClipSource(preset("gray-32")), folder, clips=clips, shard_clips=SHARD_CLIPS)
    return tree(folder)


def test_the_real_command_is_killed_at_random_times_and_comes_to_the_same_bytes(fast, count, part):
    clips = 8000
    due = baked(fast / "due", clips)
    shutil.rmtree(fast / "due")

    def torment(worker):
        """Kill over and over; when a bake got through, compare it and begin another."""
        chance = random.Random(worker)
        folder = fast / f"killed-{worker}"
        kills = through = most = 0
        while kills < KILLS // 2 and not (kills and part.is_over):
            with start(folder, clips, threads=chance.choice((1, 2, 4))) as process:
                there = len(list(folder.glob("*.tar")))
                if chance.random() < 0.7:  # while it bakes; else at whatever it does by then
                    until(
                        lambda there=there, process=process: (
                            process.poll() is not None or len(list(folder.glob("*.tar"))) > there
                        ),
                        "a shard more",
                        wait=0.002,
                    )
                try:
                    process.wait(timeout=chance.random() * 1.5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate(timeout=SECONDS)
                    kills += 1
                    most = max(most, len(list(folder.glob("*.tar"))))
                    continue
                assert process.returncode == 0, process.stderr.read()
            assert tree(folder) == due
            through += 1
            shutil.rmtree(folder)
        with start(folder, clips) as process:
            _, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, errors
        assert tree(folder) == due
        assert verify(folder, full=True).ok
        return kills, through + 1, most

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(torment, range(2)))
    assert (
        part.is_cut or max(most for _, _, most in results) > 100
    )  # the kills did meet bakes at work
    count(sum(kills for kills, _, _ in results), "SIGKILLs of the real command at random times")
    count(sum(through for _, through, _ in results), "bakes that came through them, compared")


def test_of_two_writers_started_together_one_writes_and_the_other_not_a_byte(fast, count, part):
    clips = 400
    due = baked(fast / "due", clips)
    refused = turns = 0
    for turn in part(range(DOUBLES)):
        turns += 1
        folder = fast / "both"
        with start(folder, clips, 1) as one, start(folder, clips, 2) as other:
            ended = [process.communicate(timeout=SECONDS)[1] for process in (one, other)]
        codes = sorted((one.returncode, other.returncode))
        # The second may come when the first is done: then it finds a complete folder.
        assert codes in ([0, 4], [0, 0]), ended
        assert tree(folder) == due, turn
        refused += codes == [0, 4]
        shutil.rmtree(folder)
    assert refused or part.is_cut
    count(turns, f"pairs of writers started together, one refused in {refused} of them")


def test_a_reader_that_polls_never_sees_a_part_of_a_file(fast, count, part):
    clips = 8000
    due = baked(fast / "due", clips)
    chance = random.Random(9)
    looks = seen = bakes = 0
    while looks < LOOKS and not (looks and part.is_over):
        folder = fast / f"polled-{bakes}"
        bakes += 1
        with start(folder, clips) as process:
            deadline = time.monotonic() + SECONDS
            while process.poll() is None and time.monotonic() < deadline:
                if not folder.is_dir():
                    continue
                names = [
                    name
                    for name in os.listdir(folder)
                    if not name.startswith(".") and name not in LIVELY
                ]
                looks += 1
                page = folder / REPORT_PAGE
                assert not page.exists() or page.read_bytes().endswith(b"</html>\n")
                if not names:
                    continue
                if "index.json" in names:
                    assert len(names) == clips // SHARD_CLIPS + 3
                name = chance.choice(names)
                content = (folder / name).read_bytes()
                assert hashlib.sha256(content).hexdigest() == due[name], name
                seen += 1
            assert process.wait(timeout=SECONDS) == 0, process.stderr.read()
        assert tree(folder) == due
        shutil.rmtree(folder)
    count(looks, f"looks of a reader at {bakes} bakes, {seen:,} files read, none of them partial")
