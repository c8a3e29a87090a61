"""A folder for each law with the files of its clips, as torchvision's ``DatasetFolder`` takes it.

``clips/LAW/KEY.mp4``, beside it the truth in ``clips/LAW/KEY.npz``; KEY is the clip's index in
twelve digits.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trajdata._export.plan import CLIPS, ExportPlan
from trajdata._shards.layout import KEY_DIGITS

__all__ = ["ClassFolders", "Pictures"]

_LISTING, _TRUTH = "clips.csv", ".npz"


class Pictures(Protocol):
    """How a format writes a video."""

    suffix: str
    """End of the name of a video's file; empty where it is a folder."""

    def files(self, video: NDArray[np.uint8]) -> Iterator[tuple[str, bytes]]:
        """The files of one camera's video, (T, C, H, W), as (end of the name, bytes)."""


class ClassFolders:
    """Writes the files of each clip into the folder of its law, and their truth beside them.

    Args:
        plan: of the export.
        pictures: writes the video; None: it lies in the file with the truth.
    """

    def __init__(self, plan: ExportPlan, pictures: Pictures | None) -> None:
        self._plan = plan
        self._pictures = pictures
        self._suffix = _TRUTH if pictures is None else pictures.suffix

    def part(self, clips: range, batch: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
        """The files of a part; see ``Writer``."""
        for place, index in enumerate(clips):
            law = self._plan.spec.laws[int(batch["label"][place])]
            start = f"{CLIPS}/{law}/{index:0{KEY_DIGITS}d}"
            yield from self._videos(start, batch["video"][place])
            left_out = () if self._pictures is None else ("video",)
            yield f"{start}{_TRUTH}", _archive(batch, place, left_out)

    def closing(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """A table with the index, label and law of each video's file, or of its folder."""
        rows: list[tuple[int, str]] = []
        labels = {law: label for label, law in enumerate(self._plan.spec.laws)}
        for name in names:
            if not name.endswith(_TRUTH):
                continue
            start = name.removesuffix(_TRUTH)
            _, law, key = start.split("/")
            for beginning in self._beginnings(start):
                rows.append((int(key), f"{labels[law]},{law},{beginning}{self._suffix}\n"))
        text = "".join(f"{index},{row}" for index, row in sorted(rows))
        yield _LISTING, f"index,label,law,file\n{text}".encode()

    def _videos(self, start: str, video: NDArray[np.uint8]) -> Iterator[tuple[str, bytes]]:
        if self._pictures is None:
            return
        taken = [video] if self._plan.spec.views == 1 else list(video)
        for beginning, own in zip(self._beginnings(start), taken, strict=True):
            for end, data in self._pictures.files(own):
                yield f"{beginning}{end}", data

    def _beginnings(self, start: str) -> list[str]:
        """How the names of a clip's videos begin: of several cameras, one for each."""
        if self._pictures is None or self._plan.spec.views == 1:
            return [start]
        return [f"{start}-camera-{view}" for view in range(self._plan.spec.views)]


def _archive(batch: Mapping[str, Any], place: int, left_out: Sequence[str]) -> bytes:
    """The fields of one clip as a compressed ``.npz``, which ``numpy.load`` reads without pickle.

    ``params`` is structured, (): ``params["speed_m_s"]`` is a number of the law. A text is a string
    of NumPy, ().
    """
    arrays: dict[str, Any] = {}
    for name, values in batch.items():
        if isinstance(values, Mapping):
            numbers = tuple(column[place] for column in values.values())
            arrays[name] = np.array(numbers, [(number, np.float64) for number in values])
        elif name not in left_out:
            arrays[name] = np.asarray(values[place])
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()
