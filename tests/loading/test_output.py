"""What a trainer is handed: layout, dtype, range, keys."""

import numpy as np
import pytest

from trajdata._loading.output import DTYPES, LAYOUTS, VALUE_RANGES, output_format

FIELDS = ("video", "label", "index", "params", "caption")


def video():
    return np.random.default_rng(0).integers(0, 256, (3, 4, 3, 5, 6)).astype(np.uint8)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_layout_names_the_axes_in_their_order(layout, dtype):
    source = video()
    out = output_format(FIELDS, layout=layout, dtype=dtype).video(source)
    sizes = dict(zip("TCHW", source.shape[1:], strict=True))
    assert out.shape == (3, *(sizes[axis] for axis in layout))
    assert out.dtype == dtype
    assert out.flags.c_contiguous
    for t, c, h, w in [(0, 0, 0, 0), (3, 2, 4, 5), (1, 2, 3, 4)]:
        place = dict(zip("TCHW", (t, c, h, w), strict=True))
        value = out[(1, *(place[axis] for axis in layout))]
        byte = source[1, t, c, h, w]
        assert value == (byte if dtype == "uint8" else np.float32(byte / 255))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("span", VALUE_RANGES)
def test_a_float_is_the_byte_on_the_straight_line_of_the_range_rounded_once(layout, span):
    bytes_ = np.arange(256, dtype=np.uint8).reshape(1, 1, 1, 16, 16)
    out = output_format(FIELDS, layout=layout, dtype="float32", value_range=span).video(bytes_)
    low, high = span
    exact = np.float32([low + (high - low) * k / 255 for k in range(256)])
    assert np.array_equal(out.ravel(), exact)
    assert (out.min(), out.max()) == span


def test_the_default_hands_the_memory_through():
    source = video()
    assert np.shares_memory(output_format(FIELDS).video(source), source)


def test_a_dict_a_tuple_or_one_value_is_selected():
    values = {"video": 1, "label": 2, "index": 3, "params": {}, "caption": "c"}
    assert output_format(FIELDS).select(values) == values
    assert output_format(FIELDS, as_tuple=("label", "video")).select(values) == (2, 1)
    assert output_format(FIELDS, as_tensor="label").select(values) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layout": "TWHC"}, "layout: given 'TWHC'; allowed are TCHW, CTHW, THWC"),
        ({"dtype": "float16"}, "dtype: given 'float16'; allowed are uint8, float32"),
        ({"dtype": "float32", "value_range": (0, 2)}, r"value_range: given \(0, 2\); allowed are"),
        ({"dtype": "float32", "value_range": 1}, "value_range: given 1; allowed are"),
        ({"value_range": (-1, 1)}, r"value_range: given \(-1, 1\) with dtype 'uint8'"),
        ({"as_tuple": ("video", "depth")}, "as_tuple: given 'depth'.*name it in fields= first"),
        ({"as_tuple": ("video", "flow")}, "as_tuple: given 'flow'; allowed are video, label"),
        ({"as_tuple": "video"}, "as_tuple: given 'video'; allowed is a sequence"),
        ({"as_tuple": ()}, "as_tuple: given"),
        ({"as_tensor": "depth"}, "as_tensor: given 'depth'.*name it in fields= first"),
        ({"as_tensor": "caption"}, "as_tensor: given 'caption'; allowed are video, label, index"),
        ({"as_tensor": "video", "as_tuple": ("video",)}, "as_tuple, as_tensor: given"),
        ({"fields": ("video", "flow")}, "fields: given"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(settings, message):
    with pytest.raises(ValueError, match=message):
        output_format(**{"fields": FIELDS, **settings})
