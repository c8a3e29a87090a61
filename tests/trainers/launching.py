"""How the tests start a program of theirs, alone or under torchrun."""

import os
import subprocess
import sys
from pathlib import Path

from tests.patience import SECONDS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def command(program, *arguments, ranks=None, launcher=()):
    """The words that start a program, under torchrun where there are ranks."""
    start = [sys.executable]
    if ranks is not None:
        start += ["-m", "torch.distributed.run", "--rdzv-backend=c10d"]
        start += [f"--nproc-per-node={ranks}", *launcher]
    return [*start, str(HERE / program), *map(str, arguments)]


def surroundings(**settings):
    """Where and with which environment a program is started."""
    return {
        "cwd": ROOT,
        "env": {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **settings},
    }


def run(program, *arguments, ranks=None, launcher=("--rdzv-endpoint=localhost:0",)):
    """Run a program; its exit code and the end of its output."""
    ended = subprocess.run(
        command(program, *arguments, ranks=ranks, launcher=launcher),
        **surroundings(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return ended.returncode, ended.stdout[-3000:] + ended.stderr[-6000:]
