import hashlib
import json

import pytest
from pydantic import ValidationError

from trajdata import FORMAT, ClipSource, ClipSpec, preset, presets


def test_the_presets_have_the_promised_shapes():
    assert presets()[:4] == ("magvit-32", "magvit-64", "gray-32", "magvit2-128")
    assert [preset(name).video_shape for name in presets()[:4]] == [
        (8, 3, 32, 32),
        (16, 3, 64, 64),
        (8, 1, 32, 32),
        (17, 3, 128, 128),
    ]


def test_an_unknown_preset_is_an_error_that_lists_the_presets():
    with pytest.raises(
        ValueError, match="preset: given 'magvit'; allowed are magvit-32, magvit-64"
    ):
        preset("magvit")


def test_a_spec_cannot_be_changed():
    with pytest.raises(ValidationError):
        ClipSpec().frames = 9


@pytest.mark.parametrize(
    "wrong",
    [
        {"frames": 1},
        {"frames": 1025},
        {"frames": 8.5},
        {"channels": 2},
        {"height": 15},
        {"width": 4096},
        {"laws": ()},
        {"laws": ("linear", "linear")},
        {"laws": ("teleport",)},
        {"shapes": ("torus",)},
        {"speed": (0.0, 1.0)},
        {"speed": (2.0, 1.0)},
        {"speed": (1.0, float("nan"))},
        {"depth": (1.0, float("inf"))},
        {"depth": (2.0, 5.0)},
        {"radius": (0.3, 3.0)},
        {"circular.turns": (0.5, 1.0)},
        {"place": 0.95},
        {"contrast": 0.9},
        {"seconds": 0.0},
        {"colour": "red"},
        {"held_out_speed": (1.2, 1.4)},
        {"held_out_speed": (2.0, 1.4)},
        {"jitter": -1.0},
        {"pixel_noise": 256.0},
    ],
)
def test_a_wrong_value_is_a_value_error_that_names_the_field(wrong):
    with pytest.raises(ValueError) as caught:
        ClipSpec().replace(wrong)
    assert next(iter(wrong)) in str(caught.value)


def test_the_fingerprint_tells_specs_apart_and_survives_json():
    spec = preset("magvit-64")
    again = ClipSpec.from_json(spec.to_json())
    assert again == spec
    assert again.fingerprint == spec.fingerprint
    others = {preset(name).fingerprint for name in presets()}
    assert len(others) == len(presets())
    slower = spec.replace(speed=(0.8, 1.25))
    assert slower.fingerprint != spec.fingerprint


def test_splits_out_of_distribution_exist_where_something_is_held_out():
    assert ClipSpec().splits == ("train", "val", "test")
    assert preset("magvit-32").splits[3:] == ("ood-speed", "ood-radius", "ood-depth")
    assert ClipSpec().replace(separate_colours=True).splits[3:] == ("ood-colour-law",)
    with pytest.raises(
        ValueError, match="split: given 'ood-speed'; this spec has train, val, test"
    ):
        ClipSource(ClipSpec(), split="ood-speed")


def test_difficulty_turns_its_four_knobs_together():
    easy, middle, hard = (preset("magvit-32", difficulty=d) for d in (0, 0.5, 1))
    assert easy == preset("magvit-32")
    assert 0 == easy.noise.jitter < middle.noise.jitter < hard.noise.jitter
    assert 0 == easy.noise.pixel_noise < middle.noise.pixel_noise < hard.noise.pixel_noise
    assert easy.looks.contrast > middle.looks.contrast > hard.looks.contrast
    assert easy.motion.least_path > middle.motion.least_path > hard.motion.least_path
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="difficulty: given"):
            preset("magvit-32", difficulty=wrong)


def test_an_object_at_the_outermost_anchor_fits_into_the_frame_and_no_further_one_does():
    # In half-sides: 1, less the margin, less what a radius of 0.4 m takes at 4 m: it touches the
    # side of the frustum, which leans by the slope of the frame's edge less the margin.
    free = 0.5 - 0.0625 / 2
    bound = 1 - 0.0625 - 2 * 0.4 * (1 + free**2) ** 0.5 / 4
    ClipSpec().replace(place=bound - 0.002)
    with pytest.raises(ValueError, match=rf"place must be below {bound:.4f}"):
        ClipSpec().replace(place=bound)
    shaken = bound - 2 * 3.4641016151377544 * 0.05 * (1 + free) / 4
    ClipSpec().replace(place=shaken - 0.002, jitter=0.05)
    with pytest.raises(ValueError, match=rf"place must be below {shaken:.4f}"):
        ClipSpec().replace(place=shaken, jitter=0.05)


def test_a_fingerprint_is_that_of_the_format_and_of_what_a_spec_says_of_itself():
    spec = preset("magvit-64")
    text = json.dumps(
        {"format": FORMAT, "spec": spec.as_json()}, sort_keys=True, separators=(",", ":")
    )
    assert spec.fingerprint == hashlib.sha256(text.encode()).hexdigest()


def test_a_spec_has_at_most_100_laws():
    with pytest.raises(ValueError, match=r"laws.*100"):
        ClipSpec().replace(laws=("linear",) * 101)
