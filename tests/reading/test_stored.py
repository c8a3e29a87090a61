"""Clips read back are the clips that were rendered."""

import json
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from tests.stores import recipe_of, write_recipe
from trajdata import (
    DEFAULT_FIELDS,
    FIELDS,
    ArgumentError,
    ClipSource,
    ShardError,
    Source,
    materialize,
    open_shards,
)
from trajdata._clips.fields import TEXT_FIELDS
from trajdata._reading.committed import find_shards
from trajdata._shards.layout import STANDARD_ARRAYS
from trajdata._shards.strict_json import canonical, sealed

ALL = (*DEFAULT_FIELDS, *STANDARD_ARRAYS, *TEXT_FIELDS)
"""What a store holds unless it was told otherwise."""
CLIPS, SHARD = 100, 40


@pytest.fixture(scope="module")
def baked(tmp_path_factory, tiny_spec):
    folder = tmp_path_factory.mktemp("baked")
    materialize(ClipSource(tiny_spec, 9, "test"), folder, clips=CLIPS, shard_clips=SHARD)
    return folder


@pytest.fixture
def copy(tmp_path, baked):
    return shutil.copytree(baked, tmp_path / "copy")


@pytest.fixture(scope="module")
def source(tiny_spec):
    return ClipSource(tiny_spec, 9, "test", fields=ALL)


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
            assert left[name].shape == right[name].shape
            assert np.array_equal(left[name], right[name]), name


def patch(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


@pytest.mark.parametrize(
    "indices",
    [range(100), range(38, 42), [0], [99], [5, 3, 99, 3, 41], range(99, -1, -7), [], np.arange(40)],
)
def test_a_batch_read_is_the_batch_rendered(baked, source, indices):
    equal(open_shards(baked, fields=ALL).batch(indices), source.batch(indices))


def test_every_field_can_be_stored_and_read(tmp_path, tiny_spec):
    arrays = [name for name in FIELDS if name not in (*DEFAULT_FIELDS, *TEXT_FIELDS)]
    live = ClipSource(tiny_spec.replace(count=(1, 3)), fields=tuple(FIELDS))
    materialize(live, tmp_path / "out", clips=9, shard_clips=4, fields=arrays)
    stored = open_shards(tmp_path / "out", fields=live.fields)
    equal(stored[:], live[:9])
    equal(stored[7], live[7])


def test_a_clip_read_is_the_clip_rendered(baked, source):
    stored = open_shards(baked, fields=ALL)
    for index in (0, 40, 99):
        equal(stored[index], source[index])
        equal(stored[index - 100], source[index])
    with pytest.raises(IndexError, match="index: given 100; allowed are -100 to 99"):
        stored[100]


@pytest.mark.parametrize(
    "part", [slice(0, 4), slice(97, 200), slice(-3, None), slice(None, None, 33), slice(9, 2, -3)]
)
def test_a_slice_is_a_batch_and_means_what_it_means_of_a_list(baked, source, part):
    equal(open_shards(baked, fields=ALL)[part], source.batch(range(100)[part]))


def test_a_store_can_be_walked_through_like_a_list(baked):
    labels = open_shards(baked, fields=("index",))
    assert [int(clip["index"]) for clip in labels] == list(range(100))


def test_a_store_is_a_source_that_can_have_other_fields(baked, source):
    stored = open_shards(baked)
    assert isinstance(stored, Source)
    equal(stored.with_fields(ALL).batch([7, 50]), source.batch([7, 50]))
    assert stored.fields == ("video", "label", "index")
    with pytest.raises(ValueError, match="fields: given"):
        stored.with_fields(("video", "flow"))


def test_a_field_that_the_store_does_not_hold_is_named(tiny_spec, tmp_path):
    materialize(ClipSource(tiny_spec), tmp_path, clips=4, fields=["depth"])
    with pytest.raises(ArgumentError, match=r"given radius, which .* not hold; .*read_through"):
        open_shards(tmp_path, fields=("video", "radius"))
    with pytest.raises(ArgumentError, match="fields: given radius"):
        open_shards(tmp_path).with_fields(("video", "radius"))


def test_the_default_fields_are_those_of_the_source(baked, tiny_spec):
    stored = open_shards(baked)
    equal(stored.batch(range(7)), ClipSource(tiny_spec, 9, "test").batch(range(7)))


def test_the_folder_says_what_it_holds(baked, tiny_spec):
    stored = open_shards(baked)
    assert (stored.spec, stored.seed, stored.split) == (tiny_spec, 9, "test")
    assert (stored.clips, stored.shard_clips, len(stored)) == (CLIPS, SHARD, CLIPS)


def test_arrays_are_copied_into_out(baked, source):
    stored = open_shards(baked, fields=("video", "label"))
    video = np.zeros((3, *stored.spec.video_shape), np.uint8)
    batch = stored.batch([1, 50, 2], out={"video": video})
    assert batch["video"] is video
    assert np.array_equal(video, source.batch([1, 50, 2])["video"])
    with pytest.raises(ValueError, match=r"out\['label'\]: given int32"):
        stored.batch([1], out={"label": np.zeros(1, np.int32)})
    with pytest.raises(ValueError, match="out: given 'depth'"):
        stored.batch([1], out={"depth": np.zeros(1)})


def test_a_folder_whose_hidden_part_was_lost_is_read_by_its_index(copy, source):
    shutil.rmtree(copy / ".trajdata")
    equal(open_shards(copy, fields=ALL).batch(range(100)), source.batch(range(100)))


def test_a_pickled_reader_reads_on(baked, source):
    stored = open_shards(baked, fields=ALL)
    stored.batch([0])
    equal(pickle.loads(pickle.dumps(stored)).batch(range(30, 50)), source.batch(range(30, 50)))


def test_threads_may_share_a_reader_with_few_open_shards(baked, source, monkeypatch):
    monkeypatch.setattr("trajdata._reading.committed._OPEN_SHARDS", 1)
    stored = open_shards(baked, fields=("video", "index"))
    whole = source.batch(range(100))["video"]

    def read(seed):
        indices = np.random.default_rng(seed).integers(0, 100, 20)
        batch = stored.batch(indices)
        return np.array_equal(batch["video"], whole[indices]) and (batch["index"] == indices).all()

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, range(100)))


@pytest.mark.parametrize("indices", [[100], [-1], [0.5], range(99, 101)])
def test_an_index_that_is_not_there_is_an_error_that_says_which_are(baked, indices):
    with pytest.raises(ValueError, match="indices: given"):
        open_shards(baked).batch(indices)


def test_no_folder_of_shards_is_an_error(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=r"where: given .*allowed is a store that"):
            open_shards(folder)


def unfinished(copy):
    (copy / "index.json").unlink()
    (copy / ".trajdata" / "commits" / "000001.json").unlink()


def test_an_unfinished_bake_is_an_error_that_says_how_to_go_on(copy):
    unfinished(copy)
    with pytest.raises(ValueError, match=r"2 of 3 shards committed; run the same .*read_through"):
        open_shards(copy)


def test_of_an_unfinished_bake_the_committed_shards_can_be_read(copy, source):
    unfinished(copy)
    shards = find_shards(copy, unfinished=True)
    assert shards.shards == {0, 2}
    asked = np.array([39, 40, 79, 80, 10**15])
    assert shards.held(asked).tolist() == [True, False, False, True, False]
    equal(shards.batch(ALL, [3, 99], {}), source.batch([3, 99]))
    with pytest.raises(ValueError, match="shard 1, which is not committed yet; 2 of 3 shards are"):
        shards.batch(ALL, [3, 41], {})


@pytest.mark.parametrize("change", [-1, 1, -512, 512, None])
def test_a_shard_of_another_size_or_none_is_damage(copy, change):
    shard = copy / "test-000001.tar"
    size = shard.stat().st_size
    if change is None:
        shard.unlink()
    else:
        with open(shard, "r+b") as file:
            file.truncate(size + change)
    with pytest.raises(ShardError, match=f"test-000001.tar: expected {size} bytes"):
        open_shards(copy)
    assert find_shards(copy, unfinished=True).shards == {0, 2}


def test_damage_is_an_error_with_file_and_offset(copy):
    stored = open_shards(copy, fields=ALL)
    layout = stored._shards.recipe.layout
    offsets = {member.field: member.offset for member in layout.members}
    shard = copy / "test-000000.tar"
    row = 3 * layout.record_bytes

    def damaged(offset, data, message, at):
        whole = shard.read_bytes()
        patch(shard, offset, data)
        with pytest.raises(ShardError, match=message) as caught:
            open_shards(copy, fields=ALL).batch(range(10))
        assert caught.value.file == str(shard)
        assert caught.value.offset == at
        shard.write_bytes(whole)

    damaged(257, b"x", "byte 0x75 in the header of video.npy of clip 0", 257)
    damaged(row, b"000000000004", "the record of clip 3", row)
    label = row + offsets["label"]
    damaged(label, b"9", "a label below 4", label)
    damaged(label, b"\xff", "a label below 4", label)
    text = row + offsets["metadata"]
    damaged(text, b"[", "expected JSON", text)
    damaged(text, b'{"Index"', "the JSON of clip 3", text)
    damaged(text, b'{"index": 2', "index 3", text)
    damaged(text, b"\xff", "expected JSON", text)


def test_a_damaged_commit_record_is_an_error(copy):
    path = copy / ".trajdata" / "commits" / "000001.json"
    good = json.loads(path.read_bytes())
    seal = good.pop("seal")
    for key, value in (
        ("clips", 39), ("filesize", 1), ("shard", 2), ("url", "/etc/passwd"), ("labels", [40]),
        ("labels", [-1, 41, 0, 0]), ("labels", [10, 10, 10, 9]),
        ("sha256", "x"), ("sha256", "0" * 64),
    ):  # fmt: skip
        path.write_bytes(canonical(sealed({**good, key: value})))
        with pytest.raises(ShardError):
            open_shards(copy)
    path.write_bytes(canonical({**good, "seal": "0" * 64}))
    with pytest.raises(ShardError, match="as trajdata writes it"):
        open_shards(copy)
    path.write_text(json.dumps({**good, "seal": seal}))
    with pytest.raises(ShardError, match="as trajdata writes it"):
        open_shards(copy)
    path.write_bytes(canonical(sealed(good)))
    open_shards(copy)
    (path.parent / "000003.json").write_bytes(canonical(good))
    with pytest.raises(ShardError, match="the name of a commit record of 3 shards"):
        open_shards(copy)


def test_a_recipe_that_contradicts_the_index_is_an_error(copy):
    write_recipe(copy, replace(recipe_of(copy), seed=8))
    with pytest.raises(ShardError, match=r"the recipe in \.trajdata/recipe\.json"):
        open_shards(copy)


def test_arrays_with_strides_are_filled_too(baked, source):
    stored = open_shards(baked, fields=ALL)
    wide = np.zeros((6, *stored.spec.video_shape), np.uint8)
    tall = np.zeros((3, 2, stored.spec.frames), np.float32).transpose(0, 2, 1)
    indices = [1, 50, 2]
    batch = stored.batch(indices, out={"video": wide[::2], "pixels": tall})
    due = source.batch(indices)
    assert batch["video"].base is wide
    np.testing.assert_array_equal(wide[::2], due["video"])
    assert not wide[1::2].any()
    np.testing.assert_array_equal(tall, due["pixels"])


def test_a_bad_label_is_found_where_none_is_asked_for(copy):
    stored = open_shards(copy, fields=("video",))
    members = {member.field: member for member in stored._shards.recipe.layout.members}
    at = 3 * stored._shards.recipe.layout.record_bytes + members["label"].offset
    patch(copy / "test-000000.tar", at, b"9")
    with pytest.raises(ShardError, match="a label below 4") as caught:
        open_shards(copy, fields=("video",)).batch(range(10))
    assert caught.value.offset == at
