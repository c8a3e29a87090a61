"""Videos from files that other programs wrote."""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trajdata._checks import needed
from trajdata._errors import ArgumentError
from trajdata._scoring.intervals import SCORING_EXTRA
from trajdata._scoring.laws import check_videos
from trajdata._spec.model import ClipSpec

__all__ = ["read_videos"]

_MOST_BYTES = 4 * 2**30
_VIDEO, _LABEL = "video", "label"


def read_videos(
    path: str | os.PathLike[str], spec: ClipSpec
) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    """The videos of a file, uint8 (B, T, C, H, W), and their labels, int64 (B,), where it has them.

    Args:
        path: an ``.npz`` with ``video`` and, if wanted, ``label``; or a video file, one clip, that
            PyAV decodes.
        spec: that the clips are like.

    Raises:
        ArgumentError: the file is neither, holds objects that would have to be unpickled, comes to
            more than 4 GiB, has videos of another size than the spec's, or labels that are no laws
            of it.
        OSError: it cannot be read.
    """
    if Path(path).suffix == ".npz":
        video, label = _from_npz(path)
    else:
        video, label = _from_video(path, spec), None
    videos = check_videos(video, spec)
    if label is None:
        return videos, None
    given = np.asarray(label)
    if given.shape != videos.shape[:1] or given.dtype.kind not in "iu":
        raise ArgumentError(
            f"{os.fspath(path)}: label: given {given.dtype} of shape {given.shape}; allowed is a "
            f"whole number for each of the {len(videos)} clips"
        )
    if given.size and not 0 <= given.min() <= given.max() < len(spec.laws):
        raise ArgumentError(
            f"{os.fspath(path)}: label: given {given.min()} to {given.max()}; allowed are 0 to "
            f"{len(spec.laws) - 1}, for {', '.join(spec.laws)}"
        )
    return videos, given.astype(np.int64)


def _from_npz(path: str | os.PathLike[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    name = os.fspath(path)
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(item.file_size for item in archive.infolist())
        if size > _MOST_BYTES:
            raise ArgumentError(f"{name}: given {size} bytes; allowed are up to {_MOST_BYTES}")
        with np.load(path, allow_pickle=False) as held:
            if _VIDEO not in held:
                names = ", ".join(held)
                raise ArgumentError(f"{name}: given arrays {names}; allowed are video, and label")
            return held[_VIDEO], held.get(_LABEL)
    except (zipfile.BadZipFile, ValueError, EOFError, zlib.error) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(f"{name}: no file of NumPy arrays: {error}") from error


def _from_video(path: str | os.PathLike[str], spec: ClipSpec) -> NDArray[np.uint8]:
    av = needed("av", SCORING_EXTRA)
    name = os.fspath(path)
    shade = "gray" if spec.channels == 1 else "rgb24"
    frames = []
    try:
        with av.open(name) as container:
            for frame in container.decode(video=0):
                frames.append(frame.to_ndarray(format=shade))
                if len(frames) > spec.frames:
                    break
    except av.FFmpegError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ArgumentError(f"{name}: no video that can be decoded: {error}") from error
    except IndexError as error:
        raise ArgumentError(f"{name}: there is no video in this file") from error
    if not frames:
        raise ArgumentError(f"{name}: there is no frame in this file")
    stacked = np.stack(frames)
    return stacked[None, :, None] if spec.channels == 1 else stacked.transpose(0, 3, 1, 2)[None]
