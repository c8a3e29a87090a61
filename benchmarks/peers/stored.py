"""What the peers that store clips do alike: check what comes back, and time writing and reading."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from protocol import READ, READ_WORKERS, SHUFFLED, WRITE, Case, Measure

__all__ = [
    "Batch",
    "Clips",
    "Read",
    "Write",
    "epoch_rate",
    "gathered",
    "later_rate",
    "load",
    "read_rate",
    "stored_measures",
    "write_rate",
]

LEAST_SECONDS = 0.3
MOST_SECONDS = 0.6
MOST_PASSES = 8
LATER_PASSES = 3

Batch = tuple[torch.Tensor, torch.Tensor]
"""Videos, uint8 (B, T, C, H, W), and labels, int64 (B,)."""


@dataclass(frozen=True)
class Clips:
    """The clips that are written: ``videos`` uint8 (N, T, C, H, W), ``labels`` int64 (N,)."""

    videos: np.ndarray
    labels: np.ndarray
    batch: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one video: (T, C, H, W)."""
        return self.videos.shape[1:]

    def __len__(self) -> int:
        return len(self.labels)


Write = Callable[[Clips, Path], None]
"""Stores all clips in an empty folder."""

Read = Callable[[Clips, Path, int, bool], Iterable[Batch]]
"""A loader of what the folder holds, for so many workers, shuffled or in order."""


def load(case: Case) -> Clips:
    """The clips of a case, memory-mapped."""
    return Clips(np.load(case.video, mmap_mode="r"), np.load(case.label), case.batch)


def gathered(videos: Sequence[bytes], labels: Sequence[int], shape: tuple[int, ...]) -> Batch:
    """A batch of clips that were stored as raw bytes: each is copied once.

    For all peers this was faster than arrays in their own encoding and torch's default collating.
    """
    batch = np.empty((len(videos), *shape), np.uint8)
    for place, video in zip(batch, videos, strict=True):
        place[...] = np.frombuffer(video, np.uint8).reshape(shape)
    return torch.from_numpy(batch), torch.tensor(labels, dtype=torch.int64)


def stored_measures(case: Case, write: Write, read: Read) -> dict[str, Measure]:
    """Write the clips, check that they come back, and return what can be measured."""
    clips = load(case)
    folder = Path(case.folder) / "read"
    folder.mkdir()
    write(clips, folder)
    _check(clips, read(clips, folder, 0, False))

    def reading(workers: int, shuffle: bool) -> Measure:
        return lambda: read_rate(lambda: read(clips, folder, workers, shuffle), workers, clips)

    return {
        WRITE: lambda: write_rate(clips, case, lambda empty: write(clips, empty)),
        READ: reading(0, False),
        READ_WORKERS: reading(2, False),
        SHUFFLED: reading(0, True),
    }


def read_rate(make: Callable[[], Iterable[Batch]], workers: int, clips: Clips) -> float:
    """Clips a second of the loader that ``make`` returns, once its workers run.

    It is read before, without being timed, so that its files are open and in memory. A fast loader
    is read several times, a slow one not to its end.
    """
    torch.set_num_threads(1)  # several wait for each other where the machine has other work
    loader = make()
    _read(loader, 0)
    taken, spent = 0, 0.0
    for _ in range(MOST_PASSES):
        count, seconds = _read(loader, 2 * workers + 1)
        taken, spent = taken + count, spent + seconds
        if spent > LEAST_SECONDS:
            break
    return taken / spent


def epoch_rate(make: Callable[[], Iterable[Batch]], clips: Clips) -> float:
    """Clips a second of one whole pass, from before the loader is made to the last batch."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    _pass(make(), clips)
    return len(clips) / (time.perf_counter() - start)


def later_rate(make: Callable[[], Iterable[Batch]], clips: Clips) -> float:
    """Clips a second of whole passes of one loader, after a first one."""
    torch.set_num_threads(1)
    loader = make()
    _pass(loader, clips)
    start = time.perf_counter()
    for _ in range(LATER_PASSES):
        _pass(loader, clips)
    return LATER_PASSES * len(clips) / (time.perf_counter() - start)


def _pass(loader: Iterable[Batch], clips: Clips) -> None:
    count = sum(len(labels) for _, labels in loader)
    if count != len(clips):
        raise ValueError(f"{len(clips)} clips are stored, {count} came")


def _read(loader: Iterable[Batch], untimed: int) -> tuple[int, float]:
    """Clips and seconds of a pass, cut short after MOST_SECONDS, without its first batches."""
    stream = iter(loader)
    for _ in islice(stream, untimed):
        pass
    taken, start = 0, time.perf_counter()
    for _, labels in stream:
        taken += len(labels)
        if time.perf_counter() - start > MOST_SECONDS:
            break
    return taken, time.perf_counter() - start


def write_rate(clips: Clips, case: Case, write: Callable[[Path], None]) -> float:
    """Clips a second of writing them all into a folder of its own, which is removed again.

    The second time is timed: the first has the system find the memory that files are kept in.
    """
    _write(case, write)
    return len(clips) / _write(case, write)


def _write(case: Case, write: Callable[[Path], None]) -> float:
    """Seconds."""
    folder = Path(tempfile.mkdtemp(dir=case.folder))
    try:
        start = time.perf_counter()
        write(folder)
        return time.perf_counter() - start
    finally:
        shutil.rmtree(folder)


def _check(clips: Clips, batches: Iterable[Batch]) -> None:
    """Read all clips in order; the first and the last batch must be those that were written."""
    count = 0
    for videos, labels in batches:
        _check_form(clips, videos, labels)
        at = slice(count, count + len(labels))
        count = at.stop
        if (at.start == 0 or at.stop == len(clips)) and not (
            np.array_equal(videos.numpy(), clips.videos[at])
            and np.array_equal(labels.numpy(), clips.labels[at])
        ):
            raise ValueError(f"clips {at.start} to {at.stop} are not those that were written")
    if count != len(clips):
        raise ValueError(f"{len(clips)} clips were written, {count} came back")


def _check_form(clips: Clips, videos: torch.Tensor, labels: torch.Tensor) -> None:
    found = (videos.dtype, videos.shape[1:], labels.dtype, len(videos))
    wanted = (torch.uint8, torch.Size(clips.shape), torch.int64, len(labels))
    if found != wanted:
        raise ValueError(f"a batch is {found}; wanted is {wanted}")
