"""webdataset: tar shards, read as a stream. The argument names the member that holds a video, or
the way in which trajdata's shards come from a bucket: ``pipe`` or ``fsspec``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import webdataset
from protocol import FIRST_EPOCH, Case, Measure, serve
from stored import Batch, Clips, Read, Write, epoch_rate, gathered, load, stored_measures

SHARD_BYTES = 1 << 26
BYTES, ARRAY = "video.bin", "video.npy"
PIPE, FSSPEC = "pipe", "fsspec"
WORKERS = 2
SIGNED = timedelta(hours=1)


def write(member: str, clips: Clips, folder: Path) -> None:
    """Raw bytes, or arrays in NumPy's format, which webdataset encodes by itself."""
    with webdataset.ShardWriter(
        f"{folder}/%06d.tar", maxsize=SHARD_BYTES, maxcount=len(clips), verbose=0
    ) as shards:
        for index, (video, label) in enumerate(zip(clips.videos, clips.labels, strict=True)):
            value = video.tobytes() if member == BYTES else video
            shards.write({"__key__": f"{index:09d}", member: value, "cls": int(label)})


def read(member: str, clips: Clips, folder: Path, workers: int, shuffle: bool) -> Iterable[Batch]:
    """Shards in a random order, and a buffer of 1,000 clips, where it is shuffled."""
    shards = sorted(str(path) for path in folder.glob("*.tar"))
    stream = webdataset.WebDataset(shards, shardshuffle=len(shards) if shuffle else False)
    if shuffle:
        stream = stream.shuffle(1000)
    collate = partial(_gathered, clips.shape) if member == BYTES else _stacked
    batches = stream.decode().to_tuple(member, "cls").batched(clips.batch, collation_fn=collate)
    return webdataset.WebLoader(batches, batch_size=None, num_workers=workers)


def _gathered(shape: tuple[int, ...], clips: Sequence[tuple[bytes, int]]) -> Batch:
    videos, labels = zip(*clips, strict=True)
    return gathered(videos, labels, shape)


def _stacked(clips: Sequence[tuple[np.ndarray, int]]) -> Batch:
    videos, labels = zip(*clips, strict=True)
    return torch.from_numpy(np.stack(videos)), torch.tensor(labels)


def from_bucket(way: str, case: Case) -> Mapping[str, Measure]:
    """Every pass streams all shards again: by curl in a pipe of each, or through fsspec."""
    import fsspec
    import obstore
    from obstore.fsspec import FsspecStore

    fsspec.register_implementation("s3", FsspecStore, clobber=True)
    clips, options = load(case), {"client_options": {"allow_http": True}}
    names = sorted(path.name for path in (Path(case.video).parent / "shards").glob("*.tar"))
    shards = [f"{case.bucket}/{name}" for name in names]
    if way == PIPE:
        store = obstore.store.from_url(case.bucket, **options)
        shards = [f"pipe:curl -sf '{obstore.sign(store, 'GET', n, SIGNED)}'" for n in names]
    else:

        def opened(url: str, mode: str, size: int) -> Any:
            # Made in the worker: neither fsspec's loop nor obstore's runtime goes through a fork.
            return fsspec.filesystem("s3", **options).open(url, mode)

        # The package has a function of that name, too.
        sys.modules["webdataset.gopen"].gopen_schemes["s3"] = opened

    def reading() -> Iterable[Batch]:
        stream = webdataset.WebDataset(shards, shardshuffle=False)
        batches = stream.decode().to_tuple(ARRAY, "cls").batched(clips.batch, collation_fn=_stacked)
        return webdataset.WebLoader(batches, batch_size=None, num_workers=WORKERS)

    return {FIRST_EPOCH: lambda: epoch_rate(reading, clips)}


def main(member: str) -> None:
    """Serve webdataset with this member for a video, or from a bucket in this way."""
    if member in (PIPE, FSSPEC):
        serve(version("webdataset"), partial(from_bucket, member))
        return
    bound_write: Write = partial(write, member)
    bound_read: Read = partial(read, member)
    serve(version("webdataset"), lambda case: stored_measures(case, bound_write, bound_read))


if __name__ == "__main__":
    main(*sys.argv[1:])
