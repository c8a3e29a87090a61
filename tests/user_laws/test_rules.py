"""What a user's law may be made of, and what it is known by."""

import importlib.util
import math
import sys
from math import sin
from pathlib import Path

import numba
import numpy as np
import pytest

import trajdata
from trajdata import ArgumentError, ClipSpec, preset
from trajdata._laws.registry import LawText, find_law
from trajdata._user_laws.sources import check_source

SEEN = []


@numba.njit(fastmath=True)
def hasty(x):
    return x + 1.0


def plain(x):
    return x + 1.0


@trajdata.kernel
def doubly_wrong(x):
    return math.tan(x)


def power(n, t):
    return n[0] + t**2, n[1], n[2]


def of_math(n, t):
    return n[0] + math.exp(t), n[1], n[2]


def of_numpy(n, t):
    return n[0] + np.sin(t), n[1], n[2]


def by_its_own_name(n, t):
    return n[0] + sin(t), n[1], n[2]


def by_fastmath(n, t):
    return n[0] + hasty(t), n[1], n[2]


def not_compiled(n, t):
    return n[0] + plain(t), n[1], n[2]


def through_a_kernel(n, t):
    return n[0] + doubly_wrong(t), n[1], n[2]


def by_a_builtin(n, t):
    return n[0] + pow(t, 2), n[1], n[2]


def by_a_matrix(n, t):
    return n[:3] @ n[3:], n[1], n[2]


def by_an_object(n, t):
    return n[0] + len(SEEN), n[1], n[2]


@pytest.mark.parametrize(
    ("function", "line", "said"),
    [
        (power, "return n[0] + t**2, n[1], n[2]", r"`\*\*` is not bit-exact"),
        (of_math, "return n[0] + math.exp(t), n[1], n[2]", "`math.exp` is not known"),
        (of_numpy, "return n[0] + np.sin(t), n[1], n[2]", "`numpy.sin` is not known"),
        (by_its_own_name, "return n[0] + sin(t), n[1], n[2]", "`math.sin` is not known"),
        (by_fastmath, "return n[0] + hasty(t), n[1], n[2]", "fastmath"),
        (not_compiled, "return n[0] + plain(t), n[1], n[2]", "`plain` is not compiled"),
        (through_a_kernel, "return math.tan(x)", "`math.tan` is not known"),
        (by_a_builtin, "return n[0] + pow(t, 2), n[1], n[2]", "`pow` is none of"),
        (by_a_matrix, "return n[:3] @ n[3:], n[1], n[2]", "`@` is not bit-exact"),
        (by_an_object, "return n[0] + len(SEEN), n[1], n[2]", r"`SEEN` is \[\]"),
    ],
)
def test_what_is_not_bit_exact_is_refused_with_its_line(function, line, said):
    with pytest.raises(ArgumentError, match=said) as caught:
        check_source(function)
    lines = Path(__file__).read_text("utf-8").splitlines()
    number = next(n for n, text in enumerate(lines, 1) if text.strip() == line)
    assert f"{__file__}:{number}: `{line}`" in str(caught.value)


def test_what_ieee_prescribes_is_allowed():
    def exact(n, t):
        cosine, _ = trajdata.cos_sin(t)
        whole = np.floor(t) + math.sqrt(t) + abs(min(t, cosine)) + trajdata.exp(t)
        for _ in range(3):
            whole = whole * 0.5 - np.int64(t) / 3
        return whole, n[1], n[2] if t > 0 and True else math.pi

    check_source(exact)


LAW = """
import numpy as np
import trajdata

{before}

@trajdata.law
class Slide:
    numbers = ("x0_m", "y0_m", "z0_m", "vx_m_s", "vy_m_s", "vz_m_s")
    phrase = "slides at {{vx_m_s:.2f}} m/s to the right"
    equation = "x(t) = {{x0_m:.3f}} {{vx_m_s:~.3f}} t"

    def propose(scene, settings, own, w, v, speed, n):
        n[0], n[1], n[2] = scene.x, scene.y, scene.z
        x, y, z = trajdata.direction(trajdata.unit(w[0]), trajdata.unit(w[1]))
        n[3], n[4], n[5] = speed * x, speed * y, {factor} * speed * z

    def position(n, t):
        return n[0] + n[3] * t, n[1] + n[4] * t, n[2] + n[5] * t

    def fastest(n, t0, t1):
        return {limit}
"""
LIMIT = "1.001 * np.sqrt(n[3] * n[3] + n[4] * n[4] + n[5] * n[5])"


@pytest.fixture
def define(tmp_path, monkeypatch):
    """Write a law's module and import it; what it registers is forgotten after the test."""
    monkeypatch.setattr("trajdata._laws.registry._USERS", {})

    def made(before="FACTOR = 1.0", factor="FACTOR", limit=LIMIT, name="slide_law", text=None):
        file = tmp_path / f"{name}.py"
        source = text or LAW.format(before=before, factor=factor, limit=limit)
        file.write_text(source, "utf-8")
        spec = importlib.util.spec_from_file_location(name, file)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module.Slide

    return made


def test_the_digest_follows_the_source_and_all_that_it_names(define):
    held = define()
    assert define(name="other_law").digest == held.digest  # wherever it stands
    digests = {held.digest}
    helper = "@trajdata.kernel\ndef FACTOR_OF(x):\n    return {}\nFACTOR = 1.0"
    for k, changes in enumerate(
        (
            {"before": "FACTOR = 2.0"},
            {"factor": "1.0"},
            {"limit": LIMIT + " + 0.0"},
            {"before": helper.format("x"), "factor": "FACTOR_OF(1.0)"},
            {"before": helper.format("x * 1.0"), "factor": "FACTOR_OF(1.0)"},
            {"text": LAW.format(before="", factor="1.0", limit=LIMIT).replace("slides", "goes")},
        )
    ):
        # Each in a file of its own: Python remembers the lines of one.
        digests.add(define(name=f"slide_law_{k}", **changes).digest)
    assert len(digests) == 7


def test_a_spec_takes_a_law_by_name_or_as_it_is_and_is_known_by_its_digest(define):
    held = define()
    spec = preset("magvit-32", laws=("linear", held))
    assert spec == preset("magvit-32", laws=("linear", "slide"))
    assert spec.laws == ("linear", "slide")
    assert held.digest in spec.to_json()
    again = ClipSpec.from_json(spec.to_json())
    assert again == spec
    assert again.fingerprint == spec.fingerprint
    other = define(before="FACTOR = 0.5", name="third_law")
    assert preset("magvit-32", laws=("linear", other)).fingerprint != spec.fingerprint
    assert find_law("slide") is other  # the newest of a name


def test_a_spec_of_a_law_that_changed_since_is_not_rendered(define):
    spec = preset("magvit-32", laws=(define(),))
    define(before="FACTOR = 0.5", name="third_law")
    with pytest.raises(ArgumentError, match="'slide' is a user's law, and this process has none"):
        trajdata.ClipSource(spec)
    assert ClipSpec.from_json(spec.to_json()).fingerprint == spec.fingerprint


def test_a_law_may_not_take_the_name_of_one_of_ours(define):
    text = LAW.format(before="", factor="1.0", limit=LIMIT).replace("class Slide", "class Linear")
    with pytest.raises(ArgumentError, match="given the name 'linear'"):
        define(text=text)
    given = {"law": "linear", **LawText(**GOOD).model_dump()}
    with pytest.raises(ArgumentError, match="that name is ours"):
        ClipSpec.from_json({"motion": {"laws": [given]}})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("def position", "def place", "position is missing"),
        ("def fastest(n, t0, t1)", "def speed(n, t0, t1)", "speed is not known"),
        ("def fastest(n, t0, t1)", "def _fastest(n, t0, t1)", "neither of least and fastest"),
        ("def position(n, t)", "def position(n)", "position has the arguments"),
        ('"vz_m_s")', '"speed_m_s")', "numbers: given 'speed_m_s'"),
        ("{{vx_m_s:.2f}}", "{{speed:.2f}}", "phrase: given"),
        ("slides at", 'says \\"', "phrase: given"),
    ],
)
def test_a_description_that_does_not_fit_says_why(define, old, new, said):
    text = LAW.replace(old, new, 1)
    with pytest.raises(ArgumentError, match=said):
        define(text=text.format(before="", factor="1.0", limit=LIMIT))


def test_only_a_class_with_its_source_is_a_law():
    with pytest.raises(ArgumentError, match="allowed is a class"):
        trajdata.law(plain)
    space = {"trajdata": trajdata, "np": np, "__name__": "nowhere"}
    with pytest.raises(ArgumentError, match=r"the source of .* is not to be found"):
        exec(LAW.format(before="", factor="1.0", limit=LIMIT), space)


GOOD = {
    "digest": "0" * 64,
    "numbers": ("a_m", "b_m"),
    "phrase": "goes {a_m:.2f} m at {speed_m_s:.2f} m/s",
    "equation": "x = {a_m:.3f} {b_m:~.3f} t",
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"digest": "0" * 63},
        {"numbers": ()},
        {"numbers": ("a_m", "a_m")},
        {"numbers": ("A",)},
        {"numbers": ("index", "a_m", "b_m")},
        {"numbers": tuple(f"a{k}" for k in range(65))},
        {"phrase": "{unknown:.3f}"},
        {"phrase": "{a_m}"},
        {"phrase": "{a_m:.12f}"},
        {"phrase": "a { b"},
        {"phrase": 'a "quote"'},
        {"phrase": "a \\ b"},
        {"phrase": "a \x1b[31m"},
        {"phrase": "a \N{SNOWMAN}"},
        {"equation": "x" * 4001},
    ],
)
def test_texts_of_a_stranger_that_could_not_stand_in_a_clip_are_refused(wrong):
    LawText(**GOOD)
    with pytest.raises(ArgumentError):
        LawText(**{**GOOD, **wrong})
