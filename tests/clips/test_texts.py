import json

import numpy as np
import pytest

from trajdata import FIELDS, ClipSource, ClipSpec, preset
from trajdata._clips.texts import param_names, read_metadata


@pytest.fixture(scope="module", params=["magvit-32", "gray-32"])
def source(request):
    return ClipSource(preset(request.param), seed=3, fields=tuple(FIELDS))


def texts_of(source, count):
    out = np.empty((count, source.metadata_bytes), np.uint8)
    source.metadata(range(count), out)
    return [bytes(row) for row in out]


def test_the_json_holds_exactly_what_the_fields_show(source):
    batch = source.batch(range(400))
    for i, text in enumerate(texts_of(source, 400)):
        clip = read_metadata(text, source.spec)
        assert clip["index"] == i
        assert clip["label"] == source.spec.laws[batch["label"][i]]
        assert clip["caption"] == batch["caption"][i]
        assert clip["equation"] == batch["equation"][i]
        assert clip["params"] == {key: value[i] for key, value in batch["params"].items()}


def test_the_json_is_ascii_of_one_length_filled_up_with_blanks(source):
    for text in texts_of(source, 200):
        assert len(text) == source.metadata_bytes
        assert text.decode("ascii").rstrip(" ").endswith("}")
        assert set(json.loads(text)) == {"index", "label", "params", "caption", "equation"}


def test_the_longest_numbers_of_the_widest_spec_fit_into_the_text():
    spec = ClipSpec().replace(
        {"circular.turns": (900.0, 1000.0), "helical.turns": (900.0, 1000.0)},
        speed=(900.0, 1000.0),
        seconds=0.01,
        depth=(900.0, 950.0),
        reach=(120.0, 1000.0),
        radius=(50.0, 60.0),
    )
    source = ClipSource(spec, fields=("caption", "equation", "params"))
    source.batch([2**63 - 1, 2**62, 5, 6])
    out = np.empty((4, source.metadata_bytes), np.uint8)
    source.metadata([2**63 - 1, 2**62, 5, 6], out)
    for row in out:
        read_metadata(bytes(row), spec)


def test_a_caption_begins_with_the_article_that_its_colour_takes():
    found = set()
    for name in ("magvit-32", "gray-32"):
        for caption in ClipSource(preset(name), fields=("caption",)).batch(range(400))["caption"]:
            article, colour = caption.split()[:2]
            assert article == ("An" if colour[0] in "aeiou" else "A"), caption
            found.add((article, colour))
    assert {("An", "orange"), ("A", "red"), ("A", "gray")} <= found


def test_the_caption_names_colour_shape_law_and_numbers(source):
    batch = source.batch(range(100))
    verbs = ("straight line", "circle", "helix", "parabola")
    scenes = source.scenes(range(100))[:, 0]
    for i, caption in enumerate(batch["caption"]):
        assert verbs[batch["label"][i]] in caption
        assert ("disc", "sphere")[scenes["shape"][i]] in caption
        assert f"radius {batch['params']['object_radius_m'][i]:.2f} m" in caption
        assert ("gray" in caption) == (source.spec.channels == 1)


def test_the_equation_gives_the_path_when_it_is_evaluated(source):
    batch = source.batch(range(60))
    for i, equation in enumerate(batch["equation"]):
        parts = dict(part.split(" = ") for part in equation.split(", "))
        times = (batch["params"]["start_s"][i], batch["params"]["end_s"][i])
        for t, k in zip(times, (0, -1), strict=True):
            names = {"t": float(t)}
            for name, formula in parts.items():
                text = formula.replace("t^2/2", "* half").replace(" t", " * t")
                text = (
                    text.replace("r (", "r * (")
                    .replace(" cos a", " * ca")
                    .replace(" sin a", " * sa")
                )
                names["half"] = names["t"] ** 2 / 2
                if "a" in names:
                    names["ca"], names["sa"] = np.cos(names["a"]), np.sin(names["a"])
                names[name[0]] = eval(text, {}, names)
            found = np.array([names["x"], names["y"], names["z"]])
            assert np.abs(found - batch["trajectory"][i, k]).max() < 0.01


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b'{"index": 1}',
        b'{"index": "1", "label": "linear", "params": {}, "caption": "", "equation": ""}',
        b'{"index": 1, "label": "linear", "params": {"q": 1.0}, "caption": "", "equation": ""}',
        b'{"index": 1, "label": "linear", "params": {"ux": "1"}, "caption": "", "equation": ""}',
        b"{",
    ],
)
def test_json_that_is_not_a_clips_is_a_value_error(text):
    with pytest.raises(ValueError):
        read_metadata(text, ClipSpec())


def test_params_have_the_numbers_of_the_specs_laws_only():
    assert "orbit_radius_m" not in param_names(ClipSpec().replace(laws=("linear", "parabolic")))
    assert "ax_m_s2" in param_names(ClipSpec().replace(laws=("linear", "parabolic")))
