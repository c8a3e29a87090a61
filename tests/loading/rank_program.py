"""One rank of two: run by test_ranks.py as a program of its own.

Arguments: rank, world size, the file that the ranks meet at, the file for the results.
"""

import json
import sys

import torch.distributed
from torch.utils.data import DataLoader

from trajdata import ClipSource, ClipSpec, TrajectoryDataset

SETTINGS = {"length": 36, "batch_size": 4, "shuffle": True}


def shown(dataset, workers):
    loader = DataLoader(dataset, batch_size=None, num_workers=workers)
    length = len(loader)  # of the pass that comes next
    return {"len": length, "batches": [batch["index"].tolist() for batch in loader]}


def main(rank, world_size, meeting, results):
    source = ClipSource(ClipSpec().replace(frames=4, height=16, width=16))
    before = TrajectoryDataset(source, **SETTINGS)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=world_size
    )
    dataset = TrajectoryDataset(source, **SETTINGS)
    found = {"epoch 0": shown(dataset, 0)}
    dataset.set_epoch(1)
    found["epoch 1"] = shown(dataset, 2)
    found["rest"] = shown(TrajectoryDataset(source, start=16, **SETTINGS), 1)
    found["made before"] = shown(before, 0)
    try:
        len(TrajectoryDataset(source, length=37, batch_size=4))
    except ValueError as error:
        found["refused"] = str(error)
    # A collective call that hangs where the ranks yield different numbers of batches.
    for _ in range(found["epoch 1"]["len"]):
        torch.distributed.barrier()
    torch.distributed.destroy_process_group()
    with open(results, "w", encoding="ascii") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
