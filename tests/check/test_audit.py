"""The audit passes what is good, and every check of it can fail."""

import json

import numpy as np
import pytest

from trajdata import ClipSource, audit, preset, presets
from trajdata._check.audit import factors, fits, looks, rendering, streams, truth
from trajdata._check.audit.findings import at_least, at_most

SPEC = preset("magvit-32")


@pytest.fixture(scope="module")
def batch():
    return ClipSource(SPEC, fields=truth.TRUTH_FIELDS).batch(range(2000))


@pytest.fixture(scope="module")
def sampled():
    return factors.scene_factors(ClipSource(SPEC), 20_000)


def failed(findings):
    return [finding.name for finding in findings if not finding.passed]


@pytest.mark.slow
def test_a_preset_passes_every_bound_at_20000_clips(tmp_path):
    """As gray-32 does by the command, in tests/cli/test_cli.py."""
    report = audit(SPEC, clips=20_000)
    assert failed(report.findings) == []
    assert report.passed
    report.write(tmp_path)
    written = json.loads((tmp_path / "audit.json").read_text("ascii"))
    assert written["passed"] is True
    assert len(written["findings"]) == len(report.findings) > 30
    assert (tmp_path / "audit.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["magvit-64", "magvit2-128"])
def test_a_large_preset_passes_every_bound_at_20000_clips(name):
    assert failed(audit(preset(name), clips=20_000).findings) == []


@pytest.mark.slow
def test_the_preset_of_all_laws_passes_every_bound_at_20000_clips():
    report = audit(preset("laws-32"), clips=20_000)
    assert failed(report.findings) == []
    assert report.as_json()["told_apart"].keys() == set(report.spec.laws)
    # Fifteen classes leave chance more room, so the cheap figures take more scenes.
    assert report.labels.size > 20_000


def test_too_few_clips_are_an_error_that_says_how_many():
    with pytest.raises(ValueError, match="clips: given 10; allowed are whole numbers from 20000"):
        audit(SPEC, clips=10)


def test_a_figure_that_is_not_a_number_holds_no_bound():
    assert not at_most("g", "n", float("nan"), 1, "", 1).passed
    assert not at_least("g", "n", float("nan"), 1, "", 1).passed


def test_duplicates_are_found(monkeypatch):
    real = ClipSource.batch

    def repeat(self, indices, **options):
        return real(self, np.asarray(indices) // 2, **options)

    monkeypatch.setattr(ClipSource, "batch", repeat)
    assert failed(rendering.duplicates_and_stillness(SPEC, 0, 200)) == [
        "clips that occur twice, train, val and test together"
    ]


def test_a_frame_that_repeats_though_the_object_moves_is_found(monkeypatch):
    real = ClipSource.batch

    def frozen(self, indices, **options):
        batch = real(self, indices, **options)
        if "video" in batch:
            batch["video"][0, 4] = batch["video"][0, 3]
        return batch

    monkeypatch.setattr(ClipSource, "batch", frozen)
    assert failed(rendering.duplicates_and_stillness(SPEC, 0, 50)) == [
        "consecutive frames that are the same though the object moves"
    ]


def test_an_object_that_halts_by_its_law_is_no_frame_that_repeats():
    halting = preset("laws-32")
    found = rendering.duplicates_and_stillness(halting, 0, 300)
    assert failed(found) == []
    video = ClipSource(halting).batch(range(300))["video"]
    assert (video[:, 1:] == video[:, :-1]).all(axis=(2, 3, 4)).any()


def test_a_fit_tells_the_laws_of_a_preset_apart():
    table = fits.told_apart(ClipSource(SPEC), clips=12)
    assert {name for row in table.values() for name in row} == set(SPEC.laws)
    assert min(share for row in table.values() for share in row.values()) >= 90
    assert failed(fits.findings(table, 12)) == []


def test_a_parabola_without_a_bow_is_found_to_be_no_more_than_a_line():
    flat = SPEC.replace(
        {"laws": ("linear", "parabolic"), "speed": (0.001, 0.002), "least_path": 0.0}
    ).replace({"parabolic.least_sagitta": 0.0})
    table = fits.told_apart(ClipSource(flat), clips=12)
    assert table["linear"]["parabolic"] == 100
    assert table["parabolic"]["linear"] < 10
    assert failed(fits.findings(table, 12)) == [
        "parabolic told by a fit from any one other law; least from linear"
    ]


def test_an_object_over_the_edge_is_found_even_by_a_hundredth_of_a_pixel(batch):
    moved = {**batch, "pixels": batch["pixels"].copy()}
    moved["pixels"][7, 3, 0] = batch["radius"][7, 3] - 0.01
    assert failed(truth.framing(SPEC, moved)) == ["objects wholly inside the frame"]


def test_a_clip_that_hardly_moves_is_found(batch):
    still = {**batch, "pixels": batch["pixels"].copy()}
    still["pixels"][5] = still["pixels"][5, :1]
    assert failed(truth.motion(SPEC, still)) == ["shortest path on the picture"]


def test_truth_that_does_not_agree_with_itself_is_found(batch):
    moved = {**batch, "pixels": batch["pixels"] + np.float32(0.002)}
    assert failed(truth.reprojection(SPEC, moved)) == [
        "pixels against the rendered path reprojected"
    ]
    params = {**batch["params"], "phase_rad": batch["params"]["phase_rad"] + 1e-3}
    assert failed(truth.reprojection(SPEC, {**batch, "params": params})) == [
        "path from params against trajectory"
    ]
    fixed = {**batch, "radius": np.full_like(batch["radius"], 2.0)}
    assert failed(truth.reprojection(SPEC, fixed)) == [
        "depth x radius against focal length x size, relative"
    ]


def test_a_line_that_is_labelled_a_parabola_is_found(batch):
    swapped = {**batch, "label": np.array([3, 1, 2, 0])[batch["label"]]}
    assert "parabola: bow off the chord, at 32 px" in failed(truth.separation(SPEC, swapped))


def test_labels_dealt_with_a_lean_are_found(sampled):
    labels, _ = sampled
    assert failed(streams.balance(SPEC, labels)) == []
    assert len(failed(streams.balance(SPEC, np.sort(labels)))) == 2


def test_a_factor_that_leans_on_the_class_is_found(sampled):
    labels, columns = sampled
    leaning = {"speed": columns["speed"] + 0.02 * (labels == 1)}
    assert len(failed(factors.independence(labels, leaning))) == 2
    assert failed(factors.independence(labels, {"speed": columns["speed"]})) == []


def test_a_pair_that_differs_in_more_than_its_law_is_found(monkeypatch):
    assert failed(factors.matched_pairs(SPEC, 0, 20)) == []
    real = ClipSource.pair

    def leak(self, index, law):
        pair = real(self, index, law)
        if law == "helical":
            pair["params"]["speed_m_s"] += 1e-9
        return pair

    monkeypatch.setattr(ClipSource, "pair", leak)
    assert len(failed(factors.matched_pairs(SPEC, 0, 20))) == 1


def test_mutual_information_is_right_where_it_is_known():
    labels = np.arange(40_000) % 4
    rng = np.random.default_rng(0)
    assert factors.mutual_information(labels, labels.astype(float)) == pytest.approx(2.0, abs=1e-3)
    assert factors.mutual_information(labels, rng.random(40_000)) == pytest.approx(0, abs=5e-4)
    half = np.where(rng.random(40_000) < 0.5, labels, rng.integers(0, 4, 40_000))
    # H(X) - H(X|Y) with P(same) = 5/8 and three others of 1/8 each.
    expected = 2 + 0.625 * np.log2(0.625) + 0.375 * np.log2(0.125)
    assert factors.mutual_information(labels, half.astype(float)) == pytest.approx(
        expected, abs=0.02
    )


def test_the_false_discovery_rate_is_held_by_benjamini_and_hochberg():
    assert factors.false_discoveries([0.5, 0.02, 0.9], 0.01) == 0
    assert factors.false_discoveries([1e-5, 0.6, 0.9], 0.01) == 1


def test_a_held_out_range_that_training_shows_is_found(monkeypatch):
    assert failed(streams.held_out(SPEC, 0, 500)) == []
    real = ClipSource.scenes

    def leak(self, indices):
        scenes = real(self, indices)
        if self.split == "train":
            scenes["radius"][3] = 0.45
        return scenes

    monkeypatch.setattr(ClipSource, "scenes", leak)
    assert failed(streams.held_out(SPEC, 0, 500)) == [
        "clips of training that show what ood-radius holds out"
    ]


def test_colour_and_law_that_are_kept_apart_are_checked_too():
    separate = SPEC.replace(separate_colours=True)
    findings = streams.held_out(separate, 0, 500)
    assert failed(findings) == []
    assert any("ood-colour-law" in finding.name for finding in findings)


def test_a_picture_drawn_off_its_place_is_found(monkeypatch):
    real = ClipSource.batch

    def shift(self, indices, **options):
        batch = real(self, indices, **options)
        if "pixels" in self.fields and "video" not in self.fields:
            batch["pixels"] = batch["pixels"] + np.float32(0.1)
        return batch

    source = ClipSource(SPEC)
    assert failed(rendering.centroids(source, 300)) == []
    weight = rendering._flat_discs(source, range(300))
    monkeypatch.setattr(ClipSource, "batch", shift)
    monkeypatch.setattr(rendering, "_flat_discs", lambda *_: weight)
    monkeypatch.setattr(rendering, "_CHUNK", 300)
    assert failed(rendering.centroids(source, 300)) == [
        "centroid of the rendered object against pixels"
    ]


@pytest.mark.parametrize("name", [name for name in presets() if preset(name).views == 1])
def test_the_object_has_most_of_a_clips_variance_but_for_presets_called_random(name):
    share = 100 * looks.object_shares(ClipSource(preset(name)), 100).mean()
    if name.endswith("-random"):
        assert share < 5
    else:
        # Ten objects a clip are also much of the mean image that is taken away.
        assert share > (80 if name == "scenes-128" else 90) > looks.LEAST_OBJECT_SHARE


def test_clips_of_several_cameras_or_a_moving_one_are_not_audited_in_silence():
    for spec in (preset("stereo-64"), preset("magvit-32", shaking=0.01, place=0.3)):
        with pytest.raises(ValueError, match="one camera at rest"):
            audit(spec, clips=20_000)


def test_a_background_that_drowns_the_object_is_found(monkeypatch):
    source = ClipSource(SPEC)
    assert failed(looks.variance(source, 300)) == []
    real = ClipSource.batch

    def drown(self, indices, **options):
        batch = real(self, indices, **options)
        # As strong as a random background of every clip is, about its own mean.
        lift = 60 * (np.asarray(indices) % 2).astype(np.uint8)
        batch["video"] = np.maximum(batch["video"], lift[:, None, None, None, None])
        return batch

    monkeypatch.setattr(ClipSource, "batch", drown)
    assert failed(looks.variance(source, 300)) == [
        "share of a clip's variance that the object's pixels have, mean"
    ]


def test_the_objects_share_counts_the_pixels_that_its_box_touches_and_no_others(monkeypatch):
    video = np.zeros((2, 2, 1, 16, 16), np.uint8)
    video[0, :, 0, 4:7, 5:8] = 100  # the object, 3 x 3 pixels
    video[0, :, 0, 12, 12] = 100  # one pixel of something else
    video[1, :, 0, 4:7, 5:8] = 200
    clips = {
        "video": video,
        "amodal_boxes": np.full((2, 1, 2, 4), (5.25, 4.25, 7.75, 6.75), np.float32),
    }
    monkeypatch.setattr(ClipSource, "batch", lambda self, indices, **options: clips)
    tiny = ClipSource(SPEC.replace(frames=2, channels=1, height=16, width=16))
    # About the mean image both clips' objects are 50 off, and the other pixel is as well.
    assert looks.object_shares(tiny, 2) == pytest.approx([9 / 10, 9 / 10])


@pytest.mark.parametrize("change", [{"background": "random"}, {"pixel_noise": 30.0}])
def test_looks_that_are_meant_to_be_hard_are_reported_without_a_bound(change):
    (finding,) = looks.variance(ClipSource(SPEC.replace(**change)), 100)
    assert finding.figure < looks.LEAST_OBJECT_SHARE
    assert finding.bound == 0
    assert finding.passed


def test_jagged_edges_are_found(monkeypatch):
    real = ClipSource.batch

    def jagged(self, indices, **options):
        batch = real(self, indices, **options)
        if "video" in batch:
            video = batch["video"].astype(int)
            back = video[..., :1, :1]
            batch["video"] = np.where(np.abs(video - back) < 60, back, video).astype(np.uint8)
        return batch

    source = ClipSource(SPEC)
    assert failed(rendering.anti_aliasing(source, 20)) == []
    monkeypatch.setattr(ClipSource, "batch", jagged)
    assert len(failed(rendering.anti_aliasing(source, 20))) == 2
