"""The batches of an ordinary DataLoader, epoch after epoch, for benchmarks."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from torch.utils.data import DataLoader

from trajdata._loading.dataset import TrajectoryDataset

__all__ = ["endless_batches"]


def endless_batches(dataset: TrajectoryDataset, workers: int) -> Generator[Any, None, None]:
    """Yield a DataLoader's batches without end; closing the generator ends its workers.

    Args:
        dataset: a dataset that yields whole batches.
        workers: how many worker processes make batches; with 0, this process does. The workers are
            kept from epoch to epoch.
    """
    with _ctrl_c_held(), warnings.catch_warnings():
        # torch warns of more workers than cores. A benchmark tries that on purpose.
        warnings.filterwarnings("ignore", "This DataLoader will create", UserWarning)
        loader = DataLoader(
            dataset, batch_size=None, num_workers=workers, persistent_workers=workers > 0
        )
        epoch = iter(loader)
    while True:
        yield from epoch
        epoch = iter(loader)


@contextmanager
def _ctrl_c_held() -> Iterator[None]:
    """Inside, a Ctrl-C is held back until the end. Processes started inside never receive one.

    A terminal sends a Ctrl-C to all processes. A worker would print a traceback and look like a
    crash to its parent, though the parent ends the workers anyway.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
