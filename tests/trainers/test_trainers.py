"""Real trainers, real processes: every clip once in an epoch, and none twice over epochs."""

import json

import pytest

from tests.trainers.launching import run
from trajdata import TrajectoryDataset

pytestmark = pytest.mark.slow


def lines(path):
    return [[int(word) for word in line.split()] for line in path.read_text().splitlines()]


def epochs_of(folder, ranks, length):
    """What all ranks together were shown, epoch by epoch, where the lines do not name it."""
    shown = [[i for line in lines(folder / f"{rank}.txt") for i in line] for rank in range(ranks)]
    assert len({len(indices) for indices in shown}) == 1
    each = length // ranks
    return [
        sorted(i for indices in shown for i in indices[number * each : (number + 1) * each])
        for number in range(len(shown[0]) // each)
    ]


# Ranks that have not met


def test_ranks_that_were_announced_but_have_not_met_are_an_error_that_says_what_to_write(
    source, monkeypatch
):
    dataset = TrajectoryDataset(source, length=8, batch_size=2)
    monkeypatch.setenv("WORLD_SIZE", "2")
    for used in (lambda: next(iter(dataset)), lambda: len(dataset)):
        with pytest.raises(ValueError, match=r"WORLD_SIZE=2; call .*init_process_group\(\) .*RANK"):
            used()
    alone = TrajectoryDataset(source, length=8, batch_size=2, rank=0, world_size=1)
    assert len(alone) == 4
    for said in ("1", "", "many"):
        monkeypatch.setenv("WORLD_SIZE", said)
        assert len(dataset) == 4


# accelerate


def setting(dispatch, dataset, loader, **more):
    return {"dispatch": dispatch, "dataset": dataset, "loader": loader, **more}


def batches(workers, **more):
    return {"batch_size": None, "num_workers": workers, **more}


def collated(workers):
    return {"batch_size": 4, "num_workers": workers}


SHORT = {"length": 36, "batch_size": 4}
"""The last batch is short, for two ranks and for three."""
WHOLE = {"length": 32, "batch_size": 4}
SINGLE = {"length": 32, "collate_size": 4}

ONCE = {
    **{f"whole batches, {n} workers": setting(True, SHORT, batches(n)) for n in (0, 2)},
    **{
        f"single clips, dispatch {dispatch}, {n} workers": setting(dispatch, SINGLE, collated(n))
        for dispatch in (None, True, False)
        for n in (0, 1)
    },
    "spawned": setting(True, WHOLE, batches(1, multiprocessing_context="spawn")),
    "not prepared": setting(None, WHOLE, batches(1), prepare=False),
}
SPLIT = {
    f"split, dispatch {dispatch}": setting(dispatch, SINGLE, collated(0), split=True)
    for dispatch in (True, False)
}
DROPPED = {"dropped": setting(True, {"length": 37, "batch_size": 4, "drop_last": True}, batches(1))}
REFUSED = {
    "length: given 33; accelerate deals out 2 clips at a time": setting(
        True, {**WHOLE, "length": 33}, batches(0)
    ),
    "length: given 36; accelerate deals out 8 clips at a time": setting(
        False, {**SINGLE, "length": 36}, collated(0)
    ),
    "rank, world_size: given 0 and 2, but accelerate deals": setting(
        True, {**WHOLE, "rank": 0, "world_size": 2}, batches(0)
    ),
}
OF_THREE = {f"{n} workers": setting(True, SHORT, batches(n)) for n in (0, 2)}


def accelerated(once, ranks, settings):
    """By setting, what each rank found: all of them in one run, as it starts slowly."""
    pytest.importorskip("accelerate")

    def start(folder):
        (folder / "settings.json").write_text(json.dumps(settings), "utf-8")
        code, output = run("accelerate_program.py", folder, folder / "settings.json", ranks=ranks)
        assert code == 0, output

    folder = once(f"accelerate-{ranks}", start)
    found = [json.loads((folder / f"{rank}.json").read_text()) for rank in range(ranks)]
    return {name: [one[name] for one in found] for name in settings}


@pytest.fixture(scope="module")
def two(once):
    return accelerated(once, 2, {**ONCE, **SPLIT, **DROPPED, **REFUSED})


@pytest.fixture(scope="module")
def three(once):
    return accelerated(once, 3, OF_THREE)


def seen_in(found):
    """For each epoch, all indices that were shown, sorted."""
    return [
        sorted(i for batches in ranks for batch in batches for i in batch)
        for ranks in zip(*(one["epochs"] for one in found), strict=True)
    ]


def every_clip_once(found, length, epochs=2):
    assert all("error" not in one for one in found), found
    assert seen_in(found) == [
        list(range(epoch * length, (epoch + 1) * length)) for epoch in range(epochs)
    ]
    for one in found:
        assert [len(batches) for batches in one["epochs"]] == [one["len"]] * epochs


@pytest.mark.slow
@pytest.mark.parametrize("name", ONCE)
def test_accelerate_shows_every_clip_once_in_every_mode(two, name):
    every_clip_once(two[name], ONCE[name]["dataset"]["length"])


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_THREE)
def test_accelerate_that_dispatches_whole_batches_to_three_ranks(three, name):
    every_clip_once(three[name], 36)


@pytest.mark.parametrize("name", SPLIT)
def test_accelerate_that_splits_batches(two, name):
    assert seen_in(two[name]) == [list(range(32)), list(range(32, 64))]


@pytest.mark.parametrize("message", REFUSED)
def test_what_accelerate_would_show_twice_or_never_is_an_error(two, message):
    assert any(message in one.get("error", "") for one in two[message]), two[message]


def test_what_accelerate_cannot_share_is_dropped_on_request(two):
    assert seen_in(two["dropped"]) == [list(range(32)), list(range(37, 69))]


# Lightning


@pytest.mark.slow
@pytest.mark.parametrize("where", ["before", "module"])
@pytest.mark.parametrize("workers", [0, 2])
def test_lightning_shows_every_clip_once_wherever_the_loader_is_made(tmp_path, where, workers):
    pytest.importorskip("lightning")
    code, output = run("lightning_program.py", tmp_path, where, workers)
    assert code == 0, output
    shown = [lines(tmp_path / f"{rank}.txt") for rank in range(2)]
    for epoch in range(2):
        seen = sorted(i for part in shown for line in part if line[0] == epoch for i in line[1:])
        assert seen == list(range(epoch * 24, (epoch + 1) * 24))


# transformers


@pytest.mark.slow
@pytest.mark.parametrize(("ranks", "workers"), [(1, 0), (2, 0), (2, 2)])
def test_the_trainer_of_transformers_shows_every_clip_once(tmp_path, ranks, workers):
    pytest.importorskip("transformers")
    code, output = run("hf_program.py", tmp_path, workers, ranks=ranks)
    assert code == 0, output
    assert epochs_of(tmp_path, ranks, 24) == [list(range(24)), list(range(24, 48))]
