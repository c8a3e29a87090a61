"""webdataset: tar shards, read as a stream. The argument names the member that holds a video."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import webdataset
from protocol import serve
from stored import Batch, Clips, Read, Write, gathered, stored_measures

SHARD_BYTES = 1 << 26
BYTES, ARRAY = "video.bin", "video.npy"


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


def main(member: str) -> None:
    """Serve webdataset with this member for a video."""
    bound_write: Write = partial(write, member)
    bound_read: Read = partial(read, member)
    serve(version("webdataset"), lambda case: stored_measures(case, bound_write, bound_read))


if __name__ == "__main__":
    main(*sys.argv[1:])
