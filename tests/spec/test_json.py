"""A spec as JSON: what is written, what is read back, and what is refused."""

import jsonschema
import pytest

from trajdata import ArgumentError, ClipSpec, TrajdataError, preset, presets, spec_schema
from trajdata._spec.presets import nearest_preset

SPECS = {
    **{name: preset(name) for name in presets()},
    "defaults": ClipSpec(),
    "own numbers": ClipSpec().replace({"circular.turns": (0.8, 1), "helical.least_growth": 1.5}),
    "hard": preset("magvit-32", difficulty=1),
    "few laws": ClipSpec().replace(laws=("helical", {"law": "circular", "turns": (1, 2)})),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_spec_comes_back_from_its_json_with_its_fingerprint(spec):
    again = ClipSpec.from_json(spec.to_json())
    assert again == spec
    assert again.fingerprint == spec.fingerprint
    assert len(spec.to_json()) < 1500


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_the_json_of_a_spec_is_valid_by_the_schema(spec):
    jsonschema.Draft202012Validator.check_schema(spec_schema())
    jsonschema.validate(spec.as_json(), spec_schema())


def test_json_holds_what_differs_from_the_defaults_and_the_laws():
    assert ClipSpec().replace(frames=9).as_json() == {
        "picture": {"frames": 9},
        "motion": {
            "laws": [
                {"law": law, "version": 1} for law in ("linear", "circular", "helical", "parabolic")
            ]
        },
    }


def test_the_same_value_in_other_words_is_the_same_spec():
    assert ClipSpec.from_json({"picture": {"seconds": 2}}).fingerprint == ClipSpec().fingerprint
    named = ClipSpec.from_json('{"motion": {"laws": ["linear", "helical"]}}')
    assert named == ClipSpec().replace(laws=("linear", "helical"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "spec: not JSON"),
        ("[]", r"spec: given \[\]; allowed is a JSON object"),
        ('{"speed": [1, 2]}', "speed: given .*; there is no such setting"),
        ('{"motion": {"spin": 1}}', "spin: given 1; there is no such setting"),
        ('{"motion": {"laws": ["spiral-arm"]}}', "laws: given 'spiral-arm'; allowed are bounce"),
        ('{"motion": {"laws": [{"law": "linear", "version": 7}]}}', "laws: given version 7"),
        ('{"motion": {"laws": [{"law": "circular", "bow": 1}]}}', "circular.bow: given 1; there"),
        ('{"motion": {"laws": [{"turns": [1, 2]}]}}', "laws: given .*; allowed is a law's name"),
        ('{"motion": {"laws": [7]}}', "laws: given 7; allowed is a law's name"),
        ('{"picture": {"frames": "many"}}', "frames: given 'many'"),
        ('{"picture": 3}', "picture: given 3"),
        (
            '{"objects": {"shapes": ["../disc"]}}',
            "shapes: given '../disc'; allowed are cone, cube, cylinder, disc",
        ),
    ],
)
def test_what_is_no_spec_is_one_sentence_that_names_it(text, message):
    with pytest.raises(ArgumentError, match=message) as caught:
        ClipSpec.from_json(text)
    assert isinstance(caught.value, TrajdataError)
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


def test_a_copy_with_changes_is_validated_like_a_new_spec():
    spec = preset("magvit-32")
    for copy in (
        lambda: spec.replace(frames=0),
        lambda: spec.picture.model_copy(update={"frames": 0}),
    ):
        with pytest.raises(ArgumentError, match="frames: given 0"):
            copy()
    with pytest.raises(ArgumentError, match=r"place: given 0\.9"):
        spec.model_copy(update={"objects": spec.objects.model_copy(update={"place": 0.9})})


def test_a_setting_is_changed_by_its_own_name_or_with_its_group():
    spec = preset("magvit-32", frames=9, speed=(1.0, 1.2))
    assert spec == preset("magvit-32").replace({"picture.frames": 9, "motion.speed": (1.0, 1.2)})
    assert spec.frames == spec.picture.frames == 9
    for name in ("fraames", "picture.speed", "spiral.turns", "circular.bow", ""):
        with pytest.raises(ArgumentError, match=r"given|there is no such setting"):
            spec.replace({name: 1})


def test_every_setting_has_a_name_of_its_own_a_meaning_and_one_place():
    names = [name.partition(".")[2] for name in ClipSpec().settings() if "laws" not in name]
    groups = set(ClipSpec.model_fields)
    own = [n for n in ClipSpec().settings() if n.partition(".")[0] in groups]
    assert len({name.partition(".")[2] for name in own}) == len(own)
    assert names
    assert all(ClipSpec().descriptions()[name] for name in ClipSpec().settings())


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_spec_is_some_preset_with_a_few_changes(spec):
    name, changes = nearest_preset(spec)
    assert preset(name).replace(changes) == spec
    assert name in presets()


@pytest.mark.parametrize(
    "wrong", [{"motion": {"spin": 1}}, {"spin": {}}, {"motion": {"laws": [{"turns": [1, 2]}]}}]
)
def test_the_schema_refuses_what_a_spec_does_not_have(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, spec_schema())


def test_the_schema_takes_a_users_law_by_name_and_as_a_recipe_stores_it():
    text = {
        "digest": "0" * 64,
        "numbers": ["a_m"],
        "phrase": "goes {a_m:.2f} m",
        "equation": "x = {a_m:.3f}",
    }
    stored = {"motion": {"laws": ["linear", {"law": "my_own", **text}]}}
    jsonschema.validate(stored, spec_schema())
    assert ClipSpec.from_json(stored).as_json()["motion"]["laws"][1] == {"law": "my_own", **text}
    jsonschema.validate({"motion": {"laws": ["my_own"]}}, spec_schema())
    for wrong in ({"law": "linear", **text}, {"law": "my_own", **text, "more": 1}, {"law": "my"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"motion": {"laws": [wrong]}}, spec_schema())
