import pytest
from pydantic import ValidationError

from trajdata import ClipSpec, preset, presets


def test_the_presets_have_the_promised_shapes():
    assert presets() == ("magvit-32", "magvit-64", "gray-32", "magvit2-128")
    assert [preset(name).video_shape for name in presets()] == [
        (8, 3, 32, 32),
        (16, 3, 64, 64),
        (8, 1, 32, 32),
        (17, 3, 128, 128),
    ]
    assert preset("magvit-32") == ClipSpec()


def test_an_unknown_preset_is_an_error_that_lists_the_presets():
    with pytest.raises(ValueError, match="preset: given 'magvit'; allowed are magvit-32, magvit-64"):
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
        {"laws": ("zigzag",)},
        {"shapes": ("cube",)},
        {"speed": (0.0, 1.0)},
        {"speed": (2.0, 1.0)},
        {"speed": (1.0, float("nan"))},
        {"depth": (1.0, float("inf"))},
        {"depth": (2.0, 5.0)},
        {"radius": (0.3, 3.0)},
        {"turns": (0.5, 1.0)},
        {"place": 0.95},
        {"contrast": 0.9},
        {"seconds": 0.0},
        {"colour": "red"},
    ],
)
def test_a_wrong_value_is_a_value_error_that_names_the_field(wrong):
    with pytest.raises(ValueError) as caught:
        ClipSpec(**wrong)
    assert next(iter(wrong)) in str(caught.value)


def test_the_fingerprint_tells_specs_apart_and_survives_json():
    spec = preset("magvit-64")
    again = ClipSpec.model_validate_json(spec.model_dump_json())
    assert again == spec
    assert again.fingerprint == spec.fingerprint
    others = {preset(name).fingerprint for name in presets()}
    assert len(others) == 4
    slower = spec.model_copy(update={"speed": (0.8, 1.25)})
    assert slower.fingerprint != spec.fingerprint
