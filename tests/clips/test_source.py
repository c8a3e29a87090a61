"""clip(i) is a pure function of (spec, seed, split, i)."""

import hashlib
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.patience import SECONDS
from trajdata import FIELDS, ClipSource, ClipSpec, preset

ALL = tuple(FIELDS)


def equal(left, right):
    assert list(left) == list(right)
    for name in left:
        if name == "params":
            assert list(left[name]) == list(right[name])
            for key in left[name]:
                assert np.array_equal(left[name][key], right[name][key]), key
        elif isinstance(left[name], (list, str)):
            assert left[name] == right[name], name
        else:
            assert left[name].dtype == right[name].dtype
            assert np.array_equal(left[name], right[name]), name


def take(batch, rows):
    def pick(value):
        if isinstance(value, dict):
            return {key: part[rows] for key, part in value.items()}
        return [value[row] for row in rows] if isinstance(value, list) else value[rows]

    return {name: pick(value) for name, value in batch.items()}


@pytest.fixture(scope="module")
def source():
    return ClipSource(ClipSpec(), seed=7, fields=ALL)


@pytest.fixture(scope="module")
def whole(source):
    return source.batch(range(1200))


def test_a_clip_has_the_named_fields_with_the_stated_shapes_and_dtypes(source):
    clip = source[123]
    assert tuple(clip) == ALL
    for name, field in FIELDS.items():
        if name not in ("params", "caption", "equation"):
            assert clip[name].dtype == field.dtype
            assert clip[name].shape == field.shape(source.spec)
    assert isinstance(clip["caption"], str)
    assert isinstance(clip["equation"], str)
    assert clip["index"] == 123
    assert tuple(ClipSource(ClipSpec())[0]) == ("video", "label", "index")


def test_a_batch_is_its_clips_stacked(source, whole):
    rows = [3, 1199, 512, 0, 3]
    equal(source.batch(rows), take(whole, rows))
    clip = source[512]
    for name in ("video", "trajectory", "label"):
        assert np.array_equal(clip[name], whole[name][512])
    assert clip["caption"] == whole["caption"][512]
    assert clip["params"] == {key: value[512] for key, value in whole["params"].items()}


@pytest.mark.parametrize("size", [1, 2, 3, 64, 511, 512, 513, 1000])
def test_the_size_of_a_batch_does_not_change_a_byte(source, whole, size):
    equal(source.batch(range(100, 100 + size)), take(whole, list(range(100, 100 + size))))


def test_the_order_of_access_does_not_change_a_byte(source, whole):
    order = np.random.default_rng(0).permutation(1200)
    equal(source.batch(order), take(whole, order.tolist()))


def test_the_fields_asked_for_do_not_change_a_byte(whole):
    part = ClipSource(ClipSpec(), seed=7, fields=("radius", "video")).batch(range(50))
    assert list(part) == ["video", "radius"]
    assert np.array_equal(part["video"], whole["video"][:50])
    assert np.array_equal(part["radius"], whole["radius"][:50])


def test_threads_that_share_a_source_do_not_change_a_byte(source, whole):
    starts = list(range(0, 1200, 40))
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda at: source.batch(range(at, at + 40)), starts))
    for at, part in zip(starts, parts, strict=True):
        equal(part, take(whole, list(range(at, at + 40))))


def test_a_pickled_source_gives_the_same_clips(source, whole):
    again = pickle.loads(pickle.dumps(source))
    equal(again.batch(range(20)), take(whole, list(range(20))))


def test_seeds_and_splits_are_different_streams():
    videos = {
        (seed, split): ClipSource(ClipSpec(), seed, split).batch(range(40))["video"].tobytes()
        for seed in (0, 1, 2**63 - 1)
        for split in ("train", "val", "test")
    }
    assert len(set(videos.values())) == 9


def test_no_two_clips_are_the_same_within_or_across_splits():
    seen = set()
    for split in ("train", "val", "test"):
        for video in ClipSource(ClipSpec(), 0, split).batch(range(3000))["video"]:
            seen.add(video.tobytes())
    assert len(seen) == 9000


def test_indices_up_to_2_to_the_63_are_clips_like_any_other(source):
    last = source[2**63 - 1]
    assert last["index"] == 2**63 - 1
    assert last["video"].std() > 0
    assert '"index"' not in last["caption"]


@pytest.mark.parametrize(
    "indices", [[-1], [2**63], [1.5], ["a"], 3, [[1, 2]], [True], range(-2, 3), range(3, -2, -1)]
)
def test_indices_that_are_none_are_errors_that_name_them(source, indices):
    with pytest.raises(ValueError, match="indices: given"):
        source.batch(indices)


def test_a_stream_without_an_end_cannot_be_listed(source):
    with pytest.raises(TypeError, match="not iterable"):
        list(source)
    with pytest.raises(TypeError):
        assert 3 in source


def test_an_empty_batch_has_the_shapes_of_a_batch(source):
    batch = source.batch([])
    assert batch["video"].shape == (0, 8, 3, 32, 32)
    assert batch["caption"] == []
    assert batch["params"]["speed_m_s"].shape == (0,)


@pytest.mark.parametrize("fields", [("video", "colour"), (), ("video", "video"), "video"])
def test_unknown_repeated_or_no_fields_are_errors_that_list_the_fields(fields):
    with pytest.raises(ValueError, match=r"fields: given .*allowed are video, label, index"):
        ClipSource(ClipSpec(), fields=fields)


def test_a_spec_that_is_none_is_an_error_that_says_how_to_make_one():
    with pytest.raises(ValueError, match="spec: given 'magvit-32'; allowed is a ClipSpec"):
        ClipSource("magvit-32")


def test_an_out_array_that_does_not_fit_is_an_error(source):
    with pytest.raises(ValueError, match=r"out\['video'\]: given float32"):
        source.batch([0], out={"video": np.empty((1, 8, 3, 32, 32), np.float32)})
    with pytest.raises(ValueError, match="out: given 'caption'"):
        source.batch([0], out={"caption": np.empty(1)})
    wide = np.empty((2, 8, 3, 32, 64), np.uint8)[..., ::2]
    with pytest.raises(ValueError, match="only the first axis may be strided"):
        source.batch([0, 1], out={"video": wide})


SECOND_PROCESS = """
import hashlib
from concurrent.futures import ThreadPoolExecutor
from trajdata import FIELDS, ClipSource, preset
source = ClipSource(preset("magvit-64"), seed=11, split="val", fields=tuple(FIELDS))
digest = hashlib.sha256()
with ThreadPoolExecutor(3) as pool:
    clips = list(pool.map(source.__getitem__, range(39, -1, -1)))
for clip in clips:
    digest.update(clip["video"].tobytes() + clip["trajectory"].tobytes())
    digest.update((clip["caption"] + clip["equation"]).encode())
print(digest.hexdigest())
"""


@pytest.mark.slow
def test_another_process_with_other_order_threads_and_batch_size_gives_the_same_bytes():
    batch = ClipSource(preset("magvit-64"), seed=11, split="val", fields=ALL).batch(range(40))
    digest = hashlib.sha256()
    for i in range(39, -1, -1):
        digest.update(batch["video"][i].tobytes() + batch["trajectory"][i].tobytes())
        digest.update((batch["caption"][i] + batch["equation"][i]).encode())
    run = subprocess.run(
        [sys.executable, "-c", SECOND_PROCESS],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert run.stdout.strip() == digest.hexdigest()
