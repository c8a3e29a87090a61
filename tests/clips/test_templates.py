import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trajdata._arithmetic.grid import on_grid
from trajdata._clips.templates import compile_templates, write_texts


def write(template, values=(0.0,), index=0, columns=("a", "b"), choices=None):
    values = np.array([list(values) + [0.0] * (len(columns) - len(values))])
    program = compile_templates([template], [columns], choices or {})
    out = np.empty((1, program.width + 3), np.uint8)
    write_texts(
        program.pieces, program.starts, program.characters, program.words,
        np.zeros(1, np.int64), values, np.array([index]), np.uint8(32), out,
    )  # fmt: skip
    text = bytes(out[0]).decode("ascii")
    assert text.endswith("   ")
    return text.rstrip(" ")


def test_a_template_without_slots_is_written_as_it_stands():
    assert write('{"x": 1} and {}') == '{"x": 1} and {}'


@pytest.mark.parametrize(
    ("slot", "value", "text"),
    [
        ("{a:.2f}", 1.005, "1.00"),
        ("{a:.2f}", 0.125, "0.13"),
        ("{a:.2f}", -0.125, "-0.13"),
        ("{a:.2f}", -0.001, "0.00"),
        ("{a:.3f}", 12345.0, "12345.000"),
        ("{a:.0f}", 9.5, "10"),
        ("{a:~.1f}", 2.0, "+ 2.0"),
        ("{a:~.1f}", -2.0, "- 2.0"),
        ("{a:.9f}", -0.000000001, "-0.000000001"),
    ],
)
def test_numbers_are_rounded_half_up_to_their_decimals(slot, value, text):
    assert write(slot, (value,)) == text


def test_whole_numbers_keep_all_their_digits():
    assert write("{a:d}", index=2**63 - 1) == str(2**63 - 1)
    assert write("{a:d}", index=0) == "0"


def test_words_are_chosen_by_number():
    choices = {"b": ("red", "violet")}
    assert write("a {b} disc", (0.0, 1.0), choices=choices) == "a violet disc"
    assert write("a {b} disc", (0.0, 0.0), choices=choices) == "a red disc"


@given(st.floats(-1e5, 1e5))
def test_nine_decimals_read_back_as_the_very_same_number(value):
    number = on_grid(value)
    assert float(write("{a:.9f}", (number,))) == number


def test_a_slot_that_is_no_column_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="slot 'c'; allowed are"):
        compile_templates(["{c:.2f}"], [("a",)], {})
    with pytest.raises(ValueError, match="slot 'a' has no words"):
        compile_templates(["{a}"], [("a",)], {})
