"""A quick look finds what is missing, cut, strange or in contradiction."""

import shutil

import pytest

from trajdata import ShardError, materialize
from trajdata.shards.verify import rebuild_index, verify


@pytest.fixture(scope="module")
def baked(tmp_path_factory, tiny_spec):
    folder = tmp_path_factory.mktemp("baked")
    materialize(tiny_spec, folder, clips=100, shard_clips=40)
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
    assert kinds(copy) == ["index", "commit", "missing"]


def test_a_recipe_that_differs_from_the_index_is_a_problem(copy):
    path = copy / ".trajdata" / "recipe.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 8'))
    assert kinds(copy) == ["index"]
    path.write_bytes(b"")
    assert kinds(copy) == ["commit"]


def test_no_folder_of_shards_or_one_that_cannot_be_read_is_an_error(tmp_path, copy):
    with pytest.raises(ValueError, match="allowed is a folder that"):
        verify(tmp_path / "nowhere")
    shutil.rmtree(copy / ".trajdata")
    (copy / "index.json").write_bytes(b"{")
    with pytest.raises(ShardError, match="a readable index or recipe"):
        verify(copy)


def test_an_index_is_rebuilt_to_the_byte_also_without_the_records(copy):
    due = (copy / "index.json").read_bytes()
    (copy / "index.json").unlink()
    assert rebuild_index(copy).to_bytes() == due
    for record in (copy / ".trajdata" / "commits").iterdir():
        record.unlink()
    assert rebuild_index(copy).to_bytes() == due
    (copy / "train-000001.tar").unlink()
    with pytest.raises(ShardError, match="found no file"):
        rebuild_index(copy)
