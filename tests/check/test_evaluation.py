import json
from dataclasses import asdict

import numpy as np
import pytest

from trajdata import ClipSource, evaluate, preset
from trajdata._check.measures import track_errors

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


SCENES = preset("scenes-32", count=(1, 3), points=8, jitter=0.02)
DENSE = ("forward_flow", "backward_flow", "depth_map", "segmentations", "points", "occluded")


def truth_of_scenes(batch, split, fields):
    return ClipSource(SCENES, split=split, fields=fields).batch(batch["index"])


def test_the_truth_of_every_object_and_pixel_has_the_best_score():
    def oracle(batch):
        truth = truth_of_scenes(batch, "test", (*DENSE, "positions", "present"))
        away = np.where(truth["present"][..., None], truth["positions"], np.nan)
        reversed_slots = {"object_positions": away[:, ::-1]}
        renamed = (truth["segmentations"].astype(int) * 7) % 20
        return {**{name: truth[name] for name in DENSE}, "segmentations": renamed, **reversed_slots}

    report = evaluate(oracle, SCENES, splits=("test",), clips=24, batch_size=10, queries=True)
    best = {"mask_iou", "average_jaccard", "points_within", "occlusion_accuracy"}
    found = {name: value for name, value in asdict(report["test"]).items() if value is not None}
    assert found.pop("clips") == 24
    assert {name for name, value in found.items() if value == 1} == best
    assert {name for name, value in found.items() if value == 0} == set(found) - best
    assert len(found) == 13


def test_objects_on_the_picture_are_where_the_cameras_matrix_takes_them():
    def oracle(batch):
        positions = truth_of_scenes(batch, "test", ("positions", "exists"))
        depth = np.where(positions["exists"][:, :, None], positions["positions"][..., 2], 1.0)
        return {"object_pixels": 16 + 32 * positions["positions"][..., :2] / depth[..., None]}

    scores = evaluate(oracle, SCENES, splits=("test",), clips=24)["test"]
    assert scores.objects_px == pytest.approx(0, abs=1e-4)
    assert scores.objects_missed == 0
    assert 0 < scores.objects_extra < 1


def test_points_are_asked_for_where_they_are_seen_first():
    def stay(batch):
        frame, x, y = batch["queries"].transpose(2, 0, 1)
        truth = truth_of_scenes(batch, "test", ("points", "occluded"))
        for clip, point in np.ndindex(frame.shape):
            at = int(frame[clip, point])
            assert truth["occluded"][clip, point, :at].all()
            assert not truth["occluded"][clip, point, at]
            there = (x[clip, point], y[clip, point])
            assert truth["points"][clip, point, at] == pytest.approx(there)
        still = np.broadcast_to(np.stack([x, y], -1)[:, :, None], truth["points"].shape)
        return {"points": still, "occluded": np.zeros(truth["occluded"].shape, bool)}

    scores = evaluate(stay, SCENES, splits=("test",), clips=16, queries=True)["test"]
    assert 0 < scores.average_jaccard < scores.points_within < 1


def test_a_report_has_splits_side_by_side_as_text_and_as_json():
    def still(batch):
        shape = (batch["index"].size, 8, 2, 32, 32)
        return {"forward_flow": np.zeros(shape), "depth_map": np.full((shape[0], 8, 32, 32), 12.0)}

    report = evaluate(still, SCENES, splits=("test", "ood-speed"), clips=32)
    assert tuple(report) == ("test", "ood-speed")
    assert report["ood-speed"].forward_flow_objects_px > report["test"].forward_flow_objects_px
    assert report["test"].forward_flow_px < report["test"].forward_flow_objects_px
    said = json.loads(report.to_json())
    assert (said["fingerprint"], said["seed"]) == (SCENES.fingerprint, 0)
    assert said["splits"]["test"]["depth_rmse_m"] == report["test"].depth_rmse_m
    assert "mask_iou" not in said["splits"]["test"]
    head, *rows = str(report).split("\n")
    assert head.split() == ["test", "ood-speed"]
    assert [row.split()[0] for row in rows] == [
        *("clips", "forward_flow_px", "forward_flow_objects_px", "depth_abs_rel", "depth_rmse_m"),
    ]
    assert rows[1].split()[2] == f"{report['ood-speed'].forward_flow_px:.4g}"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("points", "occluded"), "occluded, points with queries=False"),
        (("points",), "points with queries=False; points are scored with points and occluded"),
        (("object_pixels", "object_positions"), "allowed is one of the two"),
    ],
)
def test_predictions_that_do_not_go_together_are_an_error(names, message):
    with pytest.raises(ValueError, match=message):
        evaluate(lambda batch: dict.fromkeys(names, batch["index"]), SCENES, clips=1)
