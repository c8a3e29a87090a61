"""Trains for ever, with two workers or more: the process that the tests of the transport kill."""

import multiprocessing
import sys

from torch.utils.data import DataLoader

from trajdata import ClipSource, ClipSpec, TrajectoryDataset


def main() -> None:
    batches = int(sys.argv[1])
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    source = ClipSource(ClipSpec().replace(frames=4, height=16, width=16))
    dataset = TrajectoryDataset(source, batch_size=16)
    for number, batch in enumerate(DataLoader(dataset, batch_size=None, num_workers=workers)):
        if batch["index"].tolist() != list(range(16 * number, 16 * number + 16)):
            sys.exit("these are other clips")
        if number == 20:
            print(*(worker.pid for worker in multiprocessing.active_children()), flush=True)
        if number == batches:
            break


if __name__ == "__main__":
    main()
