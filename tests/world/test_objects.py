"""Scenes of several objects: who is in them, and that none knows of another."""

import numpy as np
import pytest

from trajdata import ClipSource, ClipSpec, preset

CROWD = ("label", "target", "exists", "present", "laws", "shapes", "positions", "half_extents")
MANY = {"count": (1, 6), "transients": (0, 3)}


@pytest.fixture(scope="module")
def crowd():
    spec = preset("scenes-32", **MANY)
    return spec, ClipSource(spec, fields=(*CROWD, "quaternions", "colours")).batch(range(4000))


def of_target(batch, name):
    return batch[name][np.arange(len(batch["target"])), batch["target"]]


def test_the_target_moves_and_looks_the_same_however_many_others_there_are():
    fields = ("label", "trajectory", "params", "caption", "target", "colours", "quaternions")
    alone = ClipSource(preset("scenes-32", count=(1, 1)), fields=fields).batch(range(300))
    among = ClipSource(preset("scenes-32", **MANY), fields=fields).batch(range(300))
    assert np.array_equal(alone["trajectory"], among["trajectory"])
    assert alone["caption"] == among["caption"]
    for name in ("colours", "quaternions"):
        assert np.array_equal(of_target(alone, name), of_target(among, name))


def test_other_objects_are_the_same_whatever_the_targets_law_is():
    spec = preset("scenes-32", **MANY)
    source = ClipSource(spec, fields=CROWD)
    for index in range(30):
        clips = [source.pair(index, law) for law in spec.laws]
        slot = clips[0]["target"]
        for name in ("target", "exists", "present"):
            assert all(np.array_equal(clip[name], clips[0][name]) for clip in clips)
        for name in ("laws", "shapes", "positions", "half_extents"):
            others = [np.delete(clip[name], slot, axis=0) for clip in clips]
            assert all(np.array_equal(other, others[0]) for other in others)
        assert [clip["laws"][slot] for clip in clips] == list(range(len(spec.laws)))


def test_a_clip_without_others_has_the_pixels_of_a_spec_without_others():
    many, one = preset("scenes-32"), preset("scenes-32", count=(1, 1))
    batch = ClipSource(many, fields=("video", "exists")).batch(range(300))
    lone = batch["exists"].sum(axis=1) == 1
    assert lone.any()
    assert np.array_equal(batch["video"][lone], ClipSource(one).batch(range(300))["video"][lone])


def test_the_target_alone_is_in_every_frame(crowd):
    _, batch = crowd
    always = batch["present"].all(axis=2)
    assert (always.sum(axis=1) == 1).all()
    assert np.array_equal(always.argmax(axis=1), batch["target"])
    assert np.array_equal(of_target(batch, "laws"), batch["label"])


def test_an_object_is_there_for_one_stretch_of_frames_and_a_transient_for_three_at_most(crowd):
    spec, batch = crowd
    frames = batch["present"].sum(axis=2)
    starts = (batch["present"][..., 1:] & ~batch["present"][..., :-1]).sum(axis=2)
    assert (starts + batch["present"][..., 0] <= 1).all()
    assert np.array_equal(frames > 0, batch["exists"])
    counts = np.bincount(frames[batch["exists"]], minlength=spec.frames + 1)
    assert (counts[1:4] > 0).all()
    assert (counts[4:8] > 0).all()
    none = ClipSource(preset("scenes-32", count=(6, 6)), fields=CROWD).batch(range(300))
    assert none["present"].sum(axis=2).min() == spec.frames // 2


def test_counts_are_even_and_slots_say_nothing(crowd):
    spec, batch = crowd
    assert spec.slots == 9
    exists = batch["exists"].sum(axis=1)
    assert set(exists) == set(range(1, 10))
    slots = np.bincount(batch["target"], minlength=9)
    # 4,000 clips in 9 slots: 444 each, with a standard deviation of 20.
    assert np.abs(slots - 4000 / 9).max() < 100
    for law in range(4):
        own = np.bincount(batch["target"][batch["label"] == law], minlength=9)
        assert np.abs(own - 1000 / 9).max() < 50


def test_the_laws_of_others_do_not_depend_on_the_label(crowd):
    spec, batch = crowd
    others = batch["exists"].copy()
    others[np.arange(len(others)), batch["target"]] = False
    for label in range(4):
        found = batch["laws"][batch["label"] == label][others[batch["label"] == label]]
        share = np.bincount(found, minlength=4) / len(found)
        assert np.abs(share - 0.25).max() < 0.04
    assert len(np.unique(batch["shapes"][others])) == len(spec.shapes)


def test_an_empty_slot_is_zeros(crowd):
    _, batch = crowd
    empty = ~batch["exists"]
    for name in ("positions", "half_extents", "quaternions", "colours"):
        assert not batch[name][empty].any(), name
    for name in ("laws", "shapes"):
        assert (batch[name][empty] == -1).all()


def test_every_object_is_inside_the_frame_and_before_the_wall_whenever_it_is_there():
    spec = preset("scenes-64", count=(3, 6), transients=(1, 2))
    fields = ("present", "amodal_boxes", "positions", "depth_map")
    batch = ClipSource(spec, fields=fields).batch(range(200))
    boxes = batch["amodal_boxes"][batch["present"]]
    assert boxes.min() >= 0
    assert boxes.max() <= 64
    depths = batch["positions"][..., 2][batch["present"]]
    assert spec.camera.reach[0] <= depths.min() < depths.max() <= spec.camera.reach[1]


def test_distractors_stand_apart_from_the_background_and_transients_have_any_colour():
    spec = preset("scenes-32", count=(4, 4), transients=(3, 3), background="random")
    batch = ClipSource(spec, fields=("video", "colours", "present", "target")).batch(range(400))
    back = batch["video"][:, 0, :, 0, 0] / 255 @ [0.299, 0.587, 0.114]
    luma = batch["colours"] @ [0.299, 0.587, 0.114]
    lasting = batch["present"].sum(axis=2) >= 4
    apart = np.abs(luma - back[:, None])
    # The background is a whole gray level, the colours are not.
    assert apart[lasting].min() > spec.looks.contrast - 0.05
    fleeting = luma[(batch["present"].sum(axis=2) < 4)]
    assert fleeting.min() < 0.1
    assert fleeting.max() > 0.9


def test_the_preset_of_transients_has_a_target_and_objects_of_one_to_three_frames():
    spec = preset("transients-32")
    batch = ClipSource(spec, fields=CROWD).batch(range(1000))
    frames = batch["present"].sum(axis=2)
    assert np.array_equal(np.sort(frames, axis=1)[:, -1], np.full(1000, 8))
    others = batch["exists"].sum(axis=1) - 1
    assert set(others) == {1, 2, 3}
    assert set(frames[batch["exists"]]) == {1, 2, 3, 8}
    assert (frames == 8).sum() == 1000


@pytest.mark.parametrize("count", [(0, 1), (2, 1), (1, 11)])
def test_a_count_that_is_none_is_an_error(count):
    with pytest.raises(ValueError, match="count"):
        ClipSpec().replace(count=count)
    with pytest.raises(ValueError, match=r"count: given \(1, 6\) with transients \(0, 5\)"):
        ClipSpec().replace(count=(1, 6), transients=(0, 5))
