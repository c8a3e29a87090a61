"""The commit records of a whole range come into one file, and none is ever lost on the way."""

import json
import shutil
from dataclasses import replace

import pytest

from tests.stores import index_of, names_in, recipe_of, store_of
from trajdata import (
    ClipSource,
    ShardError,
    bake_range,
    finish,
    materialize,
    open_shards,
    read_through,
    sync,
    verify,
)
from trajdata._bake.commit import put_commit_record
from trajdata._bake.folding import Folding
from trajdata._bake.repair import repair
from trajdata._bake.run import materialize_on
from trajdata._shards import commit_range as module
from trajdata._shards.commit_range import CommitRange, parse_range
from trajdata._shards.strict_json import canonical, sealed
from trajdata._store.contents import read_contents, survey_contents
from trajdata._store.folder import FolderStore
from trajdata._store.memory import MemoryStore
from trajdata._store.names import COMMITS, RECIPE
from trajdata._store.ranges import put_bytes

CLIPS, SHARD = 18, 2  # nine full shards
RANGE = 3
RANGES = ["000000-000002.json", "000003-000005.json", "000006-000008.json"]


@pytest.fixture(autouse=True)
def short_ranges(monkeypatch):
    monkeypatch.setattr(module, "RANGE_SHARDS", RANGE)


@pytest.fixture(scope="module")
def source(tiny_spec):
    return ClipSource(tiny_spec)


def records(folder):
    return sorted(path.name for path in (folder / COMMITS).iterdir())


def data(folder):
    paths = [*folder.glob("*.tar"), *(folder / COMMITS).iterdir(), folder / RECIPE]
    paths += [folder / "index.json", folder / "README.md", folder / "preview.png"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def folder(tmp_path, source):
    materialize(source, tmp_path / "out", clips=CLIPS, shard_clips=SHARD, threads=1)
    return tmp_path / "out"


@pytest.fixture
def single(tmp_path, source, monkeypatch):
    """The same store as it is before anything is folded."""
    with monkeypatch.context() as patch:
        patch.setattr(module, "RANGE_SHARDS", 1000)
        materialize(source, tmp_path / "single", clips=CLIPS, shard_clips=SHARD, threads=1)
    return tmp_path / "single"


def test_a_thousand_records_are_one_object_and_the_short_last_shard_has_its_own(
    tiny_spec, monkeypatch
):
    monkeypatch.undo()
    assert module.RANGE_SHARDS == 1000  # part of the format
    spec = tiny_spec.replace(frames=2)
    store = MemoryStore()
    materialize_on(store, ClipSource(spec), clips=2003, shard_clips=2, threads=1)
    singles = ["001000.json", "001001.json"]
    assert names_in(store, COMMITS) == ["000000-000999.json", *singles]
    contents = read_contents(store)
    assert contents.is_complete
    assert contents.folded == {0}
    assert contents.single == {1000, 1001}
    assert contents.commits[999].sha256 == contents.index.sha256[999]
    assert sum(contents.committed.totals()[0]) == 2003


def test_what_a_store_holds_is_the_same_before_and_after_its_records_were_folded(folder, single):
    assert records(folder) == RANGES
    assert records(single) == [f"{shard:06d}.json" for shard in range(9)]
    one, other = read_contents(store_of(folder)), read_contents(store_of(single))
    assert dict(one.commits) == dict(other.commits)
    assert one.commits.totals() == other.commits.totals()
    kept = data(single)
    for name, content in data(folder).items():
        assert name.startswith(COMMITS) or content == kept[name], name
    assert (one.pending, one.newest, one.is_complete) == ([], [7, 8], True)
    assert verify(folder, full=True).ok
    assert len(open_shards(folder)) == CLIPS


def test_a_bake_that_goes_on_folds_what_was_not_folded_and_comes_to_the_same_bytes(
    folder, single, source
):
    (single / "index.json").unlink()
    (single / "train-000004.tar").unlink()
    materialize(source, single, clips=CLIPS, threads=1)
    assert data(single) == data(folder)


@pytest.mark.parametrize("left", [[0], [1, 2], [0, 1, 2]])
def test_single_records_that_a_killed_run_left_beside_their_range_go(folder, single, source, left):
    for shard in left:
        shutil.copy(single / COMMITS / f"{shard:06d}.json", folder / COMMITS)
    whole = data(single)
    (folder / "index.json").unlink()
    contents = read_contents(store_of(folder))
    assert (contents.folded, contents.single) == ({0, 1, 2}, set(left))
    assert contents.pending == []
    assert verify(folder, full=True).ok
    finish(folder)
    assert records(folder) == RANGES
    assert (folder / "index.json").read_bytes() == whole["index.json"]


def test_a_shard_of_a_folded_range_that_was_lost_is_baked_again_and_folded_again(folder, source):
    due = data(folder)
    (folder / "train-000004.tar").unlink()
    materialize(source, folder, clips=CLIPS, threads=1)
    assert data(folder) == due


def test_processes_that_bake_parts_of_one_range_fold_it_when_the_last_of_them_is_done(
    tmp_path, folder, source
):
    out = tmp_path / "parts"
    bake_range(out, range(0, 2), source, clips=CLIPS, shard_clips=SHARD, threads=1)
    assert records(out) == ["000000.json", "000001.json"]
    bake_range(out, range(2, 5), threads=1)
    assert records(out) == [RANGES[0], "000003.json", "000004.json"]
    bake_range(out, range(1, 9), threads=1)
    assert records(out) == RANGES
    finish(out)
    assert data(out) == data(folder)


def test_two_that_fold_the_same_range_do_not_disturb_each_other(single, folder):
    one, other = (Folding(store_of(single), read_contents(store_of(single))) for _ in range(2))
    one.fold()
    assert records(single) == RANGES
    shutil.copy(folder / COMMITS / RANGES[0], single / COMMITS)
    other.fold()
    assert records(single) == RANGES
    assert data(single) == data(folder)


def test_a_range_that_says_something_else_is_an_error_and_no_record_goes(single, folder):
    folding = Folding(store_of(single), read_contents(store_of(single)))
    (single / COMMITS / RANGES[1]).write_bytes((folder / COMMITS / RANGES[0]).read_bytes())
    with pytest.raises(ShardError, match="000003-000005"):
        folding.fold()
    assert [f"{shard:06d}.json" in records(single) for shard in (3, 4, 5)] == [True] * 3


def test_a_range_that_was_set_aside_meanwhile_is_written_again_before_its_records_go(single):
    store = store_of(single)
    contents = read_contents(store)
    folding = Folding(store, contents)
    folding.fold()
    due = data(single)
    (single / COMMITS / RANGES[1]).unlink()  # as a repair of another machine does
    put_commit_record(store, contents.commits[4])
    folding.add([contents.commits[4]])
    folding.fold()
    assert data(single) == due


def test_who_reads_while_a_range_is_folded_misses_no_record(single):
    class Folded(MemoryStore):
        """Folds after a number of listed names or of reads."""

        left = None

        def step(self):
            if self.left is not None:
                self.left -= 1
                if self.left == 0:
                    self.left = None
                    Folding(self, self.contents).fold()

        def list(self, prefix):
            for page in super().list(prefix):
                for item in page:
                    self.step()
                    yield [item]

        def read(self, name, start, size):
            self.step()
            return super().read(name, start, size)

    def made():
        store, folder = Folded(), store_of(single)
        names = [RECIPE, *(f"{COMMITS}/{name}" for name in records(single))]
        for name in [*names, *(path.name for path in single.glob("*.tar"))]:
            put_bytes(store, name, folder.read(name, 0, 10**9))
        store.contents = read_contents(store)
        return store

    for at in range(1, 40):
        store = made()
        store.left = at
        contents = read_contents(store)
        assert contents.pending == [], at


def test_a_grown_store_keeps_the_files_of_its_ranges_as_they_were(tmp_path, source, folder):
    out = tmp_path / "growing"
    materialize(source, out, clips=11, shard_clips=SHARD, threads=1)  # the last of six is short
    assert records(out) == [RANGES[0], "000003.json", "000004.json", "000005.json"]
    first = (out / COMMITS / RANGES[0]).read_bytes()
    materialize(source, out, clips=CLIPS, threads=1)
    assert data(out) == data(folder)
    assert (out / COMMITS / RANGES[0]).read_bytes() == first


@pytest.mark.parametrize("render", [False, True])
def test_a_sync_brings_folded_records_and_folds_what_it_brings(tmp_path, folder, single, render):
    for origin in (folder, single):
        out = tmp_path / f"to-{origin.name}"
        report = sync(origin, out, render=render, threads=1)
        assert (report.complete, report.shards_present) == (True, 9)
        assert data(out) == data(folder)


def test_a_sync_that_follows_sees_the_shards_of_a_range_that_was_folded_meanwhile(
    tmp_path, source, monkeypatch
):
    from trajdata._bake import takeover

    origin, out = tmp_path / "from", tmp_path / "to"
    bake_range(origin, range(2), source, clips=CLIPS, shard_clips=SHARD, threads=1)
    parts = iter([range(2, 3), range(3, 9)])

    def sleep(seconds):
        try:
            bake_range(origin, next(parts), threads=1)
        except StopIteration:
            finish(origin)

    monkeypatch.setattr(takeover, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(takeover.time, "sleep", sleep)
    assert sync(origin, out, follow=True, threads=1).complete
    assert data(out) == data(origin)


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("has_index", [True, False])
def test_a_damaged_range_is_found_and_its_records_come_back(folder, has_index):
    due = data(folder)
    flipped(folder / COMMITS / RANGES[1])
    if not has_index:
        (folder / "index.json").unlink()
    report = verify(folder)
    assert [(item.kind, RANGES[1] in item.file) for item in report.problems] == [
        ("commit record", True)
    ]
    with pytest.raises(ShardError, match=RANGES[1]):
        read_contents(store_of(folder))
    mended = repair(folder, threads=1)
    assert mended.commit_records_rebuilt == ("000003.json", "000004.json", "000005.json")
    assert mended.moved_aside == (f".trajdata/aside/{RANGES[1]}.0",)
    assert data(folder) == due


@pytest.mark.parametrize("has_index", [True, False])
@pytest.mark.parametrize("change", ["hash", "labels"])
def test_one_wrong_record_of_a_range_is_found_and_all_of_it_comes_back(folder, has_index, change):
    """The file is whole and has its seal, but is not what the shards are."""
    due = data(folder)
    path = folder / COMMITS / RANGES[1]
    held = parse_range(path.read_bytes(), str(path), recipe_of(folder), 1)
    labels, hexes = held.labels.copy(), list(held.hashes)
    if change == "labels":
        at = int(labels[2].argmax())
        labels[2, at] -= 1
        labels[2, (at + 1) % labels.shape[1]] += 1
    else:
        hexes[2] = "0" * 64
    forged = replace(held, hashes=type(held.hashes).of(hexes), labels=labels)
    path.write_bytes(forged.to_bytes())
    if not has_index:
        (folder / "index.json").unlink()
    assert not verify(folder, full=True).ok
    repair(folder, threads=1)
    if not has_index:
        finish(folder)
    assert data(folder) == due


def test_a_repair_that_is_killed_when_it_has_set_a_range_aside_has_lost_no_right_record(
    folder, monkeypatch
):
    path = folder / COMMITS / RANGES[1]
    (folder / "index.json").unlink()
    held = parse_range(path.read_bytes(), path, read_contents(store_of(folder)).recipe, 1)
    wrong = replace(held, labels=held.labels[::-1].copy())
    assert wrong.to_bytes() != held.to_bytes()
    path.write_bytes(wrong.to_bytes())
    right = [
        shard
        for shard, one, other in zip(range(3, 6), held.labels, wrong.labels, strict=True)
        if (one == other).all()
    ]
    assert right

    def killed(self, name):
        assert name == f"{COMMITS}/{RANGES[1]}"
        raise KeyboardInterrupt

    monkeypatch.setattr(FolderStore, "set_aside", killed)
    with pytest.raises(KeyboardInterrupt):
        repair(folder)
    assert records(folder) == sorted([*RANGES, *(f"{shard:06d}.json" for shard in right)])


def test_a_single_record_that_contradicts_its_range_is_found_and_goes(folder, single):
    due = data(folder)
    path = single / COMMITS / "000004.json"
    value = json.loads(path.read_bytes())
    del value["seal"]
    (folder / COMMITS / "000004.json").write_bytes(canonical(sealed({**value, "sha256": "1" * 64})))
    (item,) = survey_contents(store_of(folder)).damage
    assert (item.kind, item.name) == ("commit record", f"{COMMITS}/000004.json")
    assert "what its range has" in str(item.error)
    repair(folder, threads=1)
    assert data(folder) == due


def test_who_reads_through_an_unfinished_store_reads_the_shards_of_folded_ranges(tmp_path, source):
    out = tmp_path / "part"
    bake_range(out, range(4), source, clips=CLIPS, shard_clips=SHARD, threads=1)
    reader = read_through(source, out)
    assert (reader.batch(range(CLIPS))["video"] == source.batch(range(CLIPS))["video"]).all()
    assert set(reader._shards.shards) == {0, 1, 2, 3}


def changed(folder, **values):
    path = folder / COMMITS / RANGES[1]
    value = json.loads(path.read_bytes())
    del value["seal"]
    return canonical(sealed({**value, **values}))


DAMAGE = {
    "first 3": {"first": 0},
    "fingerprint ": {"fingerprint": "0" * 64},
    "seed 0": {"seed": 1},
    "split 'train'": {"split": "val"},
    "shard_clips 2": {"shard_clips": 3},
    "filesize ": {"filesize": 1},
    "commits: list": {"commits": {}},
    "3 commits": {"commits": []},
    "as trajdata writes it": {"more": 1},
}


@pytest.mark.parametrize("message", DAMAGE)
def test_a_range_of_other_shards_or_of_another_stream_is_an_error(folder, message):
    with pytest.raises(ShardError, match=message) as caught:
        parse_range(changed(folder, **DAMAGE[message]), "some/range", recipe_of(folder), 1)
    assert caught.value.file == "some/range"


LINES = {
    "no text": 5,
    "no hash": "x" * 64 + " 2 0 0 0",
    "a hash in capitals": "A" * 64 + " 2 0 0 0",
    "a hash with blanks": "0" * 62 + "\t\t 2 0 0 0",
    "a class too few": "0" * 64 + " 2 0 0",
    "a class too many": "0" * 64 + " 2 0 0 0 0",
    "another number of clips": "0" * 64 + " 1 0 0 0",
    "fewer than none": "0" * 64 + " 3 -1 0 0",
    "a sign": "0" * 64 + " +2 0 0 0",
    "a number without end": "0" * 64 + " 2 0 0 " + "0" * 9999,
    "two blanks": "0" * 64 + "  2 0 0 0",
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_a_range_that_no_bake_writes_is_an_error(folder, line):
    good = json.loads((folder / COMMITS / RANGES[1]).read_bytes())["commits"]
    damaged = changed(folder, commits=[good[0], LINES[line], good[2]])
    with pytest.raises(ShardError, match="some/range"):
        parse_range(damaged, "some/range", recipe_of(folder), 1)


@pytest.mark.parametrize(
    "name", ["000003-000004.json", "000009-000011.json", "3-5.json", "000001-000003.json", "-.json"]
)
def test_a_file_that_is_named_after_no_range_of_the_store_is_damage(folder, name):
    (folder / COMMITS / RANGES[1]).rename(folder / COMMITS / name)
    with pytest.raises(ShardError, match="the name of a commit record"):
        read_contents(store_of(folder))


def test_a_file_of_a_range_is_bounded(folder, monkeypatch):
    content = (folder / COMMITS / RANGES[1]).read_bytes()
    monkeypatch.setattr(module, "RANGE_BYTES", len(content) - 1)
    with pytest.raises(ShardError, match="at most"):
        parse_range(content, "some/range", recipe_of(folder), 1)


def test_the_bytes_of_a_range_are_pinned(folder):
    """One line for each shard: its hash, and its clips of each class."""
    value = json.loads((folder / COMMITS / RANGES[0]).read_bytes())
    keys = ["commits", "filesize", "fingerprint", "first", "seal", "seed", "shard_clips", "split"]
    assert list(value) == keys
    contents = read_contents(store_of(folder))
    index = index_of(folder)
    for shard, line in enumerate(value["commits"]):
        counts = " ".join(map(str, contents.commits[shard].labels))
        assert line == f"{index.sha256[shard]} {counts}"
    again = CommitRange.of(contents.commits, 0).to_bytes()
    assert again == (folder / COMMITS / RANGES[0]).read_bytes()
