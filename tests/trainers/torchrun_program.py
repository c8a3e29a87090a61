"""One rank under torchrun: trains on two epochs, or is killed in the middle and goes on.

Arguments: the folder for the results, the batches after which a rank ends with an error (-1: none).
It goes on from what ``state.json`` in the folder says, as a trainer does from its checkpoint.
"""

import json
import os
import sys
from pathlib import Path

import torch.distributed
from torchdata.stateful_dataloader import StatefulDataLoader

from trajdata import ClipSource, TrajectoryDataset, preset, resume_point

LENGTH, BATCH, EPOCHS = 48, 2, 2


def main(folder, fails_after):
    source = ClipSource(preset("magvit-32", frames=4, height=16, width=16))
    state = folder / "state.json"
    saved = json.loads(state.read_text()) if state.exists() else {}
    # Made before the ranks have met.
    settings = {"length": LENGTH, "batch_size": BATCH, "shuffle": True}
    dataset = TrajectoryDataset(source, **settings, **saved)
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    attempt = os.environ["TORCHELASTIC_RESTART_COUNT"]
    for epoch in range(saved.get("epoch", 0), EPOCHS):
        dataset.set_epoch(epoch)
        loader = StatefulDataLoader(dataset, batch_size=None, num_workers=1)
        for number, batch in enumerate(loader):
            with open(folder / f"{attempt}-{rank}.txt", "a") as file:
                print(epoch, *batch["index"].tolist(), file=file)
            torch.distributed.barrier()
            if rank == 0:
                point = resume_point(loader.state_dict())
                state.write_text(json.dumps({"epoch": point.epoch, "start": point.start}))
            torch.distributed.barrier()
            if number == fails_after and attempt == "0":
                sys.exit("as if this machine had gone")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
