"""Whatever is cut off or changed is noticed."""

import os
import random
import shutil

import pytest

from tests.stores import progress_of, recipe_of, store_of
from tests.torture.tiny import SHARDS, bake, tree
from trajdata._bake.repair import repair
from trajdata._bake.verify import verify
from trajdata._errors import ShardError
from trajdata._reading.stored import open_shards
from trajdata._store.contents import read_contents
from trajdata._store.disk import Disk
from trajdata._store.shard_view import ShardView, walk

pytestmark = pytest.mark.torture

BLOCK, EDGE = 512, 4096


@pytest.fixture
def copy(fast, reference):
    return shutil.copytree(reference, fast / "copy")


def test_a_shard_that_is_cut_anywhere_is_noticed(copy, count, part):
    store, recipe = store_of(copy), recipe_of(copy)
    cuts = 0
    for shard in range(SHARDS):
        path = copy / recipe.shard_name(shard)
        whole = path.read_bytes()
        edges = {*range(EDGE), *range(len(whole) - EDGE, len(whole))}
        for size in part(sorted({*range(0, len(whole), BLOCK), *edges}, reverse=True)):
            path.write_bytes(whole[:size])
            with pytest.raises(ShardError):
                ShardView(store, recipe, shard)
            with pytest.raises(ShardError):
                walk(store, recipe, shard)
            if size % BLOCK == 0:
                assert not verify(copy).ok
                with pytest.raises(ShardError):
                    open_shards(copy)
            cuts += 1
        path.write_bytes(whole)
    assert verify(copy, full=True).ok
    count(cuts, "cuts of a shard, at every block and every byte of both its ends")


def test_a_json_file_that_is_cut_anywhere_is_noticed(copy, count, part):
    hidden = copy / ".trajdata"
    cuts = 0
    for path in (copy / "index.json", hidden / "recipe.json", *(hidden / "commits").iterdir()):
        whole = path.read_bytes()
        for size in part(range(len(whole))):
            path.write_bytes(whole[:size])
            with pytest.raises(ShardError):
                read_contents(store_of(copy))
            cuts += 1
        path.write_bytes(whole)
    path = copy / "progress.json"
    whole = path.read_bytes().rstrip()
    for size in part(range(len(whole))):
        path.write_bytes(whole[:size])
        with pytest.raises((ValueError, ShardError)):
            progress_of(copy)
        cuts += 1
    count(cuts, "cuts of JSON files, at every byte")


def test_every_flipped_bit_is_found_by_a_full_look(copy, count, part):
    chance = random.Random(4)
    hidden = copy / ".trajdata"
    tars = sorted(copy.glob("*.tar"))
    texts = [copy / "index.json", hidden / "recipe.json", *sorted((hidden / "commits").iterdir())]
    kinds: dict[str, int] = {}
    for trial in part(range(10_000)):
        path = chance.choice(texts if trial % 5 == 0 else tars)
        with open(path, "r+b") as file:
            at = chance.randrange(os.fstat(file.fileno()).st_size)
            byte = os.pread(file.fileno(), 1, at)[0]
            os.pwrite(file.fileno(), bytes([byte ^ 1 << chance.randrange(8)]), at)
            problems = verify(copy, full=True).problems
            assert problems, (path.name, at)
            kinds[problems[0].kind] = kinds.get(problems[0].kind, 0) + 1
            os.pwrite(file.fileno(), bytes([byte]), at)
    assert verify(copy, full=True).ok
    count(sum(kinds.values()), f"flipped bits found by verify --full ({kinds})")


def test_what_is_flipped_or_lost_comes_back(copy, reference, count, part):
    chance = random.Random(4)
    due = tree(reference)
    hidden = copy / ".trajdata"
    trials = 0
    for _ in part(range(200)):
        trials += 1
        paths = [*copy.glob("*.tar"), copy / "index.json", *(hidden / "commits").iterdir()]
        for path in chance.sample([*paths, hidden / "recipe.json"], chance.randint(1, 3)):
            if chance.random() < 0.3 and path.name != "recipe.json":
                path.unlink()
                continue
            content = bytearray(path.read_bytes())
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            path.write_bytes(content)
        if not any(path.exists() for path in (copy / "index.json", hidden / "recipe.json")):
            continue
        try:
            if not repair(copy, threads=2).complete:
                # Index, shard and record were lost together: that is an unfinished bake.
                bake(Disk(copy), threads=2)
        except ShardError:
            # Both of the files that say what the folder is were hit.
            assert not {"index.json", ".trajdata/recipe.json"} & {
                name for name, digest in tree(copy).items() if due.get(name) == digest
            }
            shutil.rmtree(copy)
            shutil.copytree(reference, copy)
        shutil.rmtree(hidden / "aside", ignore_errors=True)
        assert tree(copy) == due
        assert verify(copy, full=True).ok
    count(trials, "folders with one to three files damaged or lost, repaired")
