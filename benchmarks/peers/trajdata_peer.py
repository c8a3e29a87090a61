"""trajdata itself. The argument is ``stored`` (shards), ``live`` (rendered while loading) or
``bucket`` (shards from a bucket)."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path

from protocol import (
    FIRST_EPOCH,
    LATER_EPOCHS,
    LOCAL_EPOCH,
    READ,
    READ_WORKERS,
    Case,
    Measure,
    serve,
)
from stored import Batch, Clips, epoch_rate, later_rate, load, read_rate, stored_measures
from torch.utils.data import DataLoader

# So that a clone works without being installed.
sys.path.insert(0, str(Path(__file__).parents[2]))

from trajdata import (
    ClipSource,
    ClipSpec,
    Output,
    TrajectoryDataset,
    __version__,
    materialize,
    open_shards,
    preset,
)

PAIR = Output(as_tuple=("video", "label"))
THREADS = 2
WORKERS = 2
CACHE_BYTES = 1 << 32


def stored(case: Case) -> Mapping[str, Measure]:
    """Shards: rendered, hashed, written and synced, where the peers write clips that are ready."""
    spec = preset(case.preset)
    epochs = count()

    def write(clips: Clips, folder: Path) -> None:
        materialize(ClipSource(spec), folder, clips=len(clips), threads=THREADS)

    def read(clips: Clips, folder: Path, workers: int, shuffle: bool) -> Iterable[Batch]:
        dataset = TrajectoryDataset(
            open_shards(folder),
            batch_size=clips.batch,
            shuffle=shuffle,
            epoch=next(epochs),
            output=PAIR,
        )
        return DataLoader(dataset, batch_size=None, num_workers=workers)

    ClipSource(spec).warm()
    return stored_measures(case, write, read)


def live(case: Case) -> Mapping[str, Measure]:
    """Every epoch shows clips that were never shown before."""
    clips, spec, epochs = load(case), preset(case.preset), count()
    ClipSource(spec).warm()

    def rendering(workers: int) -> Measure:
        return lambda: read_rate(
            lambda: _live_loader(spec, clips, next(epochs), workers), workers, clips
        )

    return {READ: rendering(0), READ_WORKERS: rendering(2)}


def bucket(case: Case) -> Mapping[str, Measure]:
    """Through a cache: one that is empty at first, one that holds all shards, and a folder."""
    clips, epochs, kept = load(case), count(), Path(case.folder) / "cache"

    def reading(place: str, cache: Path | None) -> Iterable[Batch]:
        options = {"cache_dir": cache, "cache_bytes": CACHE_BYTES} if cache else {}
        dataset = TrajectoryDataset(
            open_shards(place, **options), batch_size=clips.batch, epoch=next(epochs), output=PAIR
        )
        return DataLoader(dataset, batch_size=None, num_workers=WORKERS)

    def first() -> float:
        with tempfile.TemporaryDirectory(dir=case.folder) as empty:
            return epoch_rate(lambda: reading(case.bucket, Path(empty)), clips)

    return {
        FIRST_EPOCH: first,
        LATER_EPOCHS: lambda: later_rate(lambda: reading(case.bucket, kept), clips),
        LOCAL_EPOCH: lambda: later_rate(
            lambda: reading(str(Path(case.video).parent / "shards"), None), clips
        ),
    }


def _live_loader(spec: ClipSpec, clips: Clips, epoch: int, workers: int) -> Iterable[Batch]:
    dataset = TrajectoryDataset(
        ClipSource(spec), length=len(clips), batch_size=clips.batch, epoch=epoch, output=PAIR
    )
    return DataLoader(dataset, batch_size=None, num_workers=workers)


if __name__ == "__main__":
    serve(__version__, {"stored": stored, "live": live, "bucket": bucket}[sys.argv[1]])
