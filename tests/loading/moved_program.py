"""NumPy views of batches whose tensors torch moves into shared memory of its own.

Arguments: the number of workers; what is done to each tensor: "share", "pickle" or "queue". Ends
with an error where a view has changed.
"""

import contextlib
import queue
import sys
from multiprocessing.reduction import ForkingPickler

import numpy as np
import torch
import torch.multiprocessing
from torch.utils.data import DataLoader

from tests.patience import SECONDS
from trajdata import ClipSource, Output, TrajectoryDataset, preset

BATCH, BATCHES = 64, 24
LOOK_SECONDS = 1


def view_of(tensor):
    """Of a part of the batch: its tensor is not the one that is moved."""
    return tensor[3].view(torch.uint8).numpy()


def received(inbox):
    """The next thing; a process whose parent has crashed ends."""
    while torch.multiprocessing.parent_process().is_alive():
        with contextlib.suppress(queue.Empty):
            return inbox.get(timeout=LOOK_SECONDS)
    sys.exit("the parent has ended")


def echo(inbox, outbox):
    """Another process: sends each tensor back, keeps a view, and says at the end what they are."""
    kept = []
    while (tensor := received(inbox)) is not None:
        kept.append(view_of(tensor))
        outbox.put(tensor)
    outbox.put([view.tobytes() for view in kept])
    received(inbox)  # what was sent lies in this process until it has arrived


@contextlib.contextmanager
def echoing():
    """A call that sends a tensor to another process and returns what comes back, and one that asks
    what the views there have become."""
    context = torch.multiprocessing.get_context("spawn")
    there, back = context.Queue(), context.Queue()
    other = context.Process(target=echo, args=(there, back), daemon=True)
    other.start()

    def ask(what):
        there.put(what)
        return back.get(timeout=SECONDS)

    yield ask
    there.put(None)
    other.join(SECONDS)
    if other.exitcode != 0:
        sys.exit(f"the other process ended with {other.exitcode}")


def moved(tensor, how, ask):
    """Do it; further views that must stay what they are."""
    if how == "share":
        tensor.share_memory_()
    elif how == "pickle":
        ForkingPickler.dumps(tensor)
    else:
        return [view_of(ask(tensor))]
    return []


def main(workers, how):
    source = ClipSource(preset("magvit-32"))
    for output in (Output(), Output(dtype="bfloat16", layout="CTHW")):
        dataset = TrajectoryDataset(source, length=BATCHES * BATCH, batch_size=BATCH, output=output)
        views, due = [], []
        with echoing() if how == "queue" else contextlib.nullcontext() as ask:
            for batch in DataLoader(dataset, batch_size=None, num_workers=workers):
                tensor = batch["video"]
                view = view_of(tensor)
                due.append(view.copy())
                views.append([view, *moved(tensor, how, ask)])
                del batch, tensor, view
            # Other things take the memory that was given back.
            others = [np.full(BATCH * source.spec.clip_bytes, 7, np.uint8) for _ in range(BATCHES)]
            for some, same in zip(views, due, strict=True):
                if not all(np.array_equal(view, same) for view in some):
                    sys.exit(f"views have changed, {output}")
            if ask and ask(None) != [same.tobytes() for same in due]:
                sys.exit(f"views of the other process have changed, {output}")
            del others


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
