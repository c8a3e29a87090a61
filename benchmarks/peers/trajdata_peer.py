"""trajdata itself. The argument is ``stored`` (shards) or ``live`` (rendered while loading)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path

from protocol import READ, READ_WORKERS, Case, Measure, serve
from stored import Batch, Clips, load, read_rate, stored_measures
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


def _live_loader(spec: ClipSpec, clips: Clips, epoch: int, workers: int) -> Iterable[Batch]:
    dataset = TrajectoryDataset(
        ClipSource(spec), length=len(clips), batch_size=clips.batch, epoch=epoch, output=PAIR
    )
    return DataLoader(dataset, batch_size=None, num_workers=workers)


if __name__ == "__main__":
    serve(__version__, {"stored": stored, "live": live}[sys.argv[1]])
