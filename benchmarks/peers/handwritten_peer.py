"""What one would write by hand: each clip rendered when it is asked for, with NumPy and OpenCV."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import torch
from protocol import READ, READ_WORKERS, WRITE, Case, Measure, serve
from stored import load, read_rate, write_rate
from torch.utils.data import DataLoader, Dataset

LAWS = ("linear", "parabolic", "circular", "helical")
SECONDS = 2.0
SHIFT = 4
"""Bits of a pixel's fraction: OpenCV takes centres and radii in 1/16 pixel."""


class Discs(Dataset[tuple[torch.Tensor, int]]):
    """Anti-aliased discs on a plain ground, seen by a pinhole camera; a clip per index.

    Args:
        shape: of a video, (T, 3, H, W).
        clips: how many.
    """

    def __init__(self, shape: tuple[int, ...], clips: int) -> None:
        self.frames, _, self.height, self.width = shape
        self.clips = clips

    def __len__(self) -> int:
        return self.clips

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        rng = np.random.default_rng(index)
        label = index % len(LAWS)
        x, y, z = self._path(LAWS[label], rng)
        focal = min(self.height, self.width)
        one = 1 << SHIFT
        columns = np.rint((self.width / 2 + focal * x / z) * one).astype(int)
        rows = np.rint((self.height / 2 + focal * y / z) * one).astype(int)
        radii = np.rint(focal * rng.uniform(0.3, 0.6) / z * one).astype(int)
        colour = rng.integers(0, 256, 3).tolist()
        video = np.empty((self.frames, self.height, self.width, 3), np.uint8)
        video[:] = rng.integers(0, 256, 3)
        for frame, column, row, radius in zip(
            video, columns.tolist(), rows.tolist(), radii.tolist(), strict=True
        ):
            cv2.circle(frame, (column, row), radius, colour, cv2.FILLED, cv2.LINE_AA, SHIFT)
        return torch.from_numpy(np.ascontiguousarray(video.transpose(0, 3, 1, 2))), label

    def _path(self, law: str, rng: np.random.Generator) -> np.ndarray:
        """The centre in metres, (3, T)."""
        times = np.linspace(-SECONDS / 2, SECONDS / 2, self.frames)
        anchor = np.array([rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5), rng.uniform(4, 6)])
        path = np.repeat(anchor[:, None], self.frames, axis=1)
        if law in ("circular", "helical"):
            angle = rng.uniform(0, 2 * math.pi) + rng.uniform(3, 5) * times
            path[:2] += rng.uniform(0.4, 0.8) * np.stack([np.cos(angle), np.sin(angle)])
        if law != "circular":
            path += rng.uniform(-0.7, 0.7, 3)[:, None] * times
        if law == "parabolic":
            path[1] += rng.uniform(0.5, 1.0) * times**2
        return path


def open_case(case: Case) -> Mapping[str, Measure]:
    """Render live, and render all clips into one .npz. The clips have the form of the case."""
    clips = load(case)
    discs = Discs(clips.shape, len(clips))

    def save(folder: Path) -> None:
        videos, labels = zip(*(discs[index] for index in range(len(discs))), strict=True)
        np.savez(folder / "clips.npz", video=torch.stack(videos).numpy(), label=labels)

    def rendering(workers: int) -> Measure:
        return lambda: read_rate(
            lambda: DataLoader(discs, batch_size=clips.batch, num_workers=workers), workers, clips
        )

    return {
        WRITE: lambda: write_rate(clips, case, save),
        READ: rendering(0),
        READ_WORKERS: rendering(2),
    }


if __name__ == "__main__":
    serve(version("opencv-python-headless"), open_case)
