"""Hugging Face datasets: an Arrow table on disk, read in whole batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, Features, Value, disable_progress_bars, load_from_disk
from protocol import serve
from stored import Batch, Clips, gathered, stored_measures
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler

FEATURES = Features({"video": Value("binary"), "label": Value("int64")})
SAVED = "saved"


def write(clips: Clips, folder: Path) -> None:
    """A binary column: nested lists of numbers, as in ``Array4D``, take ten times as long."""

    def rows() -> Iterator[dict[str, Any]]:
        for video, label in zip(clips.videos, clips.labels, strict=True):
            yield {"video": video.tobytes(), "label": int(label)}

    # With a fingerprint given, the clips are not hashed to find one.
    table = Dataset.from_generator(
        rows, features=FEATURES, cache_dir=str(folder / "cache"), fingerprint="clips"
    )
    table.save_to_disk(folder / SAVED)


def read(clips: Clips, folder: Path, workers: int, shuffle: bool) -> Iterable[Batch]:
    """Whole batches are asked for; a random order is the sampler's."""
    table = load_from_disk(folder / SAVED).with_transform(partial(_transformed, clips.shape))
    order = RandomSampler(table) if shuffle else SequentialSampler(table)
    return DataLoader(
        table,
        batch_size=None,
        sampler=BatchSampler(order, clips.batch, drop_last=False),
        num_workers=workers,
        collate_fn=_as_pair,
    )


def _transformed(
    shape: tuple[int, ...], rows: Mapping[str, Sequence[Any]]
) -> dict[str, torch.Tensor]:
    videos, labels = gathered(rows["video"], rows["label"], shape)
    return {"video": videos, "label": labels}


def _as_pair(batch: Mapping[str, torch.Tensor]) -> Batch:
    return batch["video"], batch["label"]


def main() -> None:
    """Serve datasets, without bars of progress in the log."""
    disable_progress_bars()
    serve(version("datasets"), lambda case: stored_measures(case, write, read))


if __name__ == "__main__":
    main()
