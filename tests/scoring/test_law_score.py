"""The law of a clip is read back from its pixels."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.patience import SECONDS
from trajdata import ArgumentError, ClipSource, preset
from trajdata.scoring import calibrate, law_score

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def clips():
    return ClipSource(preset("magvit-32"), seed=5, split="test").batch(range(600))


@pytest.mark.parametrize("name", ["magvit-32", "gray-32", "magvit-32-random"])
def test_real_clips_name_their_law(name):
    batch = ClipSource(preset(name), seed=5, split="test").batch(range(400))
    score = law_score(batch["video"], preset(name))
    assert score.laws == preset(name).laws
    assert np.mean(score.law == batch["label"]) >= 0.995
    assert score.is_lawful.mean() > 0.95
    own = score.residual_px[np.arange(400), batch["label"]]
    assert np.median(own) < 0.05
    assert np.median(score.margin) > 10


@pytest.mark.parametrize("split", ["ood-speed", "ood-radius", "ood-depth"])
def test_clips_out_of_distribution_name_their_law_too(split):
    batch = ClipSource(preset("magvit-32"), split=split).batch(range(200))
    assert np.mean(law_score(batch["video"], preset("magvit-32")).law == batch["label"]) >= 0.99


@pytest.mark.slow
def test_each_of_fifteen_laws_is_named():
    batch = ClipSource(preset("laws-32"), seed=5, split="test").batch(range(300))
    score = law_score(batch["video"], preset("laws-32"))
    assert np.mean(score.law == batch["label"]) >= 0.95


def test_frames_in_random_order_name_no_law_by_more_than_chance(clips):
    dice = np.random.default_rng(1)
    shuffled = np.stack([video[dice.permutation(8)] for video in clips["video"]])
    score = law_score(shuffled, preset("magvit-32"))
    guesses = np.where(score.law == -1, 0.25, score.law == clips["label"])
    assert abs(guesses.mean() - 0.25) < 0.03
    assert score.is_lawful.mean() < 0.01


def test_a_calibration_is_of_one_spec_and_what_is_scored_does_not_change_it(clips):
    calibration = calibrate(preset("magvit-32"))
    assert calibrate(preset("magvit-32")) is calibration
    law_score(clips["video"][:3], preset("magvit-32"), calibration=calibration)
    assert calibrate(preset("magvit-32")) == calibration
    with pytest.raises(ArgumentError, match="calibration: given that of the spec"):
        law_score(clips["video"], preset("magvit-32", pixel_noise=3.0), calibration=calibration)


def test_specs_of_several_objects_and_videos_of_other_sizes_are_refused(clips):
    with pytest.raises(ArgumentError, match="allowed are specs of one object"):
        law_score(clips["video"], preset("scenes-32"))
    for changes in ({"background": "texture"}, {"views": 2, "baseline": 0.2, "place": 0.4}):
        with pytest.raises(ArgumentError, match="allowed are one camera"):
            law_score(clips["video"], preset("magvit-32", **changes))
    with pytest.raises(ArgumentError, match=r"given clips of shape \(7, 3, 32, 32\)"):
        law_score(clips["video"][:, :7], preset("magvit-32"))


def test_an_empty_picture_names_no_law():
    score = law_score(np.full((2, 8, 3, 32, 32), 9, np.uint8), preset("magvit-32"))
    assert score.law.tolist() == [-1, -1]
    assert score.is_lawful.tolist() == [False, False]


@pytest.mark.slow
def test_a_law_of_ones_own_is_named_too():
    program = (
        "import numpy as np, trajdata, user_law\n"
        "from trajdata.scoring import law_score\n"
        "laws = ('linear', 'circular', 'rocking_boat')\n"
        "spec = trajdata.preset('magvit-32', laws=laws)\n"
        "batch = trajdata.ClipSource(spec, seed=5, split='test').batch(range(120))\n"
        "print(np.mean(law_score(batch['video'], spec).law == batch['label']))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'examples'}"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert ended.returncode == 0, ended.stderr
    assert float(ended.stdout) >= 0.95
