"""The measures on small cases that can be counted by hand, and TAP-Vid's by its definition."""

import itertools

import numpy as np
import pytest

from trajdata import MissingPackageError
from trajdata._check import measures

NAN = np.nan


def mean(sums, name):
    part, weight = sums[name]
    return part / weight


def test_tracks_are_matched_with_objects_in_whatever_order_they_come():
    random = np.random.default_rng(5)
    truth = random.uniform(0, 32, (6, 4, 7, 2))
    present = np.ones((6, 4, 7), bool)
    present[:, 3] = False
    present[0, 1, :5] = False
    order = np.array([2, 0, 3, 1])
    predicted = truth[:, order] + np.array([3.0, 4.0]) / 10
    found = measures.object_sums("px", predicted, truth, present, 45.0)
    assert mean(found, "objects_px") == pytest.approx(0.5)
    assert mean(found, "objects_missed") == 0
    # The track of the slot that is empty, and one that goes on while its object is away.
    assert mean(found, "objects_extra") == (6 * 7 + 5) / (6 * 4 * 7)


def test_where_an_object_is_away_does_not_say_which_track_is_its():
    truth = np.zeros((1, 2, 5, 2))
    truth[0, 0, :4] = truth[0, 1, 4] = 8.0
    present = np.zeros((1, 2, 5), bool)
    present[..., 4] = True
    predicted = np.broadcast_to(truth[:, :, 4:], truth.shape)
    found = measures.object_sums("px", predicted, truth, present, 45.0)
    assert found["objects_px"] == (0, 2)


def test_the_matching_is_the_best_of_all_matchings():
    random = np.random.default_rng(6)
    truth = random.uniform(0, 9, (1, 3, 5, 3))
    predicted = random.uniform(0, 9, (1, 4, 5, 3))
    present = np.ones((1, 3, 5), bool)
    found = measures.object_sums("m", predicted, truth, present, 1e9)
    best = min(
        np.mean([np.linalg.norm(predicted[0, j] - truth[0, i], axis=-1) for i, j in enumerate(way)])
        for way in itertools.permutations(range(4), 3)
    )
    assert mean(found, "objects_m") == pytest.approx(best)
    assert mean(found, "objects_extra") == 0.25


def test_a_track_that_says_that_there_is_nothing_misses_its_object():
    truth = np.zeros((1, 2, 4, 2))
    truth[0, 1] = 20.0
    present = np.ones((1, 2, 4), bool)
    predicted = truth.copy()
    predicted[0, 0, :3] = NAN
    found = measures.object_sums("px", predicted, truth, present, 40.0)
    assert mean(found, "objects_px") == 0
    assert mean(found, "objects_missed") == 3 / 8
    nothing = measures.object_sums("px", np.full((1, 0, 4, 2), NAN), truth, present, 40.0)
    assert mean(nothing, "objects_missed") == 1
    assert nothing["objects_px"] == nothing["objects_extra"] == (0, 0)


def test_saying_nothing_is_never_a_better_match_than_being_far_away():
    truth = np.array([[[[0.0, 0], [0, 0]], [[30, 0], [30, 0]]]])
    silent = np.full((2, 2), NAN)
    far = np.array([[500.0, 0], [500, 0]])
    predicted = np.stack([silent, far, truth[0, 1]])[None]
    found = measures.object_sums("px", predicted, truth, np.ones((1, 2, 2), bool), 40.0)
    assert found["objects_missed"][0] in (0, 2)
    assert found["objects_px"][0] in (0.0, 1000.0)


def test_flow_is_scored_in_frames_that_lead_to_a_frame_of_the_clip():
    truth = np.zeros((2, 3, 2, 4, 5), np.float32)
    ids = np.zeros((2, 3, 4, 5), np.uint8)
    ids[:, :, 0] = 2
    wrong = truth.copy()
    wrong[:, 2] = 9.0  # the last frame leads out of the clip
    wrong[:, 0, 0, 0], wrong[:, 0, 1, 0] = 3.0, 4.0  # the first row, in the first frame
    forward = measures.flow_sums("forward_flow", wrong, truth, ids)
    assert mean(forward, "forward_flow_px") == pytest.approx(5 / 8)
    assert mean(forward, "forward_flow_objects_px") == pytest.approx(5 / 2)
    backward = measures.flow_sums("backward_flow", wrong, truth, ids)
    assert mean(backward, "backward_flow_px") == pytest.approx(9 * 2**0.5 / 2)


def test_depth_errors_are_relative_to_the_depth_and_squared():
    truth = np.full((1, 2, 2, 2), 4.0)
    truth[0, 1] = 2.0
    found = measures.depth_sums(truth + 1, truth)
    assert mean(found, "depth_abs_rel") == pytest.approx((1 / 4 + 1 / 2) / 2)
    assert mean(found, "depth_mse") == pytest.approx(1.0)


def test_masks_are_matched_over_the_whole_clip_and_the_background_counts_for_nothing():
    truth = np.zeros((1, 2, 4, 6), np.uint8)
    truth[0, :, :2, :2], truth[0, :, 2:, 3:] = 1, 3
    ids = np.zeros((1, 2, 4, 6), np.int64)
    ids[0, :, :2, :2] = 77
    ids[0, 0, 2:, 3:] = 5  # only in the first frame: half of the object
    assert mean(measures.mask_sums(ids, truth), "mask_iou") == pytest.approx((1 + 0.5) / 2)
    assert mean(measures.mask_sums(truth, truth), "mask_iou") == 1
    assert mean(measures.mask_sums(0 * ids, truth), "mask_iou") == 0
    # Of the same id in both frames for both objects, one gets it.
    assert mean(measures.mask_sums((truth > 0).astype(int), truth), "mask_iou") == pytest.approx(
        (12 / 20) / 2
    )
    assert measures.mask_sums(ids, 0 * truth) == {"mask_iou": (0, 0)}


def by_definition(places, hidden, points, occluded, size):
    """TAP-Vid's three figures, one point and one frame at a time, as its paper describes them."""
    clips = []
    for clip in range(len(points)):
        right, within, false = np.zeros(5), np.zeros(5), np.zeros(5)
        seen = same = frames = 0
        for point, track in enumerate(points[clip]):
            shown = [k for k in range(len(track)) if not occluded[clip, point, k]]
            for k in range(shown[0] + 1 if shown else len(track), len(track)):
                is_seen, says_seen = not occluded[clip, point, k], not hidden[clip, point, k]
                dx = (places[clip, point, k, 0] - track[k, 0]) * 256 / size[1]
                dy = (places[clip, point, k, 1] - track[k, 1]) * 256 / size[0]
                frames += 1
                same += is_seen == says_seen
                seen += is_seen
                for n, threshold in enumerate((1, 2, 4, 8, 16)):
                    near = (dx * dx + dy * dy) ** 0.5 < threshold
                    right[n] += is_seen and says_seen and near
                    within[n] += is_seen and near
                    false[n] += says_seen and not (is_seen and near)
        clips.append((right / (seen + false), within / seen, same / frames))
    return [float(np.mean([np.mean(clip[part]) for clip in clips])) for part in range(3)]


def test_tapvids_figures_are_those_of_its_definition():
    random = np.random.default_rng(7)
    size = (24, 40)
    points = random.uniform(0, 40, (3, 9, 6, 2))
    occluded = random.random((3, 9, 6)) < 0.4
    occluded[0, 0] = True  # never seen: asked for nowhere
    places = points + random.normal(0, 0.6, points.shape)
    hidden = occluded ^ (random.random(occluded.shape) < 0.2)
    found = measures.point_sums({"points": places, "occluded": hidden}, points, occluded, size)
    want = by_definition(places, hidden, points, occluded, size)
    names = ("average_jaccard", "points_within", "occlusion_accuracy")
    assert [mean(found, name) for name in names] == pytest.approx(want)
    assert 0.1 < want[0] < want[1] < 0.9


def test_the_truth_has_all_of_tapvids_figures_at_one_and_clips_with_nothing_to_judge_do_not_count():
    points = np.zeros((2, 3, 4, 2))
    occluded = np.zeros((2, 3, 4), bool)
    occluded[1, :, :3] = True  # first seen in the last frame
    found = measures.point_sums({"points": points, "occluded": occluded}, points, occluded, (9, 9))
    assert found == {
        name: (1.0, 1.0) for name in ("average_jaccard", "points_within", "occlusion_accuracy")
    }


def test_a_point_is_asked_for_where_it_is_seen_first():
    points = np.arange(24.0).reshape(1, 3, 4, 2)
    occluded = np.array([[[False] * 4, [True, True, False, True], [True] * 4]])
    queries = measures.first_queries(points, occluded)
    assert queries.dtype == np.float32
    assert queries.tolist() == [[[0, 0, 1], [2, 12, 13], [3, 22, 23]]]


@pytest.mark.parametrize(
    ("measure", "arguments", "message"),
    [
        (measures.depth_sums, (np.ones((1, 2)), np.ones((1, 3))), "depth_map: given shape"),
        (measures.depth_sums, (np.full((1, 2), NAN), np.ones((1, 2))), "depth_map: .* not finite"),
        (measures.mask_sums, (np.ones((1, 2)), np.ones((1, 2), int)), "segmentations: given float"),
        (
            measures.object_sums,
            ("px", np.ones((1, 2, 3, 3)), np.ones((1, 2, 3, 2)), np.ones((1, 2, 3), bool), 1.0),
            r"predicted: given shape \(1, 2, 3, 3\); allowed is \(1, any number of tracks, 3, 2\)",
        ),
        (
            measures.point_sums,
            (
                {"points": np.ones((1, 2, 3, 2)), "occluded": np.ones((1, 2, 3))},
                np.ones((1, 2, 3, 2)),
                np.ones((1, 2, 3), bool),
                (9, 9),
            ),
            "occluded: given float64",
        ),
    ],
)
def test_a_prediction_that_does_not_fit_is_an_error_that_says_so(measure, arguments, message):
    with pytest.raises(ValueError, match=message):
        measure(*arguments)


def test_without_scipy_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "scipy.optimize", None)
    with pytest.raises(MissingPackageError, match=r"scipy.*trajdata-video\[audit\]"):
        measures.mask_sums(np.zeros((1, 1, 2, 2), int), np.zeros((1, 1, 2, 2), int))
