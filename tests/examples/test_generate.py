"""The generator trains on a few clips, goes on after a kill, and has committed figures."""

import json

import pytest
import torch

import trajdata
from tests.examples.test_examples import EXAMPLES, TRAINED, ended, started, without_times
from tests.patience import SECONDS, until

KEYS = {"machine", "format", "fingerprint", "seed", "batch_clips", "preset", "changes"}
KEYS |= {"latents_per_frame", "autoencoder", "flow"}


@pytest.mark.slow
def test_a_generator_that_is_killed_goes_on_to_the_same_figures(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    ended(started("generate", whole))
    process, checkpoint = started("generate", killed), killed / "flow.pt"
    try:
        until(lambda: checkpoint.exists() or process.poll() is not None, "a checkpoint is there")
    finally:
        process.kill()
        process.communicate(timeout=SECONDS)
    done = torch.load(checkpoint, weights_only=True)["done"]
    assert 1 <= done < 24
    printed = ended(started("generate", killed))
    assert f"flow: step {done + 1:,} of 24, loss " in printed
    assert "autoencoder: step" not in printed and f"flow: step {done:,} of" not in printed
    found = [json.loads((out / "generate.json").read_text("utf-8")) for out in (whole, killed)]
    assert set(found[0]) == KEYS
    assert without_times(found[0]) == without_times(found[1])
    assert (killed / "generate.png").read_bytes().startswith(b"\x89PNG")


def test_the_committed_clips_obey_the_law_asked_for_far_more_often_than_by_chance():
    figures = json.loads((EXAMPLES / "results" / "generate.json").read_text("utf-8"))
    spec = trajdata.preset(figures["preset"], **figures["changes"])
    assert set(figures) == KEYS
    assert figures["format"] == trajdata.FORMAT
    assert figures["fingerprint"] == spec.fingerprint
    for part in ("autoencoder", "flow"):
        assert set(figures[part]) == TRAINED | {"scores"}
    assert sum(figures[part]["cpu_seconds"] for part in ("autoencoder", "flow")) <= 1800
    score = figures["flow"]["scores"]
    assert score["law_agreement"]["low"] > 2 / len(spec.laws)
    assert score["memorized"]["value"] < 0.05
    assert (EXAMPLES / "results" / "generate.png").is_file()
