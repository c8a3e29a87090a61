"""Tokenizers, generators and predictors of which it is known what they keep are scored so."""

import json

import numpy as np
import pytest

from trajdata import ArgumentError, ClipSource, preset
from trajdata._scoring.predictor import simple_predictions
from trajdata.scoring import (
    draw_scores,
    evaluate_generator,
    evaluate_predictor,
    evaluate_tokenizer,
    scores_json,
)

SPEC = preset("magvit-32")
CLIPS = 200


@pytest.fixture(scope="module")
def source():
    return ClipSource(SPEC, split="val")


def blurred(video):
    """Each pixel the mean of itself and its neighbours."""
    parts = [
        np.roll(video.astype(np.float32), (i, j), (3, 4)) for i in (-1, 0, 1) for j in (-1, 0, 1)
    ]
    return np.mean(parts, axis=0)


@pytest.mark.slow
def test_a_tokenizer_that_keeps_all_reaches_the_ceiling_in_every_split(source):
    scores = evaluate_tokenizer(lambda video: video, source, clips=CLIPS)
    assert list(scores) == ["val", "ood-speed", "ood-radius", "ood-depth"]
    for score in scores.values():
        assert score.clips == CLIPS
        assert score.psnr_db.value == pytest.approx(100)
        assert score.ssim.value == pytest.approx(1)
        assert score.law_retention == score.real_law
        assert score.law_retention.value >= 0.99
        assert score.position_px == score.real_position_px
        assert abs(score.shuffled_law.value - 0.25) < 0.06
        assert score.law_retention.low < score.law_retention.value <= score.law_retention.high


@pytest.mark.slow
def test_a_tokenizer_that_keeps_pictures_and_not_order_keeps_no_law(source):
    score = evaluate_tokenizer(lambda video: video[:, ::-1], source, clips=CLIPS, splits=())["val"]
    assert score.position_px.value > 3  # the way back is a law too, on other places
    dull = evaluate_tokenizer(blurred, source, clips=CLIPS, splits=())["val"]
    assert 15 < dull.psnr_db.value < 40
    assert 0.3 < dull.ssim.value < 1
    assert dull.law_retention.value > 0.8
    still = evaluate_tokenizer(
        lambda video: np.repeat(video[:, :1], 8, axis=1), source, clips=CLIPS, splits=()
    )["val"]
    assert abs(still.law_retention.value - 0.25) < 0.05


def test_a_generator_is_asked_for_laws_and_for_new_clips(source):
    other = ClipSource(SPEC, seed=8, split="test")
    pool = other.batch(range(4 * CLIPS))
    by_law = [list(np.flatnonzero(pool["label"] == law)) for law in range(4)]

    def right(labels):
        return pool["video"][[by_law[label].pop() for label in labels]]

    good = evaluate_generator(right, source, clips=CLIPS, training_clips=1000)
    assert good.law_agreement.value >= 0.99
    assert good.lawful.value > 0.9
    assert np.array(good.confusion).shape == (4, 5)
    assert np.trace(np.array(good.confusion)) >= 0.99 * CLIPS
    assert good.memorized.value < 0.08
    assert max(good.diversity.values()) < 0.4
    train = ClipSource(SPEC, split="train").batch(range(1000))
    rows = [list(np.flatnonzero(train["label"] == law)) for law in range(4)]

    def remembered(labels):
        return train["video"][[rows[label][0] for label in labels]]

    bad = evaluate_generator(remembered, source, clips=CLIPS, training_clips=1000)
    assert bad.law_agreement.value == 1
    assert bad.memorized.value == 1
    assert bad.nearest_training_px == 0 < bad.real_nearest_training_px
    assert max(bad.diversity.values()) > 2 * max(bad.real_diversity.values())
    wrong = evaluate_generator(
        lambda labels: train["video"][[rows[(label + 1) % 4][0] for label in labels]],
        source,
        clips=CLIPS,
        training_clips=1000,
    )
    assert wrong.law_agreement.value < 0.02
    assert wrong.lawful.value > 0.5


def test_a_predictor_stands_beside_the_simplest_ones(source):
    batch = source.batch(range(CLIPS))
    first = {video[:4].tobytes(): video[4:] for video in batch["video"]}

    def knowing(video):
        return np.stack([first[clip.tobytes()] for clip in video])

    best = evaluate_predictor(knowing, source, given=4, clips=CLIPS, splits=())["val"]
    assert best.position_px == best.real_position_px
    assert all(best.beats_velocity)
    assert best.law_retention == best.real_law
    last = evaluate_predictor(
        lambda video: np.repeat(video[:, -1:], 4, axis=1), source, given=4, clips=CLIPS, splits=()
    )["val"]
    assert last.position_px == last.copy_last_px
    assert last.beats_velocity[:2] == (False, False)
    errors = [figure.value for figure in last.constant_velocity_px]
    assert errors == sorted(errors)
    assert len(errors) == 4


def test_the_simplest_predictions_follow_their_formula():
    times = np.arange(8.0)
    falling = np.stack([3 + 2 * times, 20 - 4 * times + 0.5 * times**2], axis=-1)[None]
    simple = simple_predictions(falling[:, :4], 4)
    assert np.allclose(simple["constant_acceleration"], falling[:, 4:])
    assert np.allclose(simple["constant_velocity"][..., 0], falling[:, 4:, 0])
    assert np.array_equal(simple["copy_last"], np.repeat(falling[:, 3:4], 4, axis=1))
    two = simple_predictions(falling[:, :2], 2)
    assert np.array_equal(two["constant_acceleration"], two["constant_velocity"])


def test_scores_are_json_and_one_picture(source, tmp_path):
    scores = evaluate_tokenizer(lambda video: video, source, clips=20, splits=("ood-speed",))
    told = json.loads(json.dumps(scores_json(scores)))
    assert told["ood-speed"]["law_retention"]["value"] == scores["ood-speed"].law_retention.value
    draw_scores(scores, tmp_path / "tokenizer.png")
    predicted = evaluate_predictor(
        lambda video: np.repeat(video[:, -1:], 4, axis=1), source, given=4, clips=20, splits=()
    )
    draw_scores(predicted, tmp_path / "predictor.png")
    made = evaluate_generator(
        lambda labels: np.zeros((len(labels), 8, 3, 32, 32)), source, clips=20, training_clips=100
    )
    assert made.lawful.value == 0
    assert json.loads(json.dumps(scores_json(made)))["clips"] == 20
    draw_scores(made, tmp_path / "generator.png")
    for path in tmp_path.iterdir():
        assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with pytest.raises(ArgumentError, match="scores: given int"):
        scores_json(3)


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda s: evaluate_tokenizer(lambda v: v[:, :4], s, clips=9), "reconstruct: returned"),
        (lambda s: evaluate_tokenizer(lambda v: v, s, clips=0), "clips, batch_size: given 0"),
        (lambda s: evaluate_generator(lambda y: np.zeros((1, 8)), s, clips=9), "sample: returned"),
        (lambda s: evaluate_predictor(lambda v: v, s, given=8, clips=9), "allowed are 2 to 7"),
        (
            lambda s: evaluate_predictor(lambda v: v[:, :1], s, given=4, clips=9),
            "predict: returned",
        ),
    ],
)
def test_what_a_model_may_not_return_is_said(source, act, told):
    with pytest.raises(ArgumentError, match=told):
        act(source)
