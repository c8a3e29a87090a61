"""A quick look finds what is missing, cut, strange or in contradiction."""

import hashlib
import os
import shutil
import sys
from dataclasses import replace

import pytest

from tests.stores import commit_of, index_of, recipe_of, write_recipe
from trajdata import ArgumentError, ClipSource, ShardError, materialize
from trajdata._bake.rerender import spread
from trajdata._bake.verify import verify


@pytest.fixture(scope="module")
def baked(tmp_path_factory, tiny_spec):
    folder = tmp_path_factory.mktemp("baked")
    materialize(ClipSource(tiny_spec), folder, clips=100, shard_clips=40)
    return folder


@pytest.fixture
def copy(tmp_path, baked):
    return shutil.copytree(baked, tmp_path / "copy")


def kinds(folder):
    report = verify(folder)
    assert report.ok == (not report.problems)
    return [problem.kind for problem in report.problems]


def test_a_finished_folder_is_sound(baked):
    report = verify(baked)
    assert report.ok
    assert report.complete
    assert (report.clips, report.shards, report.shards_checked) == (100, 3, 3)


def test_a_folder_without_its_hidden_part_is_sound(copy):
    shutil.rmtree(copy / ".trajdata")
    assert verify(copy).ok


def test_an_unfinished_folder_is_sound_and_not_complete(copy):
    (copy / "index.json").unlink()
    (copy / ".trajdata" / "commits" / "000002.json").unlink()
    (copy / "train-000002.tar").unlink()
    report = verify(copy)
    assert report.ok
    assert not report.complete
    assert report.shards_checked == 2


def test_what_is_wrong_is_named_by_kind_and_file(copy):
    (copy / "train-000001.tar").unlink()
    (copy / "train-000003.tar").write_bytes(b"")
    (copy / "train-000000.tar.tmp").write_bytes(b"")
    (copy / "notes.txt").write_bytes(b"a user's own")
    with open(copy / "train-000002.tar", "r+b") as file:
        file.truncate(1000)
    report = verify(copy)
    found = {(problem.kind, problem.file.removeprefix(f"{copy}/")) for problem in report.problems}
    assert found == {
        ("missing", "train-000001.tar"),
        ("shard", "train-000002.tar"),
        ("stray", "train-000000.tar.tmp"),
        ("stray", "train-000003.tar"),
    }


@pytest.mark.parametrize("offset", [0, 148, -1, -1024, -1024 - 512])
def test_a_changed_byte_in_the_first_or_last_headers_or_the_end_is_found(copy, offset):
    with open(copy / "train-000001.tar", "r+b") as file:
        file.seek(offset, 0 if offset >= 0 else 2)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 0x40]))
    assert kinds(copy) == ["shard"]


def test_a_damaged_index_or_record_is_a_problem_and_the_rest_is_still_checked(copy):
    (copy / "index.json").write_bytes(b"{")
    (copy / ".trajdata" / "commits" / "000000.json").write_bytes(b"{}")
    (copy / "train-000002.tar").unlink()
    assert kinds(copy) == ["index", "commit record", "missing"]


def test_a_recipe_that_differs_from_the_index_is_a_problem(copy):
    path = copy / ".trajdata" / "recipe.json"
    write_recipe(copy, replace(recipe_of(copy), seed=8))
    assert kinds(copy) == ["contradiction"]
    path.write_text(path.read_text().replace('"seed": 8', '"seed": 0'))
    assert kinds(copy) == ["recipe"]
    path.write_bytes(b"")
    assert kinds(copy) == ["recipe"]


def test_no_folder_of_shards_or_one_that_cannot_be_read_is_an_error(tmp_path, copy):
    with pytest.raises(ArgumentError, match="allowed is a folder that"):
        verify(tmp_path / "nowhere")
    shutil.rmtree(copy / ".trajdata")
    (copy / "index.json").write_bytes(b"{")
    with pytest.raises(ShardError, match="a readable index or recipe"):
        verify(copy)


def flip(path, offset, bit=0):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))


def test_a_sound_folder_is_sound_in_full_and_when_rendered_again(baked):
    report = verify(baked, full=True, rerender=10)
    assert report.ok
    assert report.clips_rendered == 10
    assert verify(baked, rerender=1000).clips_rendered == 100


def test_what_only_a_full_look_finds(copy):
    flip(copy / "train-000001.tar", 5 * 12288 + 2000)
    assert verify(copy).ok
    (problem,) = verify(copy, full=True).problems
    assert problem.kind == "shard"
    assert "SHA-256" in problem.message


def test_what_is_no_tar_or_no_clip_in_the_middle_of_a_shard_is_found_where_it_is(copy):
    flip(copy / "train-000001.tar", 5 * 12288 + 148)
    (problem,) = verify(copy, full=True).problems
    assert f"at byte {5 * 12288 + 148}: expected byte" in problem.message


def test_a_record_that_counts_other_classes_than_its_shard_has_is_found(copy):
    path = copy / ".trajdata" / "commits" / "000000.json"
    commit = commit_of(copy, 0)
    path.write_bytes(replace(commit, labels=(40, 0, 0, 0)).to_bytes())
    assert verify(copy).ok
    (problem,) = verify(copy, full=True).problems
    assert "000000.json: expected labels [10, 10, 10, 10]" in problem.message


def test_clips_that_are_rendered_otherwise_now_are_found_by_rendering_them_again(copy):
    """The shard, its record and the index agree; only the renderer knows better."""
    shard = copy / "train-000002.tar"
    flip(shard, 10 * 12288 + 2000)
    digest = hashlib.sha256(shard.read_bytes()).hexdigest()
    index, commit = index_of(copy), commit_of(copy, 2)
    (copy / "index.json").write_bytes(replace(index, sha256=(*index.sha256[:2], digest)).to_bytes())
    (copy / ".trajdata" / "commits" / "000002.json").write_bytes(
        replace(commit, sha256=digest).to_bytes()
    )
    assert verify(copy, full=True).ok
    (problem,) = verify(copy, rerender=100).problems
    assert problem.kind == "clip"
    assert "as clip 90 is rendered now" in problem.message


def test_fewer_than_no_clips_cannot_be_rendered_again(baked):
    with pytest.raises(ArgumentError, match="rerender: given -1"):
        verify(baked, rerender=-1)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no FIFOs")
def test_a_fifo_in_the_place_of_a_file_is_an_error_and_no_wait(copy):
    for name in ("index.json", ".trajdata/recipe.json", ".trajdata/commits/000000.json"):
        path = copy / name
        held = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        assert any("a regular file" in problem.message for problem in verify(copy).problems)
        path.unlink()
        path.write_bytes(held)


def test_the_clips_that_are_rendered_again_are_spread_evenly():
    assert spread(100, 3) == [16, 50, 83]
    assert spread(100, 1) == [50]
    assert spread(3, 10) == [0, 1, 2]
    assert spread(3, 0) == []
