"""The example that trains a tokenizer of magvit2-pytorch, on a few clips, with its own trainer."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import trajdata
from tests.patience import SECONDS, until
from tests.trainers.apart import FOLDERS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXAMPLES = ROOT / "examples"
KEYS = {
    *("machine", "format", "fingerprint", "seed", "batch_clips", "preset", "scores"),
    *("tokens", "bits_per_clip", "learning_rate", "warmup_steps", "max_grad_norm"),
    *("parameters", "training_clips", "loss", "seconds", "cpu_seconds"),
}
STEPS = 24


def started(out):
    """A process that takes 24 steps of 4 clips, and saves in each."""
    few = ("--clips", str(4 * STEPS), "--batch", "4", "--test-clips", "20", "--threads", "1")
    program = EXAMPLES / "tokenize_magvit2.py"
    return subprocess.Popen(
        [
            *(sys.executable, str(HERE / "apart.py"), str(program), "--out", str(out)),
            *(*few, "--save-seconds", "0"),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process):
    """The numbers of the steps that it printed; it ended well."""
    try:
        printed, _ = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0, printed[-3000:]
    return [int(step) for step in re.findall(rf"^step (\d+) of {STEPS}, loss 0\.", printed, re.M)]


def reached(folder):
    """The step that PROGRESS.txt tells of; 0 before there is one."""
    progress = folder / "PROGRESS.txt"
    return int(progress.read_text("utf-8").split()[1]) if progress.exists() else 0


@pytest.mark.slow
def test_magvit2_pytorchs_trainer_goes_on_after_a_kill_and_is_scored(tmp_path):
    if not (FOLDERS[0] / "magvit2_pytorch").is_dir() and not importlib.util.find_spec(
        "magvit2_pytorch"
    ):
        pytest.skip(f"pip install --no-deps --target {FOLDERS[0]} -r tests/trainers/packages.txt")
    process = started(tmp_path)
    try:
        until(lambda: reached(tmp_path) >= 2 or process.poll() is not None, "two steps are done")
    finally:
        process.kill()
        process.communicate(timeout=SECONDS)
    done = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"]
    assert 2 <= done < STEPS
    assert ended(started(tmp_path)) == list(range(done, STEPS + 1))
    found = json.loads((tmp_path / "tokenize_magvit2.json").read_text("utf-8"))
    assert set(found) == KEYS
    assert found["training_clips"] == 4 * STEPS
    assert found["scores"]["val"]["clips"] == 20
    assert (tmp_path / "tokenize_magvit2.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "PROGRESS.txt").read_text("utf-8").startswith(f"step {STEPS} of {STEPS}")
    # Started once more, it has nothing to train: it scores, and says the same.
    assert ended(started(tmp_path)) == [STEPS]
    again = json.loads((tmp_path / "tokenize_magvit2.json").read_text("utf-8"))
    assert again["scores"] == found["scores"]


def test_the_committed_figures_are_of_this_format_and_say_how_they_were_had():
    found = json.loads((EXAMPLES / "results" / "tokenize_magvit2.json").read_text("utf-8"))
    assert set(found) == KEYS
    assert found["format"] == trajdata.FORMAT
    assert found["fingerprint"] == trajdata.preset(found["preset"]).fingerprint
    assert {"cpu", "cores", "threads", "torch"} <= set(found["machine"])
    assert found["cpu_seconds"] <= 600
    assert (EXAMPLES / "results" / "tokenize_magvit2.png").is_file()
