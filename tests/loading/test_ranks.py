"""Two ranks, started for real, that meet through torch.distributed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import SECONDS
from trajdata import TrajectoryDataset

PROGRAM = Path(__file__).with_name("rank_program.py")
ROOT = PROGRAM.parents[2]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What each of the two ranks found."""
    folder = tmp_path_factory.mktemp("ranks")
    results = [folder / f"{rank}.json" for rank in range(2)]
    # "-c" puts the folder it runs in on the path of modules; a script would put its own there.
    start = (
        "import runpy, sys; sys.argv = sys.argv[1:]; "
        f"runpy.run_path({str(PROGRAM)!r}, run_name='__main__')"
    )
    running = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                start,
                "rank",
                str(r),
                "2",
                str(folder / "meet"),
                str(results[r]),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for r in range(2)
    ]
    try:
        for process in running:
            output, _ = process.communicate(timeout=SECONDS)
            assert process.returncode == 0, output
    finally:
        for process in running:
            process.kill()
            process.communicate()
    return [json.loads(result.read_text("ascii")) for result in results]


def whole(source, **changes):
    """The clips that one rank alone shows, in order."""
    dataset = TrajectoryDataset(
        source, **{"length": 36, "batch_size": 36, "shuffle": True, **changes}
    )
    return [index for batch in dataset for index in batch["index"].tolist()]


def joined(ranks, name):
    """What the ranks show together: rank 0's batch, rank 1's, rank 0's next."""
    rows = zip(*(rank[name]["batches"] for rank in ranks), strict=True)
    return [index for row in rows for batch in row for index in batch]


@pytest.mark.slow
def test_the_ranks_take_turns_through_the_epoch(ranks, source):
    assert joined(ranks, "epoch 0") == whole(source)
    assert joined(ranks, "epoch 1") == whole(source, epoch=1)


def test_every_rank_yields_as_many_batches_as_its_len(ranks):
    for rank in ranks:
        for name, batches in (("epoch 0", 5), ("epoch 1", 5), ("rest", 3)):
            assert rank[name]["len"] == len(rank[name]["batches"]) == batches
        assert [len(batch) for batch in rank["epoch 0"]["batches"]] == [4, 4, 4, 4, 2]


def test_a_start_counts_the_clips_of_all_ranks_together(ranks, source):
    assert joined(ranks, "rest") == whole(source)[16:]


def test_ranks_are_settled_when_the_dataset_is_used_and_not_when_it_is_made(ranks, source):
    assert joined(ranks, "made before") == whole(source)


def test_a_length_that_the_ranks_cannot_share_is_refused(ranks):
    for rank in ranks:
        assert "length: given 37 with world_size 2" in rank["refused"]
        assert "36 and 38" in rank["refused"]
