"""What is damaged or lost is made again to the same bytes, and nothing is deleted."""

import hashlib
import json
import shutil
from dataclasses import replace

import pytest

from tests.stores import commit_of, index_of, recipe_of, write_recipe
from trajdata import ArgumentError, ClipSource, LockedError, ShardError, materialize
from trajdata._bake.repair import repair
from trajdata._bake.verify import verify
from trajdata._cli import main
from trajdata._store.disk import Disk
from trajdata._store.lock import FolderLock

CLIPS, SHARD = 100, 40


@pytest.fixture(scope="module")
def baked(tmp_path_factory, tiny_spec):
    folder = tmp_path_factory.mktemp("baked")
    materialize(ClipSource(tiny_spec), folder, clips=CLIPS, shard_clips=SHARD)
    return folder


@pytest.fixture
def copy(tmp_path, baked):
    return shutil.copytree(baked, tmp_path / "copy")


def data(folder):
    """What must come back to the byte."""
    paths = [*folder.glob("*.tar*"), folder / "index.json", folder / "README.md"]
    paths += [*(folder / ".trajdata" / "commits").iterdir(), folder / ".trajdata" / "recipe.json"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def tree(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def flip(path, offset):
    damaged = bytearray(path.read_bytes())
    damaged[offset] ^= 1
    path.write_bytes(damaged)
    return bytes(damaged)


def test_a_sound_folder_is_left_as_it_is(copy, baked):
    report = repair(copy)
    assert report.was_sound
    assert report.complete
    assert data(copy) == data(baked)
    assert verify(copy, full=True).ok


def test_damaged_and_missing_shards_come_back_to_the_same_hash(copy, baked):
    damaged = flip(copy / "train-000001.tar", 20_000)
    (copy / "train-000002.tar").unlink()
    (copy / "train-000000.tar").write_bytes(b"cut")
    report = repair(copy, threads=2)
    assert report.shards_rendered == ("train-000000.tar", "train-000001.tar", "train-000002.tar")
    assert not report.was_sound
    assert data(copy) == data(baked)
    aside = copy / ".trajdata" / "aside"
    assert (aside / "train-000001.tar.0").read_bytes() == damaged
    assert (aside / "train-000000.tar.0").read_bytes() == b"cut"
    assert set(report.moved_aside) == {
        ".trajdata/aside/train-000000.tar.0",
        ".trajdata/aside/train-000001.tar.0",
    }
    assert repair(copy).was_sound


@pytest.mark.parametrize("damage", ["lost", "cut", "wrong"])
def test_an_index_comes_back_to_the_same_bytes(copy, baked, damage):
    path = copy / "index.json"
    if damage == "lost":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        index = index_of(copy)
        path.write_bytes(replace(index, sha256=("0" * 64, *index.sha256[1:])).to_bytes())
    report = repair(copy)
    assert report.index_rebuilt
    assert report.shards_rendered == ()
    assert data(copy) == data(baked)


def test_records_come_back_from_the_shards(copy, baked):
    commits = copy / ".trajdata" / "commits"
    (commits / "000000.json").unlink()
    (commits / "000001.json").write_bytes(b"{}")
    commit = commit_of(copy, 2)
    (commits / "000002.json").write_bytes(replace(commit, labels=(20, 0, 0, 0)).to_bytes())
    (commits / "000003.json").write_bytes(b"of no shard")
    report = repair(copy)
    assert report.commit_records_rebuilt == ("000000.json", "000001.json", "000002.json")
    assert not report.index_rebuilt
    assert data(copy) == data(baked)
    assert len(report.moved_aside) == 3


def test_a_folder_without_its_hidden_part_is_mended_too(copy, baked):
    shutil.rmtree(copy / ".trajdata")
    flip(copy / "train-000001.tar", 20_000)
    repair(copy)
    assert data(copy) == data(baked)


def test_a_damaged_recipe_comes_back_from_the_index(copy, baked):
    flip(copy / ".trajdata" / "recipe.json", 20)
    repair(copy)
    assert data(copy) == data(baked)


def test_a_shard_whose_two_hashes_contradict_each_other_and_that_has_neither_is_made_again(
    copy, baked
):
    index = index_of(copy)
    (copy / "index.json").write_bytes(
        replace(index, sha256=("0" * 64, *index.sha256[1:])).to_bytes()
    )
    flip(copy / "train-000000.tar", 20_000)
    report = repair(copy)
    assert report.shards_rendered == ("train-000000.tar",)
    assert data(copy) == data(baked)


def test_strays_are_moved_aside(copy, baked):
    (copy / "train-000000.tar.tmp").write_bytes(b"stray")
    repair(copy)
    assert data(copy) == data(baked)


def test_of_an_unfinished_bake_only_what_was_committed_is_mended(tmp_path, tiny_spec, baked):
    def stop(report):
        if report.shards_done:
            raise KeyboardInterrupt

    folder = tmp_path / "started"
    with pytest.raises(KeyboardInterrupt):
        materialize(
            ClipSource(tiny_spec),
            folder,
            clips=CLIPS,
            shard_clips=SHARD,
            threads=1,
            on_progress=stop,
        )
    done = sorted(path.name for path in folder.glob("*.tar"))
    assert 0 < len(done) < 3
    (folder / done[0]).unlink()
    report = repair(folder)
    assert report.shards_rendered == (done[0],)
    assert not report.complete
    assert sorted(path.name for path in folder.glob("*.tar")) == done
    assert not (folder / "index.json").exists()
    materialize(ClipSource(tiny_spec), folder, clips=CLIPS)
    assert data(folder) == data(baked)


def test_a_machine_that_renders_other_bytes_touches_nothing(copy, baked):
    """The shard, its record and the index agree on a byte that no clip of the recipe has."""
    shard = copy / "train-000002.tar"
    flip(shard, 2000)
    digest = hashlib.sha256(shard.read_bytes()).hexdigest()
    index = index_of(copy)
    (copy / "index.json").write_bytes(replace(index, sha256=(*index.sha256[:2], digest)).to_bytes())
    commit = replace(commit_of(baked, 2), sha256=digest)
    (copy / ".trajdata" / "commits" / "000002.json").write_bytes(commit.to_bytes())
    (copy / "train-000000.tar").unlink()
    before = tree(copy)
    with pytest.raises(ShardError, match="as clip 80 is rendered now"):
        repair(copy)
    after = tree(copy)
    after.pop(copy / ".trajdata" / "lock")
    before.pop(copy / ".trajdata" / "lock")
    assert after == before


def test_two_recipes_that_contradict_each_other_are_for_a_person_to_decide(copy):
    write_recipe(copy, replace(recipe_of(copy), seed=8))
    with pytest.raises(ShardError, match="the recipe in"):
        repair(copy)


def test_no_folder_of_shards_is_an_error(tmp_path):
    with pytest.raises(ArgumentError, match="out: given"):
        repair(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_being_baked_is_not_repaired(copy):
    before = tree(copy)
    with FolderLock(Disk(copy)), pytest.raises(LockedError):
        repair(copy)
    before.pop(copy / ".trajdata" / "lock")
    after = tree(copy)
    after.pop(copy / ".trajdata" / "lock")
    assert after == before


def test_the_command_says_what_it_did(copy, capsys):
    flip(copy / "train-000001.tar", 20_000)
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(copy), "--full", "--json"])
    assert ended.value.code == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["file"].endswith("train-000001.tar")
    with pytest.raises(SystemExit) as ended:
        main(["repair", str(copy), "--json"])
    assert ended.value.code == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["shards_rendered"] == ["train-000001.tar"]
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(copy), "--full", "--rerender", "5"])
    assert ended.value.code == 0
    with pytest.raises(SystemExit) as ended:
        main(["repair", str(copy)])
    assert ended.value.code == 0
    assert "nothing was damaged" in capsys.readouterr().out
