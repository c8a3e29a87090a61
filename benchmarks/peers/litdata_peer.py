"""litdata: ``optimize`` writes chunks, its own dataset and loader read them.

The argument is how a video is stored: as ``bytes``, or as an ``array`` that litdata encodes itself;
or ``bucket``: as bytes, and read from a bucket.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from litdata import StreamingDataLoader, StreamingDataset, optimize
from litdata.streaming import downloader
from protocol import FIRST_EPOCH, Case, Measure, serve
from stored import Batch, Clips, Read, Write, epoch_rate, gathered, load, stored_measures
from torch.utils.data import default_collate

BYTES = "bytes"
WORKERS = 2


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


def from_bucket(case: Case) -> Mapping[str, Measure]:
    """Its chunks are written here; whoever asks puts them into the bucket. Each pass fetches all of
    them into an empty cache."""
    # Its own obstore would refuse the server, which has no certificate.
    downloader._OBSTORE_CLIENT_OPTIONS["allow_http"] = True
    clips = load(case)
    write(BYTES, clips, Path(case.folder) / "written")

    def first() -> float:
        with tempfile.TemporaryDirectory(dir=case.folder) as empty:
            return epoch_rate(lambda: _loader(clips, Path(empty)), clips)

    def _loader(clips: Clips, empty: Path) -> Iterable[Batch]:
        return StreamingDataLoader(
            StreamingDataset(case.bucket, cache_dir=str(empty), shuffle=False),
            batch_size=clips.batch,
            num_workers=WORKERS,
            collate_fn=partial(_gathered, clips.shape),
        )

    return {FIRST_EPOCH: first}


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
    if kind == "bucket":
        serve(version("litdata"), from_bucket)
        return
    bound_write: Write = partial(write, kind)
    bound_read: Read = partial(read, kind)
    serve(version("litdata"), lambda case: stored_measures(case, bound_write, bound_read))


if __name__ == "__main__":
    main(*sys.argv[1:])
