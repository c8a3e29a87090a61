"""Each example trains on a few clips, goes on after a kill as if it had not been killed, and writes
the figures that the guide shows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import trajdata
from tests.patience import SECONDS, until

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

EVERY = {"machine", "format", "fingerprint", "seed", "batch_clips", "preset"}
TRAINED = {"parameters", "training_clips", "learning_rate", "loss", "waiting_share"}
TRAINED |= {"seconds", "cpu_seconds", "waited_seconds"}
ACCURACIES = {"accuracy", "shuffled_accuracy", "first_frame_accuracy"}
KEYS = {
    "classify": EVERY | TRAINED | ACCURACIES
    | {"test_clips", "confusion", "first_frame_training"},
    "predict": EVERY | TRAINED | {"given", "scores"},
    "tokenize_fsq": EVERY | {"tokens", "sizes"},
}  # fmt: skip
FIRST = {"classify": "clip", "predict": "predictor", "tokenize_fsq": "8x8x8x8x8x8"}
"""The training that each begins with."""
TIMES = ("seconds", "cpu_seconds", "waited_seconds", "waiting_share", "machine")


def started(name, out, *options):
    """A process that runs the example on few clips and saves after each of its 24 steps."""
    few = ("--clips", "96", "--batch", "4", "--test-clips", "20", "--threads", "1")
    few += ("--save-seconds", "0")
    return subprocess.Popen(
        [sys.executable, str(EXAMPLES / f"{name}.py"), "--out", str(out), *few, *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process):
    """What a process printed; it ended well."""
    try:
        printed, _ = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0, printed[-3000:]
    return printed


def without_times(figures):
    """Figures that are the same whenever, and however often, a training was stopped."""
    if isinstance(figures, dict):
        kept = {name: value for name, value in figures.items() if name not in TIMES}
        return {name: without_times(value) for name, value in kept.items()}
    return [without_times(part) for part in figures] if isinstance(figures, list) else figures


@pytest.mark.slow
@pytest.mark.parametrize("name", KEYS)
def test_an_example_that_is_killed_goes_on_to_the_same_figures(name, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    ended(started(name, whole))
    process, checkpoint = started(name, killed), killed / f"{FIRST[name]}.pt"
    try:
        until(lambda: checkpoint.exists() or process.poll() is not None, "a checkpoint is there")
    finally:
        process.kill()
        process.communicate(timeout=SECONDS)
    done = torch.load(checkpoint, weights_only=True)["done"]
    assert 1 <= done < 24
    printed = ended(started(name, killed))
    assert f"{FIRST[name]}: step {done + 1:,} of 24, loss " in printed
    assert f"{FIRST[name]}: step {done:,} of" not in printed
    assert (killed / "PROGRESS.txt").read_text("utf-8") in printed
    found = [json.loads((out / f"{name}.json").read_text("utf-8")) for out in (whole, killed)]
    assert set(found[0]) == KEYS[name]
    assert without_times(found[0]) == without_times(found[1])
    assert (killed / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert not list(killed.glob("*.tmp"))
    # Started once more, it has nothing to train: it scores, and says the same.
    assert "step" not in ended(started(name, killed))


@pytest.mark.slow
def test_a_training_with_other_settings_is_not_gone_on_with(tmp_path):
    ended(started("predict", tmp_path))
    other = started("predict", tmp_path, "--clips", "64")
    printed, _ = other.communicate(timeout=SECONDS)
    assert other.returncode == 1
    assert "'steps': 24" in printed and "'steps': 16" in printed and "--out" in printed


def rows_of(figures):
    """The trainings of a result file."""
    more = [figures[name] for name in figures if name.endswith("_training")]
    return [*figures.get("sizes", [figures]), *more]


@pytest.mark.parametrize("name", KEYS)
def test_the_committed_figures_are_of_this_format_and_say_how_they_were_had(name):
    figures = json.loads((EXAMPLES / "results" / f"{name}.json").read_text("utf-8"))
    assert set(figures) == KEYS[name]
    assert figures["format"] == trajdata.FORMAT
    assert figures["fingerprint"] == trajdata.preset(figures["preset"]).fingerprint
    assert {"cpu", "cores", "threads", "torch"} <= set(figures["machine"])
    for row in rows_of(figures):
        assert set(row) >= TRAINED
        assert row["training_clips"] > 0 and row["cpu_seconds"] > 0
    assert (EXAMPLES / "results" / f"{name}.png").is_file()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_can_be_read_in_one_go(path):
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) <= 150
    assert lines[0].startswith('"""')
