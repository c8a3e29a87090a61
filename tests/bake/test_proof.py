"""What is proven, by what, and what is not."""

import hashlib
import shutil
from dataclasses import replace

import pytest

from tests.stores import commit_of, index_of, recipe_of, store_of
from trajdata import ClipSource, ShardError, materialize, repair, verify
from trajdata._bake.proof import rendered_sha256, shards_with_other_bytes

CLIPS, SHARD = 12, 4


@pytest.fixture(scope="module")
def stores(tmp_path_factory, tiny_spec):
    home = tmp_path_factory.mktemp("stores")
    for seed in (0, 1):
        source = ClipSource(tiny_spec, seed)
        materialize(source, home / str(seed), clips=CLIPS, shard_clips=SHARD)
    return home


@pytest.fixture
def folder(tmp_path, stores):
    return shutil.copytree(stores / "0", tmp_path / "out")


def shards(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.tar")}


def forge(folder, stores, shard):
    """A shard of another seed, with a commit record that names this store's stream."""
    name = f"train-{shard:06d}.tar"
    shutil.copy(stores / "1" / name, folder)
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    labels = commit_of(stores / "1", shard).labels
    made = replace(commit_of(stores / "0", shard), sha256=digest, labels=labels)
    (folder / ".trajdata" / "commits" / f"{shard:06d}.json").write_bytes(made.to_bytes())


@pytest.mark.parametrize("shard", [0, 2])
def test_what_an_index_proves_outranks_a_shard_with_its_commit_record(folder, stores, shard):
    index = (folder / "index.json").read_bytes()
    forge(folder, stores, shard)
    assert not verify(folder, full=True).ok
    report = repair(folder)
    assert report.shards_rendered == (f"train-{shard:06d}.tar",)
    assert not report.index_rebuilt
    assert (folder / "index.json").read_bytes() == index
    assert shards(folder) == shards(stores / "0")
    assert (report.shards_proven_by_index, report.shards_proven_by_rendering) == (2, 0)


def test_without_an_index_only_a_rendering_proves_and_a_forged_shard_is_made_again(folder, stores):
    (folder / "index.json").unlink()
    forge(folder, stores, 1)
    report = verify(folder, full=True)
    assert (report.ok, report.shards_unproven) == (True, 3)  # nothing says that it is forged
    assert not verify(folder, rerender=CLIPS).ok
    mended = repair(folder)
    assert mended.shards_rendered == ("train-000001.tar",)
    assert mended.shards_proven_by_rendering == 2
    assert shards(folder) == shards(stores / "0")
    assert (folder / "index.json").read_bytes() == (stores / "0" / "index.json").read_bytes()


def test_where_all_of_a_store_is_otherwise_than_it_is_rendered_nothing_is_touched(folder, stores):
    """It may be this machine that renders otherwise: that is for a person to decide."""
    (folder / "index.json").unlink()
    for shard in range(3):
        forge(folder, stores, shard)
    before = shards(folder)
    with pytest.raises(ShardError, match=r"as the shard is rendered now.*as its commit record"):
        repair(folder)
    assert shards(folder) == before


def test_an_index_that_a_rendering_disproves_proves_nothing_else(folder, stores):
    index = index_of(folder)
    forged = replace(index, sha256=("0" * 64, *index.sha256[1:]))
    (folder / "index.json").write_bytes(forged.to_bytes())
    report = repair(folder)
    assert report.index_rebuilt
    assert report.shards_rendered == ()
    assert (report.shards_proven_by_index, report.shards_proven_by_rendering) == (0, 3)
    assert (folder / "index.json").read_bytes() == index.to_bytes()


def test_a_rendering_has_the_hash_of_the_shard(folder):
    recipe = recipe_of(folder)
    assert rendered_sha256(recipe, [2, 0], 2) == {
        shard: index_of(folder).sha256[shard] for shard in (2, 0)
    }


def test_shards_that_are_damaged_or_lost_are_found_by_their_hashes(folder):
    store, recipe = store_of(folder), recipe_of(folder)
    promised = dict(enumerate(index_of(folder).sha256))
    settings = {"tick": lambda: None, "tick_seconds": 1.0}
    assert shards_with_other_bytes(store, recipe, promised, 2, **settings) == []
    (folder / "train-000000.tar").unlink()
    damaged = bytearray((folder / "train-000002.tar").read_bytes())
    damaged[3000] ^= 1
    (folder / "train-000002.tar").write_bytes(damaged)
    assert shards_with_other_bytes(store, recipe, promised, 2, **settings) == [0, 2]
    assert shards_with_other_bytes(store, recipe, {1: promised[1]}, 2, **settings) == []


def test_a_tick_that_raises_ends_the_hashing(folder, monkeypatch):
    store, recipe = store_of(folder), recipe_of(folder)
    promised = dict(enumerate(index_of(folder).sha256))

    def stop():
        raise KeyboardInterrupt

    monkeypatch.setattr(
        "trajdata._bake.proof.file_sha256", lambda store, name: __import__("time").sleep(0.5)
    )
    with pytest.raises(KeyboardInterrupt):
        shards_with_other_bytes(store, recipe, promised, 1, tick=stop, tick_seconds=0.01)
