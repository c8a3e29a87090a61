"""Files of one store in the place of another's: nobody calls it sound who did not prove it.

Every file of a store, and many groups of them, is exchanged for that of a store with another seed,
split, spec or shard size. What ``verify``, ``repair`` and ``materialize`` then say is held against
the bytes that the stream of the store's recipe has.
"""

import itertools
import shutil

import pytest

from tests.stores import recipe_of
from tests.torture.tiny import CLIPS, SHARD_CLIPS, SPEC
from trajdata._bake.repair import repair
from trajdata._bake.run import materialize
from trajdata._bake.verify import verify
from trajdata._clips.source import ClipSource
from trajdata._errors import ArgumentError, ShardError, SpecMismatchError

pytestmark = [pytest.mark.torture, pytest.mark.timeout(3000)]

HIDDEN = ".trajdata"
SHARDS = range(3)
OTHERS = {
    "seed": {"seed": 1},
    "split": {"split": "val"},
    "spec": {"spec": SPEC.replace(seconds=1.5)},
    "shard size": {"shard_clips": 3},
}
SINGLES = [
    *(f"train-{shard:06d}.tar" for shard in SHARDS),
    *(f"{HIDDEN}/commits/{shard:06d}.json" for shard in SHARDS),
    *("index.json", f"{HIDDEN}/recipe.json"),
]
SHARD_FILES, COMMIT_FILES, REST = SINGLES[:3], SINGLES[3:6], SINGLES[6:]
GROUPS = [
    *((name,) for name in SINGLES),
    *itertools.combinations(SINGLES, 2),
    *((*pair, rest) for pair in zip(SHARD_FILES, COMMIT_FILES, strict=True) for rest in REST),
    *((*SHARD_FILES, *more) for more in ((), COMMIT_FILES, REST[:1], REST[1:], REST)),
    *((*COMMIT_FILES, *more) for more in ((), REST[:1], REST[1:], REST)),
    *((*SHARD_FILES, *COMMIT_FILES, *more) for more in (REST[:1], REST[1:])),
]
STATES = {
    "complete": (),
    "without an index": ("index.json",),
    "unfinished": ("index.json", "train-000002.tar", f"{HIDDEN}/commits/000002.json"),
    "without what is hidden": (*SINGLES[3:6], f"{HIDDEN}/recipe.json"),
}


def bake(folder, spec=SPEC, seed=0, split="train", shard_clips=SHARD_CLIPS):
    source = ClipSource(spec, seed, split)
    materialize(source, folder, clips=CLIPS, shard_clips=shard_clips, threads=1)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    home = tmp_path_factory.mktemp("stores")
    bake(home / "own")
    for name, change in OTHERS.items():
        bake(home / name, **change)
    yield home
    shutil.rmtree(home)


def theirs(name, other):
    """The other store's file for this one's name: its shards have the name of their split."""
    return name.replace("train-", "val-") if other == "split" else name


def shards(folder):
    """The shards of a store by number, whatever their split is called."""
    return {path.name[-10:]: path.read_bytes() for path in sorted(folder.glob("*-0*.tar"))}


def due_for(folder, stores):
    """The shards that the recipe of a folder stands for."""
    held = recipe_of(folder)
    for store in stores.iterdir():
        if recipe_of(store) == held:
            return shards(store)
    raise AssertionError(f"no store has the recipe {held}")


def check_verify(folder, stores):
    for full, rerender in ((True, 0), (False, CLIPS)):
        try:
            report = verify(folder, full=full, rerender=rerender)
        except (ShardError, ArgumentError):
            return
        proven = report.shards_proven_by_index + report.shards_proven_by_rendering
        assert proven <= report.shards_checked
        if report.ok and report.shards_unproven == 0:
            due, held = due_for(folder, stores), shards(folder)
            assert not [name for name in due.keys() & held.keys() if held[name] != due[name]]


def check_repair(folder, stores):
    try:
        report = repair(folder, threads=1)
    except (ShardError, ArgumentError):
        return
    due, held = due_for(folder, stores), shards(folder)
    assert held.items() <= due.items()
    assert report.shards_proven_by_index + report.shards_proven_by_rendering + len(
        report.shards_rendered
    ) == len(held)
    if report.complete:
        assert held == due
        found = verify(folder, full=True)
        assert (found.ok, found.shards_unproven) == (True, 0)


def check_materialize(folder, stores, was_complete):
    try:
        report = materialize(
            ClipSource(SPEC), folder, clips=CLIPS, shard_clips=SHARD_CLIPS, threads=1
        )
    except (ShardError, ArgumentError, SpecMismatchError):
        return
    due, held = shards(stores / "own"), shards(folder)
    if was_complete and report.clips_written == 0:
        due.pop("000000.tar")  # of what is complete it hashes only the last two
        held.pop("000000.tar")
    else:
        assert (folder / "index.json").read_bytes() == (stores / "own/index.json").read_bytes()
    assert held == due


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("state", STATES)
def test_what_is_exchanged_between_two_stores_is_never_called_sound(
    fast, stores, count, state, other
):
    cases = 0
    for group in GROUPS:
        asked = [name for name in group if name not in STATES[state]]
        found = [name for name in asked if (stores / other / theirs(name, other)).exists()]
        if not found:
            continue
        folder = fast / "exchanged"
        for check in (check_verify, check_repair, check_materialize):
            shutil.copytree(stores / "own", folder)
            for name in STATES[state]:
                (folder / name).unlink()
            for name in found:
                shutil.copyfile(stores / other / theirs(name, other), folder / name)
            try:
                if check is check_materialize:
                    check(folder, stores, (folder / "index.json").exists())
                else:
                    check(folder, stores)
            except AssertionError as error:
                raise AssertionError(f"{check.__name__}, {state}, {other}, {found}") from error
            shutil.rmtree(folder)
        cases += 1
    count(cases, f"exchanges with a store of another {other}, {state}: verified, repaired, baked")


def test_a_store_says_what_is_proven_of_it_and_how(fast, stores):
    folder = shutil.copytree(stores / "own", fast / "copy")

    def proven(**settings):
        report = verify(folder, **settings)
        assert report.ok
        return (
            report.shards_proven_by_index,
            report.shards_proven_by_rendering,
            report.shards_unproven,
        )

    assert proven() == (0, 0, 3)
    assert proven(full=True) == (3, 0, 0)
    assert proven(rerender=CLIPS) == (0, 3, 0)
    assert proven(rerender=CLIPS - 1)[1] in (1, 2)
    (folder / "index.json").unlink()
    assert proven(full=True) == (0, 0, 3)
    assert proven(full=True, rerender=CLIPS) == (0, 3, 0)
    report = repair(folder)
    assert (report.shards_proven_by_index, report.shards_proven_by_rendering) == (0, 3)
    report = repair(folder)
    assert (report.shards_proven_by_index, report.shards_proven_by_rendering) == (3, 0)
