import numpy as np
import pytest

from trajdata import ClipSource, evaluate, preset
from trajdata._check.evaluation import track_errors

SPEC = preset("magvit-32")


def truth_of(batch, split, fields):
    source = ClipSource(SPEC, split=split, fields=("index", *fields))
    return source.batch(batch["index"])


def test_the_truth_has_no_error_in_any_split():
    for split in ("test", "ood-speed", "ood-radius", "ood-depth"):
        errors = evaluate(
            lambda batch, split=split: {
                "pixels": truth_of(batch, split, ("pixels",))["pixels"],
                "trajectory": truth_of(batch, split, ("trajectory",))["trajectory"],
            },
            SPEC,
            splits=(split,),
            clips=50,
            batch_size=16,
        )[split]
        assert (errors.clips, errors.position_px, errors.velocity_m_s) == (50, 0.0, 0.0)


def test_a_constant_offset_is_an_error_of_position_only():
    def predict(batch):
        return {"pixels": truth_of(batch, "test", ("pixels",))["pixels"] + np.array([3.0, 4.0])}

    errors = evaluate(predict, SPEC, splits=("test",), clips=40)["test"]
    assert errors.position_px == pytest.approx(5.0, abs=1e-5)
    assert errors.velocity_px_s == pytest.approx(0.0, abs=1e-4)
    assert errors.position_m is None
    assert errors.velocity_m_s is None


def test_errors_are_given_for_test_and_every_split_out_of_distribution():
    def stay_in_the_middle(batch):
        assert tuple(batch) == ("video", "label", "index")
        return {"pixels": np.full((batch["index"].size, SPEC.frames, 2), 16.0)}

    errors = evaluate(stay_in_the_middle, SPEC, clips=200)
    assert tuple(errors) == ("test", "ood-speed", "ood-radius", "ood-depth")
    # Whoever predicts "it stands still" errs by the speed: more where that is held out higher.
    assert errors["ood-speed"].velocity_px_s > errors["test"].velocity_px_s


def test_velocity_error_is_per_second():
    truth = np.zeros((1, 3, 2))
    drifting = np.array([[[0.0, 0], [1, 0], [2, 0]]])
    assert track_errors(drifting, truth, 0.5) == (1.0, 2.0)


def test_predictions_that_do_not_fit_are_errors_that_say_so():
    with pytest.raises(ValueError, match=r"predicted: given shape \(1, 2, 2\)"):
        track_errors(np.zeros((1, 2, 2)), np.zeros((1, 3, 2)), 1.0)
    with pytest.raises(ValueError, match="not finite"):
        track_errors(np.full((1, 3, 2), np.nan), np.zeros((1, 3, 2)), 1.0)
    with pytest.raises(ValueError, match=r"predict: returned \('boxes',\); allowed are"):
        evaluate(lambda batch: {"boxes": batch["index"]}, SPEC, clips=1)
