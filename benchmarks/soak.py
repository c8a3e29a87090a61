"""Bake for a long time under kills, and see whether anything leaks or differs at the end.

    python benchmarks/soak.py --minutes 30

One folder after another is baked by the real command, which is killed at random times and started
again, until the time is over. Every folder that comes through is compared with a reference. Between
the kills the memory and the open files of the bake are read. Ends with 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import psutil
from measuring import RESULTS, ROOT, machine

PRESET, CLIPS, SHARD_CLIPS = "gray-32", 400_000, 1_000
LOOK_SECONDS = 0.5
MOST_SECONDS_BETWEEN_KILLS = 28.0
STARTING_SECONDS = 2.0
SETTLED_SECONDS = 6.0
"""After which nothing is loaded or made for the first time."""


@dataclass
class Soak:
    """What is counted.

    Attributes:
        clips, shards: that came through to a whole folder.
        folders: that did.
        kills: SIGKILLs.
        different: folders whose hash is not the reference's.
        orphans: processes that outlived their bake.
        most_files: most open files of a bake at once.
        memory: for each undisturbed stretch, (minutes, MB) of its looks once it had settled.
    """

    clips: int = 0
    shards: int = 0
    folders: int = 0
    kills: int = 0
    different: int = 0
    orphans: int = 0
    most_files: int = 0
    memory: list[list[tuple[float, float]]] = field(default_factory=list)

    @property
    def slope(self) -> float:
        """Growth of the memory, MB a minute: one slope for all stretches, each from where it began
        (least squares)."""
        steps = [np.array(looks) - np.mean(looks, axis=0) for looks in self.memory if looks]
        minutes, megabytes = np.concatenate(steps).T if steps else np.zeros((2, 0))
        spread = float(minutes @ minutes)
        return float(minutes @ megabytes) / spread if spread else 0.0

    @property
    def most_memory(self) -> float:
        """The most that a settled bake had, MB."""
        return max((megabytes for looks in self.memory for _, megabytes in looks), default=0.0)


def command(folder: Path, threads: int) -> list[str]:
    words = ["materialize", "--preset", PRESET, "--clips", str(CLIPS), "--out", str(folder)]
    words += ["--shard-clips", str(SHARD_CLIPS), "--threads", str(threads)]
    return [sys.executable, "-m", "trajdata", *words]


def tree_hash(folder: Path) -> str:
    """SHA-256 over the names and bytes of the shards and the index."""
    digest = hashlib.sha256()
    for path in [*sorted(folder.glob("*.tar")), folder / "index.json"]:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def stretch(folder: Path, threads: int, seconds: float, soak: Soak) -> bool:
    """Bake until done or until so many seconds are over, then kill; whether it was done."""
    memory: list[tuple[float, float]] = []
    begin = time.monotonic()
    with subprocess.Popen(
        command(folder, threads), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        seen = psutil.Process(process.pid)
        family: set[psutil.Process] = set()
        while process.poll() is None and time.monotonic() - begin < seconds:
            try:
                soak.most_files = max(soak.most_files, seen.num_fds())
                family.update(seen.children(recursive=True))
                spent = time.monotonic() - begin
                if spent > SETTLED_SECONDS:
                    memory.append((spent / 60, seen.memory_info().rss / 1e6))
            except psutil.NoSuchProcess:
                break
            time.sleep(LOOK_SECONDS)
        done = process.poll() is not None
        if not done:
            process.kill()
            soak.kills += 1
        _, errors = process.communicate(timeout=60)
    soak.orphans += sum(child.is_running() for child in family)
    soak.memory.append(memory)
    if done and process.returncode != 0:
        raise RuntimeError(f"the bake ended with {process.returncode}: {errors.decode()}")
    return done


def run(minutes: float, base: Path, seed: int) -> Soak:
    chance = random.Random(seed)
    soak = Soak()
    reference = base / "reference"
    stretch(reference, 1, float("inf"), Soak())
    due = tree_hash(reference)
    shards = len(list(reference.glob("*.tar")))
    shutil.rmtree(reference)
    end = time.monotonic() + 60 * minutes
    folder = base / "soaked"
    while time.monotonic() < end:
        patience = STARTING_SECONDS + chance.random() * MOST_SECONDS_BETWEEN_KILLS
        if stretch(folder, chance.choice((1, 2, 4)), patience, soak):
            soak.different += tree_hash(folder) != due
            soak.folders += 1
            soak.clips += CLIPS
            soak.shards += shards
            shutil.rmtree(folder)
            left = max(0.0, (end - time.monotonic()) / 60)
            print(f"{soak.clips:,} clips, {soak.kills} kills, {left:.1f} minutes left", flush=True)
    return soak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (default: 30)")
    parser.add_argument("--seed", type=int, default=0, help="of the random times (default: 0)")
    parser.add_argument(
        "--out",
        type=Path,
        default=RESULTS / "soak.json",
        help="the JSON file (default: benchmarks/results/soak.json)",
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as base:
        soak = run(asked.minutes, Path(base), asked.seed)
    print(f"clips              {soak.clips:,}")
    print(f"shards             {soak.shards:,}")
    print(f"kills              {soak.kills}")
    print(f"memory slope       {soak.slope:+.2f} MB a minute, {soak.most_memory:,.0f} MB at most")
    print(f"most open files    {soak.most_files}")
    print(f"orphans            {soak.orphans}")
    print(f"same as reference  {soak.folders - soak.different} of {soak.folders} folders")
    report = {
        "machine": machine(),
        "preset": PRESET,
        "minutes": asked.minutes,
        **{name: value for name, value in asdict(soak).items() if name != "memory"},
        "slope_mb_a_minute": round(soak.slope, 3),
        "most_memory_mb": round(soak.most_memory, 1),
    }
    asked.out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    sys.exit(soak.different > 0 or soak.orphans > 0)


if __name__ == "__main__":
    main()
