"""The formats that clips can be exported in, and what a writer of one of them does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from trajdata._errors import ArgumentError
from trajdata._export.plan import ExportPlan

__all__ = ["FORMATS", "Format", "Writer", "find_format"]


class Writer(Protocol):
    """Turns clips into the bytes of files. Threads may share it."""

    def part(self, clips: range, batch: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
        """The files of a part, as (name, bytes); names are relative to the folder of the export.

        Args:
            clips: indices of the part.
            batch: these clips, with all fields of the plan.
        """

    def closing(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The files that are written once all parts are there.

        Args:
            names: of the files of all parts, part by part; within a part in any order.
        """


@dataclass(frozen=True)
class Format:
    """A format of an export.

    Attributes:
        name: as ``to=`` and ``--to`` take it.
        is_exact: whether the pixels come back as they were.
        part_bytes: about how many bytes of clips are written between two records.
        part_clips: how many clips at most.
        has_class_folders: whether there is a folder for each law.
        has_folder_each: whether each clip has a folder of its own in it.
        writer: makes the writer.
    """

    name: str
    is_exact: bool
    part_bytes: int
    part_clips: int
    has_class_folders: bool
    has_folder_each: bool
    writer: Callable[[ExportPlan], Writer]


def _mp4(plan: ExportPlan) -> Writer:
    from trajdata._export.class_folders import ClassFolders
    from trajdata._export.videos import Mp4

    return ClassFolders(plan, Mp4(plan.spec))


def _webp(plan: ExportPlan) -> Writer:
    from trajdata._export.class_folders import ClassFolders
    from trajdata._export.videos import WebP

    return ClassFolders(plan, WebP(plan.spec))


def _gif(plan: ExportPlan) -> Writer:
    from trajdata._export.class_folders import ClassFolders
    from trajdata._export.pictures import Gif

    return ClassFolders(plan, Gif(plan.spec))


def _png(plan: ExportPlan) -> Writer:
    from trajdata._export.class_folders import ClassFolders
    from trajdata._export.pictures import Png

    return ClassFolders(plan, Png(plan.spec))


def _npz(plan: ExportPlan) -> Writer:
    from trajdata._export.class_folders import ClassFolders

    return ClassFolders(plan, None)


def _zarr(plan: ExportPlan) -> Writer:
    from trajdata._export.zarr_group import ZarrGroup

    return ZarrGroup(plan)


def _hf(plan: ExportPlan) -> Writer:
    from trajdata._export.hf_dataset import HfDataset

    return HfDataset(plan)


_SMALL, _LARGE = (16 * 2**20, 256), (64 * 2**20, 4096)
"""Bytes and clips of a part: written in seconds, and large enough for files with many clips."""

FORMATS: dict[str, Format] = {
    found.name: found
    for found in (
        Format("mp4", True, *_SMALL, True, False, _mp4),
        Format("gif", False, *_SMALL, True, False, _gif),
        Format("webp", True, *_SMALL, True, False, _webp),
        Format("png", True, *_SMALL, True, True, _png),
        Format("npz", True, *_SMALL, True, False, _npz),
        Format("zarr", True, *_LARGE, False, False, _zarr),
        Format("hf", True, *_LARGE, False, False, _hf),
    )
}


def find_format(name: str) -> Format:
    """The format of a name.

    Raises:
        ArgumentError: there is none; names those that there are.
    """
    if name not in FORMATS:
        raise ArgumentError(f"to: given {name!r:.80}; allowed are {', '.join(FORMATS)}")
    return FORMATS[name]
