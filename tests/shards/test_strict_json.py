"""JSON from strangers: bounded, and nothing taken leniently."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trajdata import ShardError
from trajdata._shards.strict_json import canonical, expect, parse

MOST = 2**20


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "JSON"),
        (b"[1]", "a JSON object"),
        (b'{"a": 1', "JSON"),
        (b'{"a": 1} x', "JSON"),
        (b'{"a": 1, "a": 2}', "'a' twice"),
        (b'{"a": {"b": 1, "b": 1}}', "'b' twice"),
        (b'{"a": NaN}', "finite numbers, found NaN"),
        (b'{"a": -Infinity}', "finite numbers, found -Infinity"),
        (b'{"a": 1e999}', "finite numbers, found 1e999"),
        (b'{"a": ' + b"9" * 41 + b"}", "at most 40 digits"),
        (b'{"a": "\xff"}', "JSON"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "at most 16 levels"),
        (b"[" * 100_000, "at most 16 levels"),
        (b'{"a": "' + b"x" * MOST + b'"}', f"at most {MOST} bytes"),
    ],
)
def test_what_is_not_plain_json_is_an_error_that_names_the_file(data, message):
    with pytest.raises(ShardError, match=message) as caught:
        parse(data, "some/file", MOST)
    assert caught.value.file == "some/file"


def test_brackets_inside_strings_are_no_levels():
    assert parse(b'{"a": "[[[[[[[[[[[[[[[[[[[[\\"[[[["}', "f", MOST) == {"a": "[" * 20 + '"[[[['}


@pytest.mark.parametrize("data", [b'"' + b'\\"' * (MOST // 2 - 1), b'"' * MOST, b"\\" * MOST])
def test_a_hostile_megabyte_takes_hardly_any_work(data):
    # Of this process's processor time, which others that are busy add nothing to. A look at each
    # byte for every other one would take minutes.
    began = time.process_time()
    with pytest.raises(ShardError):
        parse(data, "f", MOST)
    assert time.process_time() - began < 5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4))
def test_what_is_written_is_read_back_and_has_one_spelling(value):
    data = canonical(value)
    assert parse(data, "f", MOST) == value
    assert canonical(json.loads(data)) == data


def test_a_key_that_is_missing_or_of_another_type_is_named():
    for value in ({}, {"n": "1"}, {"n": True}, {"n": None}):
        with pytest.raises(ShardError, match="n: int"):
            expect(value, "n", int, "f")
