"""Which array fields a record stores is the store's own choice, and fixed with it."""

import json
import tarfile

import numpy as np
import pytest

from tests.stores import recipe_of
from trajdata import (
    FIELDS,
    ArgumentError,
    ClipSource,
    SpecMismatchError,
    materialize,
    open_shards,
    read_through,
    verify,
)
from trajdata._cli import main

CLIPS, SHARD = 20, 8
TEXTS = ("params", "caption", "equation")
STORABLE = [name for name in FIELDS if name not in ("video", "label", "index", *TEXTS)]


def bake(folder, spec, fields, **settings):
    source = ClipSource(spec, fields=("video",))
    return materialize(source, folder, clips=CLIPS, shard_clips=SHARD, fields=fields, **settings)


def members(folder):
    with tarfile.open(folder / "train-000000.tar") as tar:
        names = [name.partition(".")[2] for name in tar.getnames()]
    assert len(names) % SHARD == 0
    return names[: len(names) // SHARD]


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        (None, ["trajectory", "jittered", "pixels", "depth", "radius"]),
        (["radius", "pixels"], ["pixels", "radius"]),
        (["depth"], ["depth"]),
        ([], []),
        (list(reversed(STORABLE)), STORABLE),
    ],
)
def test_a_record_has_a_member_for_each_field_that_is_stored_in_the_order_of_the_table(
    tmp_path, tiny_spec, asked, stored
):
    bake(tmp_path, tiny_spec, asked)
    assert members(tmp_path) == ["video.npy", "cls", "json", *(f"{name}.npy" for name in stored)]
    ours = json.loads((tmp_path / "index.json").read_bytes())["trajdata"]
    assert ours["fields"] == stored
    assert recipe_of(tmp_path).fields == tuple(stored)
    fields = ("video", "label", "index", *stored, *TEXTS)
    read = open_shards(tmp_path, fields=fields).batch(range(CLIPS))
    due = ClipSource(tiny_spec, fields=fields).batch(range(CLIPS))
    for name in ("video", "label", "index", *stored):
        assert np.array_equal(read[name], due[name]), name
    assert read["caption"] == due["caption"]
    assert verify(tmp_path, full=True, rerender=CLIPS).ok


def test_a_field_that_is_not_stored_is_an_error_that_names_those_that_are(tmp_path, tiny_spec):
    bake(tmp_path, tiny_spec, ["depth"])
    with pytest.raises(
        ArgumentError, match="given pixels, which the store does not hold"
    ) as caught:
        open_shards(tmp_path, fields=("video", "pixels"))
    assert "allowed are video, label, index, depth, params, caption, equation" in str(caught.value)


def test_a_bake_that_goes_on_keeps_the_fields_of_its_store_and_takes_no_others(tmp_path, tiny_spec):
    bake(tmp_path, tiny_spec, ["depth"])
    assert bake(tmp_path, tiny_spec, None).clips_written == 0
    (tmp_path / "index.json").unlink()
    (tmp_path / "train-000001.tar").unlink()
    assert bake(tmp_path, tiny_spec, None).shards_written == 1
    with pytest.raises(SpecMismatchError, match="fields") as caught:
        bake(tmp_path, tiny_spec, ["radius"])
    assert caught.value.differences == {"fields": (("radius",), ("depth",))}


@pytest.mark.parametrize(
    "fields", ["depth", ["video"], ["label"], ["caption"], ["depth", "depth"], ["nonsense"]]
)
def test_what_is_no_array_field_or_in_every_record_anyway_cannot_be_asked_for(
    tmp_path, tiny_spec, fields
):
    with pytest.raises(ArgumentError, match=r"fields: given .* allowed are trajectory, jittered"):
        bake(tmp_path / "out", tiny_spec, fields)
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_reads_through_a_store_is_baked_from_its_live_part(tmp_path, tiny_spec):
    bake(tmp_path / "one", tiny_spec, ["depth"])
    live = ClipSource(tiny_spec, fields=("video", "depth"))
    source = read_through(live, tmp_path / "one")
    report = materialize(source, tmp_path / "two", clips=CLIPS, shard_clips=SHARD, fields=["depth"])
    assert report.clips_written == CLIPS
    for name in ("index.json", "train-000000.tar", "train-000002.tar"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    with pytest.raises(ArgumentError, match="source: given StoredSource"):
        materialize(open_shards(tmp_path / "one"), tmp_path / "three", clips=CLIPS)
    assert not (tmp_path / "three").exists()


def test_the_command_takes_fields_and_tells_how_to_resume_with_them(tmp_path):
    words = ["materialize", "--preset", "gray-32", "--clips", "8", "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--fields", "depth,pixels"])
    assert ended.value.code == 0
    assert recipe_of(tmp_path / "out").fields == ("pixels", "depth")
    assert "--fields pixels,depth" in (tmp_path / "out" / "PROGRESS.txt").read_text()
