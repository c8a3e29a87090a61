"""MosaicML streaming: MDS shards, read by its own dataset and loader; with the argument ``bucket``
from a bucket."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

# Before the stand-in below: transformers asks whether torchvision is there.
import transformers.feature_extraction_utils
import transformers.tokenization_utils_base  # noqa: F401
from protocol import FIRST_EPOCH, Case, Measure, serve
from stored import Batch, Clips, epoch_rate, gathered, load, stored_measures

SHARD_BYTES = 1 << 26
WORKERS = 2


def stand_in_for_torchvision() -> None:
    """Let streaming be imported without torchvision, which only its image data sets need.

    The wheel of torchvision does not load beside a torch that is built for the CPU.
    """
    stand_ins: dict[str, dict[str, object]] = {
        "torchvision": {},
        "torchvision.datasets": {"VisionDataset": object},
        "torchvision.transforms": {},
        "torchvision.transforms.functional": {"to_tensor": None},
    }
    for name, parts in stand_ins.items():
        module = ModuleType(name)
        vars(module).update(parts)
        sys.modules[name] = module


stand_in_for_torchvision()

from streaming import MDSWriter, StreamingDataLoader, StreamingDataset  # noqa: E402


def write(clips: Clips, folder: Path) -> None:
    """One record a clip, in shards of 64 MiB."""
    columns = {"video": "bytes", "label": "int"}
    with MDSWriter(out=str(folder), columns=columns, size_limit=SHARD_BYTES) as shards:
        for video, label in zip(clips.videos, clips.labels, strict=True):
            shards.write({"video": video.tobytes(), "label": int(label)})


def read(clips: Clips, folder: Path, workers: int, shuffle: bool) -> Iterable[Batch]:
    """With the library's own shuffle where it is shuffled."""
    return StreamingDataLoader(
        StreamingDataset(local=str(folder), shuffle=shuffle, batch_size=clips.batch),
        batch_size=clips.batch,
        num_workers=workers,
        collate_fn=partial(_gathered, clips.shape),
    )


def _gathered(shape: tuple[int, ...], clips: Sequence[Mapping[str, Any]]) -> Batch:
    return gathered([clip["video"] for clip in clips], [clip["label"] for clip in clips], shape)


def from_bucket(case: Case) -> Mapping[str, Measure]:
    """Its shards are written here; whoever asks puts them into the bucket. Each pass fetches all of
    them into an empty folder."""
    clips = load(case)
    write(clips, Path(case.folder) / "written")

    def first() -> float:
        with tempfile.TemporaryDirectory(dir=case.folder) as empty:
            return epoch_rate(lambda: _loader(empty), clips)

    def _loader(empty: str) -> Iterable[Batch]:
        return StreamingDataLoader(
            StreamingDataset(remote=case.bucket, local=empty, batch_size=clips.batch),
            batch_size=clips.batch,
            num_workers=WORKERS,
            collate_fn=partial(_gathered, clips.shape),
        )

    return {FIRST_EPOCH: first}


if __name__ == "__main__":
    if sys.argv[1:] == ["bucket"]:
        serve(version("mosaicml-streaming"), from_bucket)
    else:
        serve(version("mosaicml-streaming"), lambda case: stored_measures(case, write, read))
