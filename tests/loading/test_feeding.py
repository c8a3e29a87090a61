"""A DataLoader's batches without end, and what becomes of its workers."""

from contextlib import closing
from itertools import islice

import psutil
import pytest
import torch

from tests.patience import SECONDS
from trajdata import TrajectoryDataset, open_shards
from trajdata._loading.feeding import endless_batches


@pytest.mark.parametrize("workers", [0, 2])
def test_epochs_follow_each_other_in_order(baked, workers):
    dataset = TrajectoryDataset(open_shards(baked), batch_size=20)
    with closing(endless_batches(dataset, workers)) as batches:
        shown = torch.cat([batch["index"] for batch in islice(batches, 9)])
    assert shown.tolist() == [*range(50)] * 3


def test_closing_ends_the_workers(source):
    batches = endless_batches(TrajectoryDataset(source, batch_size=4), 2)
    before = set(psutil.Process().children())
    next(batches)
    workers = set(psutil.Process().children()) - before
    assert len(workers) >= 2
    batches.close()
    assert psutil.wait_procs(workers, timeout=SECONDS)[1] == []
