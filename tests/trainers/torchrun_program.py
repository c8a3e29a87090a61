"""One rank under torchrun: trains on two epochs, or is killed in the middle and goes on.

Arguments: the folder for the results; the batches after which a rank ends with an error (-1: none);
the seconds that a step takes. It goes on from what ``state.json`` in the folder says, as a trainer
does from its checkpoint. Each batch is a line of a file of this process: which round of ranks it
was in, the epoch, how many clips of it were consumed before, rank, ranks, and the clips.
"""

import json
import os
import sys
import time
from pathlib import Path

import torch.distributed
from torchdata.stateful_dataloader import StatefulDataLoader

from trajdata import ClipSource, TrajectoryDataset, preset, resume_point

LENGTH, BATCH, EPOCHS = 48, 2, 2


def write_whole(file, text):
    """So that a kill leaves the old checkpoint or the new one."""
    temp = file.with_name(f"{file.name}.{os.getpid()}")
    temp.write_text(text)
    os.replace(temp, file)


def agreed_round():
    """A number that the ranks which have met share, higher than that of any round before."""
    begun = [time.time_ns()]
    torch.distributed.broadcast_object_list(begun)
    return begun[0]


def main(folder, fails_after, seconds):
    source = ClipSource(preset("magvit-32", frames=4, height=16, width=16))
    state = folder / "state.json"
    saved = json.loads(state.read_text()) if state.exists() else {"epoch": 0, "start": 0}
    # Made before the ranks have met.
    settings = {"length": LENGTH, "batch_size": BATCH, "shuffle": True}
    dataset = TrajectoryDataset(source, **settings, **saved)
    torch.distributed.init_process_group("gloo")
    rank, ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()
    here = {"round": agreed_round(), "since": [saved["epoch"], saved["start"]]}
    here |= {"rank": rank, "ranks": ranks}
    for epoch in range(saved["epoch"], EPOCHS):
        dataset.set_epoch(epoch)
        loader = StatefulDataLoader(dataset, batch_size=None, num_workers=1)
        consumed = saved["start"] if epoch == saved["epoch"] else 0
        for number, batch in enumerate(loader):
            shown = {**here, "epoch": epoch, "consumed": consumed, "clips": batch["index"].tolist()}
            with open(folder / f"{os.getpid()}.jsonl", "a") as file:
                print(json.dumps(shown), file=file)
            time.sleep(seconds)
            torch.distributed.barrier()
            point = resume_point(loader.state_dict())
            consumed = point.start if point.epoch == epoch else LENGTH
            if rank == 0:
                write_whole(state, json.dumps({"epoch": point.epoch, "start": point.start}))
            torch.distributed.barrier()
            if number == fails_after:
                sys.exit("as if this machine had gone")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
