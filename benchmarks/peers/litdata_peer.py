"""litdata: ``optimize`` writes chunks, its own dataset and loader read them.

The argument is how a video is stored: as ``bytes``, or as an ``array`` that litdata encodes itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from litdata import StreamingDataLoader, StreamingDataset, optimize
from protocol import serve
from stored import Batch, Clips, Read, Write, gathered, stored_measures
from torch.utils.data import default_collate

BYTES = "bytes"


def write(kind: str, clips: Clips, folder: Path) -> None:
    """With two processes, forked: starting new interpreters would take longer than the rest."""
    optimize(
        fn=partial(_clip, kind, clips),
        inputs=list(range(len(clips))),
        output_dir=str(folder),
        chunk_bytes="64MB",
        num_workers=2,
        keep_data_ordered=True,
        start_method="fork",
        verbose=False,
    )


def read(kind: str, clips: Clips, folder: Path, workers: int, shuffle: bool) -> Iterable[Batch]:
    """Chunks and the clips in them in a random order where it is shuffled."""
    return StreamingDataLoader(
        StreamingDataset(str(folder), shuffle=shuffle),
        batch_size=clips.batch,
        num_workers=workers,
        collate_fn=partial(_gathered, clips.shape) if kind == BYTES else _collated,
    )


def _clip(kind: str, clips: Clips, index: int) -> dict[str, Any]:
    video = clips.videos[index]
    return {
        "video": video.tobytes() if kind == BYTES else np.array(video),
        "label": int(clips.labels[index]),
    }


def _gathered(shape: tuple[int, ...], clips: Sequence[Mapping[str, Any]]) -> Batch:
    return gathered([clip["video"] for clip in clips], [clip["label"] for clip in clips], shape)


def _collated(clips: Sequence[Mapping[str, Any]]) -> Batch:
    batch = default_collate(list(clips))
    return batch["video"], batch["label"]


def main(kind: str) -> None:
    """Serve litdata with videos stored in this way."""
    bound_write: Write = partial(write, kind)
    bound_read: Read = partial(read, kind)
    serve(version("litdata"), lambda case: stored_measures(case, bound_write, bound_read))


if __name__ == "__main__":
    main(*sys.argv[1:])
