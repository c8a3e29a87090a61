"""What a trainer is handed: the layout, dtype and range of the video, and which keys."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._clips.fields import FIELDS, TEXT_FIELDS, check_fields
from trajdata._jit import kernel
from trajdata._spec.model import ClipSpec

__all__ = ["DTYPES", "LAYOUTS", "VALUE_RANGES", "ArrayShape", "OutputFormat", "output_format"]

LAYOUTS = ("TCHW", "CTHW", "THWC")
DTYPES = ("uint8", "float32")
VALUE_RANGES = ((0.0, 1.0), (-1.0, 1.0), (-0.5, 0.5))
"""Of a float32 video: the values of black and white."""


@dataclass(frozen=True)
class ArrayShape:
    """Of one field: its dtype and the shape of one clip's value."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def bytes(self, clips: int) -> int:
        """Of a batch."""
        return math.prod(self.shape) * self.dtype.itemsize * clips


@dataclass(frozen=True)
class OutputFormat:
    """Made and checked by ``output_format``; frozen, so that batches of one stream look alike."""

    fields: tuple[str, ...]
    layout: str
    dtype: str
    value_range: tuple[float, float]
    as_tuple: tuple[str, ...] | None
    as_tensor: str | None

    @property
    def as_drawn(self) -> bool:
        """Whether a video is passed on as the source draws it."""
        return self.dtype == "uint8" and self.layout == "TCHW"

    def arrays(self, spec: ClipSpec) -> dict[str, ArrayShape]:
        """What a batch is made of, by field; texts left out."""
        arrays = {}
        for name in self.fields:
            if name not in TEXT_FIELDS:
                shape, dtype = FIELDS[name].shape(spec), FIELDS[name].dtype
                if name == "video":
                    shape = tuple(shape["TCHW".index(axis)] for axis in self.layout)
                    dtype = self.dtype
                arrays[name] = ArrayShape(np.dtype(dtype), shape)
        return arrays

    def video(self, video: NDArray[np.uint8], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """A video uint8 (B, T, C, H, W) in this layout and dtype, C-contiguous.

        A float32 value is ``low + (high - low) * byte / 255``, rounded once. What is in this
        format already is returned as it is; otherwise ``out`` is where to write it.
        """
        if self.as_drawn:
            return np.ascontiguousarray(video)
        axes = [0, *(1 + "TCHW".index(axis) for axis in self.layout)]
        if out is None:
            out = np.empty([video.shape[axis] for axis in axes], self.dtype)
        if self.dtype == "uint8" and self.layout != "THWC":
            # Rows stay whole, and NumPy copies those faster than a kernel reads bytes one by one.
            np.copyto(out, video.transpose(axes))
        elif self.layout == "TCHW":
            _look_up(self._values(), video.reshape(-1), out.reshape(-1))
        else:
            back = out.transpose(np.argsort(axes))
            _look_up_strided(self._values(), video, back)
        return out

    def warm(self) -> None:
        """Compile what ``video`` needs: call before workers start."""
        self.video(np.zeros((1, 1, 1, 1, 1), np.uint8))

    def select(self, values: Mapping[str, Any]) -> Any:
        """Of a clip or batch: all keys as a dict, or the tuple or the one value asked for."""
        if self.as_tensor is not None:
            return values[self.as_tensor]
        if self.as_tuple is not None:
            return tuple(values[name] for name in self.as_tuple)
        return dict(values)

    def _values(self) -> NDArray[Any]:
        """What each of the 256 bytes becomes."""
        if self.dtype == "uint8":
            return np.arange(256, dtype=np.uint8)
        low, high = self.value_range
        return (low + (high - low) * np.arange(256) / 255).astype(np.float32)


def output_format(
    fields: Sequence[str],
    *,
    layout: str = "TCHW",
    dtype: str = "uint8",
    value_range: tuple[float, float] = (0, 1),
    as_tuple: Sequence[str] | None = None,
    as_tensor: str | None = None,
) -> OutputFormat:
    """The format of these settings.

    Raises:
        ValueError: names the setting, the value given and what is allowed.
    """
    names = check_fields(fields)
    for setting, value, allowed in (("layout", layout, LAYOUTS), ("dtype", dtype, DTYPES)):
        if value not in allowed:
            raise ValueError(f"{setting}: given {value!r}; allowed are {', '.join(allowed)}")
    span = _pair(value_range)
    if dtype == "uint8" and span != VALUE_RANGES[0]:
        raise ValueError(
            f"value_range: given {value_range!r} with dtype 'uint8'; "
            f"a range other than (0, 1) takes dtype='float32'"
        )
    if as_tuple is not None and as_tensor is not None:
        raise ValueError(
            f"as_tuple, as_tensor: given {as_tuple!r} and {as_tensor!r}; only one of them may be"
        )
    if as_tuple is not None:
        if isinstance(as_tuple, str) or not as_tuple:
            raise ValueError(
                f"as_tuple: given {as_tuple!r}; allowed is a sequence of {', '.join(names)}"
            )
        for name in as_tuple:
            _check_made("as_tuple", name, names)
    if as_tensor is not None:
        _check_made("as_tensor", as_tensor, [name for name in names if name not in TEXT_FIELDS])
    return OutputFormat(
        names, layout, dtype, span, None if as_tuple is None else tuple(as_tuple), as_tensor
    )


def _pair(value_range: tuple[float, float]) -> tuple[float, float]:
    for span in VALUE_RANGES:
        if isinstance(value_range, (tuple, list)) and tuple(value_range) == span:
            return span
    raise ValueError(
        f"value_range: given {value_range!r}; allowed are (0, 1), (-1, 1) and (-0.5, 0.5)"
    )


def _check_made(setting: str, name: str, made: Sequence[str]) -> None:
    if name not in made:
        known = "; name it in fields= first" if name in FIELDS else ""
        raise ValueError(
            f"{setting}: given {name!r}; allowed are {', '.join(made) or 'none'}{known}"
        )


@kernel
def _look_up(values, video, out):  # type: ignore[no-untyped-def]
    for j in range(video.shape[0]):
        out[j] = values[video[j]]


@kernel
def _look_up_strided(values, video, out):  # type: ignore[no-untyped-def]
    batch, frames, channels, height, width = video.shape
    for b in range(batch):
        for t in range(frames):
            for c in range(channels):
                for y in range(height):
                    for x in range(width):
                        out[b, t, c, y, x] = values[video[b, t, c, y, x]]
