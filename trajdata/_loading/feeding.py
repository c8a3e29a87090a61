"""A stock DataLoader's batches as one stream that goes on from epoch to epoch."""

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
        dataset: one that yields whole batches.
        workers: processes that draw; 0 draws in this one. They live on from epoch to epoch.
    """
    with _ctrl_c_held(), warnings.catch_warnings():
        # More workers than cores: whoever tries what they bring need not be told.
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
    """Inside, a Ctrl-C waits; processes that are started inside never see one.

    A terminal sends it to all of them: a worker would print a traceback and look like a crash to
    its parent, which ends it anyway.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
