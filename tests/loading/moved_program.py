"""NumPy views of batches whose tensors torch moves into shared memory of its own.

Arguments: the number of workers; "share" or "queue". Ends with an error where a view has changed.
"""

import sys
from multiprocessing.reduction import ForkingPickler

import numpy as np
import torch
from torch.utils.data import DataLoader

from trajdata import ClipSource, Output, TrajectoryDataset, preset

BATCH, BATCHES = 64, 24


def main(workers, how):
    source = ClipSource(preset("magvit-32"))
    for output in (Output(), Output(dtype="bfloat16", layout="CTHW")):
        dataset = TrajectoryDataset(source, length=BATCHES * BATCH, batch_size=BATCH, output=output)
        views, due = [], []
        for batch in DataLoader(dataset, batch_size=None, num_workers=workers):
            tensor = batch["video"]
            # Of a part of the batch: its tensor is not the one that is moved.
            views.append(tensor[3].view(torch.uint8).numpy())
            due.append(views[-1].copy())
            if how == "share":
                tensor.share_memory_()
            else:
                ForkingPickler.dumps(tensor)  # as a queue between processes does
            del batch, tensor
        # Other things take the memory that was given back.
        others = [np.full(BATCH * source.spec.clip_bytes, 7, np.uint8) for _ in range(BATCHES)]
        if not all(np.array_equal(view, same) for view, same in zip(views, due, strict=True)):
            sys.exit(f"views have changed, {output}")
        del others


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
