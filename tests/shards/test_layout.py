"""The record to the byte, against tarfile and NumPy, which read such files for a living."""

import io
import math
import tarfile

import numpy as np
import pytest

from trajdata._clips.fields import FIELDS
from trajdata._clips.source import ClipSource
from trajdata._shards.layout import (
    END_BYTES,
    STANDARD_ARRAYS,
    default_shard_clips,
    record_layout,
)
from trajdata._shards.recipe import Recipe
from trajdata._shards.records import RecordBuilder
from trajdata._spec.model import ClipSpec
from trajdata._spec.presets import preset, presets

INDICES = range(998, 1003)


def recipe_for(spec, seed=0, split="train", fields=STANDARD_ARRAYS):
    return Recipe(spec, seed, split, 1003, 1003, spec.fingerprint, fields)


@pytest.fixture(scope="module")
def layout(tiny_spec):
    return record_layout(tiny_spec, STANDARD_ARRAYS)


@pytest.fixture(scope="module")
def shard(tiny_spec):
    records, _ = RecordBuilder(recipe_for(tiny_spec, 3, "val"), 2**20).build(INDICES)
    return records.tobytes() + bytes(END_BYTES)


def test_a_shard_is_a_tar_whose_members_are_the_fields_in_their_order(layout, shard):
    with tarfile.open(fileobj=io.BytesIO(shard), mode="r:") as tar:
        members = tar.getmembers()
    names = ["video.npy", "cls", "json", *(f"{name}.npy" for name in STANDARD_ARRAYS)]
    assert [member.name for member in members] == [
        f"{index:012d}.{name}" for index in INDICES for name in names
    ]
    for member in members:
        assert (member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o644)
        assert (member.uname, member.gname) == ("", "")
        assert member.isreg()


def test_headers_are_those_that_tarfile_writes(layout, shard):
    for row, index in enumerate(INDICES):
        for member in layout.members:
            info = tarfile.TarInfo(f"{index:012d}.{member.name}")
            info.size = member.size
            start = row * layout.record_bytes + member.start
            ours = shard[start : start + 512]
            theirs = info.tobuf(tarfile.USTAR_FORMAT)
            # Pythons differ in how they write the device that a regular file has not: skip that,
            # and the checksum, which tarfile checks when it reads ours.
            assert (
                ours[:148] + ours[156:329] + ours[345:]
                == theirs[:148] + theirs[156:329] + theirs[345:]
            )
            assert tarfile.TarInfo.frombuf(ours, "ascii", "strict").size == member.size


def test_members_hold_the_clips_of_the_source(tiny_spec, shard):
    source = ClipSource(tiny_spec, 3, "val", fields=tuple(FIELDS))
    with tarfile.open(fileobj=io.BytesIO(shard), mode="r:") as tar:
        for index in INDICES:
            clip = source[index]
            assert int(tar.extractfile(f"{index:012d}.cls").read()) == clip["label"]
            for name in ("video", *STANDARD_ARRAYS):
                member = tar.extractfile(f"{index:012d}.{name}.npy")
                array = np.load(io.BytesIO(member.read()), allow_pickle=False)
                assert array.dtype == clip[name].dtype
                assert np.array_equal(array, clip[name])


@pytest.mark.parametrize("name", presets())
def test_every_value_is_aligned_and_lies_in_its_record(name):
    layout = record_layout(preset(name), STANDARD_ARRAYS)
    end = 0
    for member in layout.members:
        assert member.start == end
        assert member.offset % 64 == 0
        assert member.offset + member.value_bytes <= layout.record_bytes
        end = member.start + 512 + math.ceil(member.size / 512) * 512
    assert end == layout.record_bytes == layout.dtype.itemsize


def test_the_layout_of_magvit_32_is_pinned():
    layout = record_layout(preset("magvit-32"), STANDARD_ARRAYS)
    assert layout.record_bytes == 33792
    assert [(member.name, member.offset, member.size) for member in layout.members] == [
        ("video.npy", 640, 24704),
        ("cls", 26112, 1),
        ("json", 27136, 1536),
        ("trajectory.npy", 29312, 224),
        ("jittered.npy", 30336, 224),
        ("pixels.npy", 31360, 192),
        ("depth.npy", 32384, 160),
        ("radius.npy", 33408, 160),
    ]


def test_a_builder_that_is_used_again_leaves_nothing_of_the_last_clips(tiny_spec):
    builder = RecordBuilder(recipe_for(tiny_spec), 2**20)
    fresh = builder.build(range(5, 8))[0].copy()
    builder.build(range(999_999_999_990, 999_999_999_999))
    assert np.array_equal(builder.build(range(5, 8))[0], fresh)


def test_a_builder_has_room_for_one_record_at_least_and_says_when_it_is_full(tiny_spec):
    builder = RecordBuilder(recipe_for(tiny_spec), 0)
    assert builder.capacity == 1
    with pytest.raises(ValueError, match="given 2 of them; allowed are up to 1"):
        builder.build(range(2))


def test_a_shard_has_a_power_of_two_of_clips_and_up_to_128_mib_of_video():
    assert {name: default_shard_clips(preset(name)) for name in presets()} == {
        "magvit-32": 4096,
        "magvit-32-random": 4096,
        "magvit-64": 512,
        "magvit-64-random": 512,
        "gray-32": 16384,
        "magvit2-128": 128,
        "scenes-32": 4096,
        "scenes-64": 512,
        "scenes-128": 128,
        "laws-32": 4096,
        "transients-32": 4096,
        "combinations-32": 4096,
        "stereo-64": 256,
        "magvit2-32": 4096,
    }
    assert default_shard_clips(ClipSpec().replace(frames=1024, height=1024, width=1024)) == 1
    assert (
        default_shard_clips(ClipSpec().replace(frames=2, channels=1, height=16, width=16)) == 65536
    )
