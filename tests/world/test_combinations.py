"""What a spec holds out of the training: shapes and colours of laws, and numbers of objects."""

import numpy as np
import pytest

from trajdata import ClipSource, ClipSpec, preset

TRAINING = ("train", "val", "test")
SPEC = preset("combinations-32", transients=(0, 2))
FIELDS = ("label", "target", "exists", "present", "laws", "shapes", "colours")


@pytest.fixture(scope="module")
def batches():
    return {
        split: ClipSource(SPEC, split=split, fields=FIELDS).batch(range(3000))
        for split in SPEC.splits
    }


def lasting(spec, batch, split):
    """How many objects that are no transients each clip has, by the scenes' own numbers."""
    scenes = ClipSource(spec, split=split).scenes(range(len(batch["label"])))
    return (scenes["shown"][:, : int(spec.factor("count", split)[1])] > 0).sum(axis=1)


def test_the_preset_has_a_split_for_each_combination():
    assert SPEC.splits[-3:] == ("ood-colour-law", "ood-shape-law", "ood-count")
    assert SPEC.slots == 7


def test_a_law_lacks_its_shape_in_training_and_has_only_that_shape_in_its_split(batches):
    for split, batch in batches.items():
        exists = batch["exists"]
        own = (batch["shapes"] == batch["laws"] % 4)[exists]
        assert own.all() if split == "ood-shape-law" else not own.any()


def test_every_other_pair_of_shape_and_law_is_as_frequent_in_training(batches):
    for batch in (batches["train"], batches["ood-count"]):
        exists = batch["exists"]
        pairs = np.zeros((4, 4), int)
        np.add.at(pairs, (batch["laws"][exists], batch["shapes"][exists]), 1)
        assert not pairs.diagonal().any()
        share = pairs[~np.eye(4, dtype=bool)] / pairs.sum()
        assert np.abs(share - 1 / 12).max() < 0.012


def test_a_law_lacks_its_hues_in_training_in_transients_too(batches):
    for split in SPEC.splits:
        scenes = ClipSource(SPEC, split=split).scenes(range(3000))
        own = (np.floor(scenes["hue"] * 8) == 2 * scenes["law"])[scenes["shown"] > 0]
        assert own.all() if split == "ood-colour-law" else not own.any()


def test_a_number_of_objects_that_is_held_out_is_in_its_split_only(batches):
    for split, batch in batches.items():
        counts = np.bincount(lasting(SPEC, batch, split), minlength=6)
        want = (4, 5) if split == "ood-count" else (1, 2, 3)
        assert set(np.flatnonzero(counts)) == set(want)
        assert np.abs(counts[list(want)] / 3000 - 1 / len(want)).max() < 0.04
        assert batch["exists"].shape == (3000, 7)
        transients = batch["exists"].sum(axis=1) - lasting(SPEC, batch, split)
        assert set(transients) == {0, 1, 2}
        always = batch["present"].all(axis=2)
        assert np.array_equal(always.argmax(axis=1), batch["target"])
        assert (always.sum(axis=1) == 1).all()


def test_labels_stay_even_in_every_split(batches):
    for batch in batches.values():
        assert np.bincount(batch["label"]).tolist() == [750] * 4


def test_the_target_moves_in_the_same_way_whatever_is_held_out():
    fields = ("trajectory", "label", "params")
    plain = ClipSource(preset("scenes-32", shapes=SPEC.shapes), fields=fields).batch(range(200))
    apart = ClipSource(SPEC, fields=fields).batch(range(200))
    for name in ("trajectory", "label"):
        assert np.array_equal(plain[name], apart[name])
    more = ClipSource(SPEC.replace(held_out_count=(6, 8)), fields=fields).batch(range(200))
    assert np.array_equal(more["trajectory"], apart["trajectory"])


def test_a_clip_of_training_shows_the_same_picture_whatever_number_is_held_out():
    held = ClipSource(preset("scenes-32", held_out_count=(4, 5))).batch(range(100))
    assert np.array_equal(held["video"], ClipSource(preset("scenes-32")).batch(range(100))["video"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"held_out_count": (1, 2)}, r"held_out_count: given \(1, 2\); it must not meet count"),
        ({"held_out_count": (0, 0), "count": (2, 3)}, r"held_out_count: given \(0, 0\)"),
        ({"held_out_count": (8, 9), "transients": (0, 2)}, "held_out_count: given .* up to 10"),
        ({"shapes": ("cube",), "separate_shapes": True}, "separate_shapes: given True with shapes"),
    ],
)
def test_what_cannot_be_held_out_is_an_error(wrong, message):
    with pytest.raises(ValueError, match=message):
        ClipSpec().replace(wrong)
    assert "ood-count" not in ClipSpec().splits
    with pytest.raises(ValueError, match=r"split: given 'ood-count'; .*\(held_out_count"):
        ClipSource(ClipSpec(), split="ood-count")
