"""What a trainer is handed: layout, dtype, range, keys."""

import pickle
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from trajdata import ClipSource, Output, TrajectoryDataset, TrajectoryMapDataset, preset
from trajdata._loading.arrays import array_under, tensor_over
from trajdata._loading.output import DTYPES, LAYOUTS, VALUE_RANGES
from trajdata._loading.video import VideoFormat

FIELDS = ("video", "label", "index", "params", "caption")
FLOATS = tuple(name for name in DTYPES if name != "uint8")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def video():
    return np.random.default_rng(0).integers(0, 256, (3, 4, 3, 5, 6)).astype(np.uint8)


def converted(output, source):
    return tensor_over(VideoFormat(output).convert(source))


def nearest(exact, dtype):
    """Fractions as that dtype: of the values beside each, the nearest, and of two the even one."""
    guess = torch.tensor([float(value) for value in exact], dtype=torch.float64).to(dtype)
    bits = guess.view({2: torch.int16, 4: torch.int32}[guess.element_size()])
    found = []
    for value, middle in zip(exact, bits.tolist(), strict=True):
        beside = torch.tensor([middle - 1, middle, middle + 1], dtype=bits.dtype)
        values = beside.view(dtype).double().tolist()
        found.append(
            min(
                (abs(Fraction(number) - value), pattern & 1, number)
                for number, pattern in zip(values, beside.tolist(), strict=True)
                if np.isfinite(number)
            )[2]
        )
    return torch.tensor(found, dtype=torch.float64)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [{}, {"mean": MEAN, "std": STD}])
def test_a_layout_names_the_axes_in_their_order(layout, dtype, scale):
    if dtype == "uint8" and scale:
        return
    source = video()
    output = Output(layout=layout, dtype=dtype, **scale)
    out = converted(output, source)
    sizes = dict(zip("TCHW", source.shape[1:], strict=True))
    assert out.shape == (3, *(sizes[axis] for axis in layout))
    assert out.dtype == getattr(torch, dtype)
    assert out.is_contiguous()
    values = tensor_over(output.byte_values())
    for t, c, h, w in [(0, 0, 0, 0), (3, 2, 4, 5), (1, 2, 3, 4), (2, 1, 0, 5)]:
        place = dict(zip("TCHW", (t, c, h, w), strict=True))
        value = out[(1, *(place[axis] for axis in layout))]
        assert value == values[c if scale else 0, source[1, t, c, h, w]]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("span", VALUE_RANGES)
def test_a_float_is_the_byte_on_the_straight_line_of_the_range_rounded_once(dtype, span):
    low, high = (Fraction(end) for end in span)
    exact = [Fraction(float(low) + float(high - low) * byte / 255) for byte in range(256)]
    values = tensor_over(Output(dtype=dtype, value_range=span).byte_values())[0].double()
    assert torch.equal(values, nearest(exact, getattr(torch, dtype)))
    assert (values.min(), values.max()) == span


@pytest.mark.parametrize("dtype", FLOATS)
def test_each_channel_is_normalized_by_its_own_mean_and_std_as_torchvision_does(dtype):
    values = tensor_over(Output(dtype=dtype, mean=MEAN, std=STD).byte_values()).double()
    for channel, (mean, std) in enumerate(zip(MEAN, STD, strict=True)):
        exact = [Fraction((byte / 255 - mean) / std) for byte in range(256)]
        assert torch.equal(values[channel], nearest(exact, getattr(torch, dtype)))


def test_bfloat16_is_not_rounded_by_way_of_float32():
    # Just above the middle of two bfloat16; float32 has it exactly in the middle, a tie to even.
    just_above = 1 + 2.0**-8 + 2.0**-40
    output = Output(dtype="bfloat16", mean=(-just_above,), std=(1.0,))
    assert tensor_over(output.byte_values())[0, 0] == 1 + 2.0**-7
    assert torch.tensor(np.float32(just_above)).bfloat16() == 1


@pytest.mark.parametrize("name", DTYPES)
def test_a_dtype_may_be_torchs(name):
    output = Output(dtype=getattr(torch, name))
    assert output == Output(dtype=name)
    assert output.dtype == name


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.bfloat16, torch.int64])
def test_the_array_under_a_tensor_is_the_one_it_was_made_over(dtype):
    tensor = torch.arange(6, dtype=torch.float32).to(dtype).reshape(2, 3)
    again = tensor_over(array_under(tensor))
    assert again.dtype == dtype
    assert torch.equal(again, tensor)
    assert again.data_ptr() == tensor.data_ptr()


def test_the_default_hands_the_memory_through():
    source = video()
    assert np.shares_memory(VideoFormat(Output()).convert(source), source)


def test_a_dict_a_tuple_or_one_value_is_selected():
    values = {"video": 1, "label": 2, "index": 3, "params": {}, "caption": "c"}
    assert Output().select(values) == values
    assert Output(as_tuple=["label", "video"]).select(values) == (2, 1)
    assert Output(as_tensor="label").select(values) == 2
    renamed = Output(names={"video": "pixel_values", "label": "labels"}).select(values)
    assert list(renamed) == ["pixel_values", "labels", "index", "params", "caption"]
    assert renamed["pixel_values"] == 1


def test_an_output_is_a_value_that_can_be_compared_copied_and_pickled():
    output = Output(layout="CTHW", dtype="float32", names={"video": "x"}, as_tuple=["video"])
    assert pickle.loads(pickle.dumps(output)) == output
    assert replace(output, layout="THWC") == Output(
        layout="THWC", dtype="float32", names={"video": "x"}, as_tuple=("video",)
    )
    assert len({output, replace(output)}) == 1
    assert repr(output) == (
        "Output(layout='CTHW', dtype='float32', names={'video': 'x'}, as_tuple=('video',))"
    )
    with pytest.raises(FrozenInstanceError):
        output.layout = "TCHW"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layout": "TWHC"}, "layout: given 'TWHC'; allowed are TCHW, CTHW, THWC"),
        ({"dtype": "float64"}, "dtype: given 'float64'; allowed are uint8, float32, float16, bf"),
        ({"dtype": torch.int64}, "dtype: given torch.int64; allowed are uint8"),
        ({"dtype": np.float32}, "dtype: given <class 'numpy.float32'>; allowed are uint8"),
        ({"dtype": "float32", "value_range": (0, 2)}, r"value_range: given \(0, 2\); allowed are"),
        ({"dtype": "float32", "value_range": 1}, "value_range: given 1; allowed are"),
        ({"value_range": (-1, 1)}, r"value_range: given \(-1, 1\) with dtype 'uint8'"),
        ({"value_range": (0, 1)}, r"value_range: given \(0, 1\) with dtype 'uint8'"),
        ({"mean": (0.5,), "std": (0.5,)}, r"mean: given \(0.5,\) with dtype 'uint8'"),
        ({"dtype": "float32", "mean": (0.5,)}, r"mean, std: given \(0.5,\) and None; .* both"),
        (
            {"dtype": "float32", "mean": (0.5,), "std": (0.5,), "value_range": (0, 1)},
            r"value_range, mean: given \(0, 1\) and \(0.5,\)",
        ),
        ({"dtype": "float32", "mean": 0.5, "std": (0.5,)}, "mean: given 0.5; allowed is one"),
        ({"dtype": "float32", "mean": "5", "std": (0.5,)}, "mean: given '5'; allowed is one"),
        ({"dtype": "float32", "mean": (0.5,), "std": (float("nan"),)}, r"std: given \(nan,\)"),
        ({"dtype": "float32", "mean": (0.5,), "std": (0.5, 0.5)}, "mean, std: given 1 and 2 numb"),
        ({"dtype": "float32", "mean": (0.5,), "std": (0.0,)}, r"std: given \(0.0,\); allowed are"),
        ({"dtype": "float16", "mean": (0.5,), "std": (1e-6,)}, "no pixel exceeds the range of fl"),
        ({"names": {"film": "x"}}, "names: given 'film'; allowed are video, label"),
        ({"names": {"video": "x", "label": "x"}}, "names: given .* each new name may occur once"),
        ({"names": {"video": ""}}, "names: given {'video': ''}; allowed is a dict"),
        ({"names": "x"}, "names: given 'x'; allowed is a dict"),
        ({"as_tuple": ("video", "flow")}, "as_tuple: given 'flow'; allowed are video, label"),
        ({"as_tuple": "video"}, "as_tuple: given 'video'; allowed is a sequence"),
        ({"as_tuple": ()}, "as_tuple: given"),
        ({"as_tensor": "caption"}, "as_tensor: given 'caption'; allowed are video, label, index"),
        ({"as_tensor": "video", "as_tuple": ("video",)}, "as_tuple, as_tensor: given"),
        ({"past_frames": 0}, "past_frames: given 0; allowed are whole numbers from 1 on"),
        ({"past_frames": 2.0}, "past_frames: given 2.0; allowed are whole numbers"),
        ({"past_frames": 2, "as_tuple": ("video",)}, "given 'video'; allowed are .*equation$"),
        ({"past_frames": 2, "as_tensor": "video"}, "as_tensor: given 'video'; allowed are past, f"),
        ({"as_tuple": ("past", "future")}, "as_tuple: given 'past'; allowed are video, label"),
        ({"names": {"past": "x"}}, "names: given 'past'; allowed are video, label"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(settings, message):
    with pytest.raises(ValueError, match=message):
        Output(**settings)


@pytest.mark.parametrize("kind", [TrajectoryDataset, TrajectoryMapDataset])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"as_tuple": ("video", "depth")}, "as_tuple: given 'depth'.*give the source fields="),
        ({"as_tensor": "depth"}, "as_tensor: given 'depth'.*give the source fields="),
        ({"names": {"depth": "z"}}, "names: given 'depth'.*give the source fields="),
        ({"names": {"video": "label"}}, "label means more than one of the fields video, label"),
        ({"dtype": "float32", "mean": (0.5,), "std": (0.5,)}, "given 1 numbers each; .* are 3"),
        ({"past_frames": 4}, "past_frames: given 4; allowed are whole numbers from 1 to 3"),
        ({"past_frames": 2, "names": {"label": "past"}}, "past means more than one of the fields"),
    ],
)
def test_an_output_that_does_not_fit_the_source_is_refused(source, kind, settings, message):
    with pytest.raises(ValueError, match=message):
        kind(source, length=4, output=Output(**settings))


CUT = [
    {},
    {"dtype": "float32"},
    {"layout": "CTHW"},
    {"layout": "CTHW", "dtype": "bfloat16"},
    {"layout": "THWC", "dtype": "float32", "value_range": (-1, 1)},
]


@pytest.mark.parametrize("settings", CUT, ids=str)
@pytest.mark.parametrize("workers", [0, 1])
def test_a_video_can_be_cut_into_past_and_future(tiny_spec, settings, workers):
    # Large enough that its bytes go through a slot.
    source = ClipSource(tiny_spec.replace(height=32, width=32))

    def batch(**cut):
        output = Output(**settings, **cut)
        dataset = TrajectoryDataset(source, length=16, batch_size=8, output=output)
        return next(iter(DataLoader(dataset, batch_size=None, num_workers=workers)))

    whole, cut = batch(), batch(past_frames=1)
    assert list(cut) == ["past", "future", "label", "index"]
    time = 1 + settings.get("layout", "TCHW").index("T")
    assert [cut[part].shape[time] for part in ("past", "future")] == [1, 3]
    assert torch.equal(torch.cat([cut["past"], cut["future"]], time), whole["video"])
    assert torch.equal(cut["label"], whole["label"])


def test_past_and_future_can_be_had_as_a_tuple_by_index_and_clip_by_clip(source):
    output = Output(dtype="float32", past_frames=3, as_tuple=("past", "future"))
    video = torch.from_numpy(source[5]["video"]) / 255
    for past, future in (
        TrajectoryMapDataset(source, length=8, output=output)[5],
        list(TrajectoryDataset(source, length=8, output=output))[5],
    ):
        assert torch.allclose(past, video[:3])
        assert torch.allclose(future, video[3:])


def test_the_video_of_each_camera_is_cut(source):
    pair = ClipSource(preset("stereo-64", frames=6))
    output = Output(past_frames=2, names={"past": "x", "future": "y"})
    batch = TrajectoryMapDataset(pair, length=4, output=output)[:2]
    whole = pair.batch(range(2))["video"]
    assert np.array_equal(batch["x"], whole[:, :, :2])
    assert np.array_equal(batch["y"], whole[:, :, 2:])


def test_names_may_change_places(source):
    swapped = Output(names={"index": "label", "label": "index"})
    batch = next(iter(TrajectoryDataset(source, batch_size=3, output=swapped)))
    assert batch["label"].tolist() == [0, 1, 2]


def test_gray_clips_are_normalized_by_one_number(tiny_spec):
    gray = ClipSource(tiny_spec.replace(channels=1))
    output = Output(dtype="float32", mean=(0.5,), std=(0.25,))
    batch = next(iter(TrajectoryDataset(gray, batch_size=2, output=output)))
    bytes_ = gray.batch(range(2))["video"]
    assert torch.equal(batch["video"], torch.from_numpy((bytes_ / 255 - 0.5) / 0.25).float())
