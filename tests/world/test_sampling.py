"""What is sampled without regard to the class, and what is held out of training."""

import numpy as np
import pytest

from trajdata import ClipSource, ClipSpec, preset
from trajdata._world.sampling import LUMA

COUNT = 20_000


def scenes_of(spec, split="train"):
    return ClipSource(spec, split=split).scenes(range(COUNT))[:, 0]


def test_drawn_factors_fill_their_ranges_evenly():
    spec = preset("magvit-32")
    scenes = scenes_of(spec)
    ranges = {
        "z": spec.objects.depth,
        "radius": spec.objects.radius,
        "speed": spec.motion.speed,
        "hue": (0, 1),
        "luma": (spec.looks.contrast, 0.8),
        "start": (-spec.seconds, 0),
    }
    for name, (low, high) in ranges.items():
        part = (scenes[name] - low) / (high - low)
        counts = np.histogram(part, bins=10, range=(0, 1))[0]
        assert counts.sum() == COUNT, name
        assert np.abs(counts - COUNT / 10).max() < 5 * np.sqrt(COUNT / 10), name


def test_colours_are_colours_and_differ_from_the_background_in_luma():
    spec = preset("magvit-32")
    scenes = scenes_of(spec)
    for name in ("red", "green", "blue", "back_red", "back_green", "back_blue"):
        assert scenes[name].min() >= 0
        assert scenes[name].max() <= 1
    front = sum(w * scenes[c] for w, c in zip(LUMA, ("red", "green", "blue"), strict=True))
    back = sum(w * scenes["back_" + c] for w, c in zip(LUMA, ("red", "green", "blue"), strict=True))
    assert np.abs(front - scenes["luma"]).max() < 1e-12
    assert np.abs(front - back).min() >= spec.looks.contrast - 1e-9


def test_the_light_is_a_unit_vector_from_the_cameras_side():
    scenes = scenes_of(preset("magvit-32"))
    light = np.stack([scenes["light_x"], scenes["light_y"], scenes["light_z"]], -1)
    assert np.abs(np.linalg.norm(light, axis=-1) - 1).max() < 1e-12
    assert light[:, 2].max() <= -0.5


@pytest.mark.parametrize(
    ("split", "column", "factor"),
    [
        ("ood-speed", "speed", "speed"),
        ("ood-radius", "radius", "radius"),
        ("ood-depth", "z", "depth"),
    ],
)
def test_a_held_out_range_is_met_in_its_own_split_only(split, column, factor):
    spec = preset("magvit-32")
    group = spec.motion if factor == "speed" else spec.objects
    low, high = getattr(group, f"held_out_{factor}")
    assert spec.factor(factor, split) == (low, high)
    own = scenes_of(spec, split)[column]
    assert low <= own.min() < own.max() <= high
    for other in ("train", "val", "test"):
        sampled = scenes_of(spec, other)[column]
        assert not ((low <= sampled) & (sampled <= high)).any()


def test_separate_colours_keep_each_law_from_one_sector_until_the_ood_split():
    spec = ClipSpec().replace(separate_colours=True)
    for split in ("train", "val", "test", "ood-colour-law"):
        scenes = scenes_of(spec, split)
        inside = np.floor(scenes["hue"] * 8) == 2 * scenes["law"]
        assert inside.all() if split == "ood-colour-law" else not inside.any()
        assert scenes["hue"].min() >= 0
        assert scenes["hue"].max() < 1


def test_a_pair_shares_everything_but_the_law():
    source = ClipSource(
        preset("magvit-32"), fields=("video", "label", "index", "params", "caption")
    )
    for i in range(20):
        own = source[i]
        law = source.spec.laws[own["label"]]
        same = source.pair(i, law=law)
        assert np.array_equal(same["video"], own["video"])
        for other in source.spec.laws:
            pair = source.pair(i, law=other)
            assert source.spec.laws[pair["label"]] == other
            assert pair["index"] == i
            for name in ("start_s", "end_s", "speed_m_s", "object_radius_m"):
                assert pair["params"][name] == own["params"][name]
            assert np.array_equal(pair["video"][:, :, 0, 0], own["video"][:, :, 0, 0])
            assert pair["caption"].split(" moves")[0][:12] == own["caption"][:12]
            assert (other == law) == np.array_equal(pair["video"], own["video"])
    with pytest.raises(ValueError, match="law: given 'zigzag'; allowed are linear"):
        source.pair(0, law="zigzag")
