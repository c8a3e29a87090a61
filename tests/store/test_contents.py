"""What a store holds is read in one way, and of one moment."""

import shutil

import pytest

from tests.stores import store_of
from trajdata import ClipSource, ShardError, materialize
from trajdata._store import contents as module
from trajdata._store.contents import held_recipe, read_contents, survey_contents
from trajdata._store.memory import MemoryStore

SHARD = 4


@pytest.fixture(scope="module")
def stores(tmp_path_factory, tiny_spec):
    home = tmp_path_factory.mktemp("stores")
    for clips in (10, 14):
        materialize(ClipSource(tiny_spec), home / str(clips), clips=clips, shard_clips=SHARD)
    return home


@pytest.fixture
def folder(tmp_path, stores):
    return shutil.copytree(stores / "10", tmp_path / "out")


def test_a_complete_store_promises_and_has_every_shard(folder):
    contents = read_contents(store_of(folder))
    assert contents.is_complete
    assert contents.present == {0, 1, 2}
    assert contents.promised == dict(enumerate(contents.index.sha256))
    assert contents.committed.keys() == contents.commits.keys() == {0, 1, 2}
    assert (contents.pending, contents.newest, contents.damage) == ([], [1, 2], ())
    assert contents == survey_contents(store_of(folder))


def test_nothing_is_none(tmp_path):
    for store in (store_of(tmp_path / "nowhere"), store_of(tmp_path), MemoryStore()):
        assert read_contents(store) is None
        assert survey_contents(store) is None
        assert held_recipe(store) is None


def test_what_is_promised_and_what_is_there_are_told_apart(folder):
    (folder / "index.json").unlink()
    (folder / "train-000000.tar").unlink()
    (folder / ".trajdata" / "commits" / "000001.json").unlink()
    contents = read_contents(store_of(folder))
    assert contents.promised.keys() == contents.commits.keys() == {0, 2}
    assert contents.present == contents.committed.keys() == {2}
    assert contents.pending == [0, 1]
    assert not contents.is_complete


def test_damage_is_an_error_or_a_list_as_one_asks(folder):
    (folder / "index.json").write_bytes(b"{")
    (folder / ".trajdata" / "commits" / "000001.json").write_bytes(b"{}")
    (folder / ".trajdata" / "commits" / "000009.json").write_bytes(b"{}")
    with pytest.raises(ShardError, match=r"index\.json"):
        read_contents(store_of(folder))
    contents = survey_contents(store_of(folder))
    assert [(item.kind, item.name) for item in contents.damage] == [
        ("index", "index.json"),
        ("commit record", ".trajdata/commits/000001.json"),
        ("commit record", ".trajdata/commits/000009.json"),
    ]
    assert contents.commits.keys() == contents.present == {0, 2}
    (folder / ".trajdata" / "recipe.json").write_bytes(b"{")
    with pytest.raises(ShardError, match="expected a readable index or recipe"):
        survey_contents(store_of(folder))


def test_the_newest_shards_that_were_damaged_do_not_count(folder):
    damaged = bytearray((folder / "train-000002.tar").read_bytes())
    damaged[5000] ^= 1
    (folder / "train-000002.tar").write_bytes(damaged)
    store = store_of(folder)
    contents = read_contents(store)
    assert contents.present == {0, 1, 2}
    assert contents.without_damaged_newest(store).present == {0, 1}


def test_what_is_of_before_a_store_grew_counts_for_nothing(folder, stores):
    shutil.copy(stores / "14" / ".trajdata" / "recipe.json", folder / ".trajdata")
    contents = read_contents(store_of(folder))
    assert contents.recipe.clips == 14
    assert (contents.index, contents.has_outgrown_index) == (None, True)
    assert contents.commits.keys() == contents.present == {0, 1}
    assert contents.outgrown.keys() == {2}
    assert contents.outgrown[2].clips == 2
    assert contents.pending == [2, 3]
    assert survey_contents(store_of(folder)).damage == ()


def test_an_index_of_more_clips_than_the_recipe_has_is_a_contradiction(folder, stores):
    shutil.copy(stores / "14" / "index.json", folder)
    with pytest.raises(ShardError, match=r"the recipe in \.trajdata/recipe\.json"):
        read_contents(store_of(folder))
    assert survey_contents(store_of(folder)).damage[0].kind == "contradiction"


def test_a_store_that_grows_while_it_is_read_is_read_again(folder, stores, monkeypatch):
    """Between the recipe and the commit records the whole of it is another."""
    original, grown = module.parse_recipe, []

    def parse_recipe(data, file):
        recipe = original(data, file)
        if not grown:
            grown.append(shutil.copytree(stores / "14", folder, dirs_exist_ok=True))
        return recipe

    monkeypatch.setattr(module, "parse_recipe", parse_recipe)
    contents = read_contents(store_of(folder))
    assert grown
    assert contents.recipe.clips == 14
    assert contents.is_complete


def test_a_store_that_never_stays_the_same_is_an_error_in_the_end(folder, monkeypatch):
    counter = iter(range(1000))
    (folder / "train-000001.tar").unlink()
    monkeypatch.setattr(module, "_recipe_bytes", lambda store: b"%d" % next(counter))
    with pytest.raises(ShardError, match="expected a recipe that stays"):
        read_contents(store_of(folder))


def test_a_long_file_that_does_not_end_as_an_index_does_is_not_read_whole(folder, monkeypatch):
    path = folder / "index.json"
    path.write_bytes(path.read_bytes() + b" " * 2**22)
    read = []
    monkeypatch.setattr(module, "read_whole", lambda *given: read.append(given) or None)
    with pytest.raises(ShardError, match=r"index\.json.* at its end"):
        module._Reader(store_of(folder))._index()
    assert read == []


def test_an_index_that_goes_while_it_is_read_is_none(folder, monkeypatch):
    class Growing(type(store_of(folder))):
        def read(self, name, start, size):
            if name == module.INDEX and start > 0:
                (folder / module.INDEX).unlink()
            return super().read(name, start, size)

    recipe = folder / module.RECIPE
    monkeypatch.setattr(module, "RECIPE_BYTES", recipe.stat().st_size)
    store = store_of(folder)
    due = held_recipe(store)
    store.__class__ = Growing
    assert held_recipe(store) == due
    assert not (folder / module.INDEX).exists()
