"""Output: the form in which clips are handed to a trainer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trajdata._checks import whole_number
from trajdata._clips.fields import FIELDS, TEXT_FIELDS
from trajdata._errors import ArgumentError
from trajdata._loading.arrays import BFLOAT16

__all__ = ["DTYPES", "LAYOUTS", "PARTS", "VALUE_RANGES", "Output"]

LAYOUTS = ("TCHW", "CTHW", "THWC")
DTYPES: dict[str, np.dtype[Any]] = {
    "uint8": np.dtype(np.uint8),
    "float32": np.dtype(np.float32),
    "float16": np.dtype(np.float16),
    "bfloat16": BFLOAT16,
}
"""The dtypes of a video by name, each with the dtype of the array that holds it."""
VALUE_RANGES = ((0.0, 1.0), (-1.0, 1.0), (-0.5, 0.5))
"""The values of black and white in a video of floats."""
PARTS = ("past", "future")
"""What is handed out in place of ``video`` where an output cuts it in two."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """How a dataset hands out its clips. Frozen, and validated when it is made.

    All settings name fields as the source does, also if ``names`` gives them new names.

    Attributes:
        layout: axes of the video: ``"TCHW"``, ``"CTHW"`` or ``"THWC"``; a batch has B in front.
        dtype: dtype of the video: ``"uint8"``, ``"float32"``, ``"float16"`` or ``"bfloat16"``, or
            torch's dtype of that name. Floats are computed in float64 and rounded once.
        value_range: for floats, the values of black and white: (0, 1), (-1, 1) or (-0.5, 0.5).
            None means (0, 1), unless ``mean`` and ``std`` are given.
        mean, std: for floats, one number for each channel; both or neither. A byte b of channel c
            becomes ``(b / 255 - mean[c]) / std[c]``, as in torchvision's ``Normalize``.
        past_frames: cuts the video in two, for a predictor: in place of ``video`` there are
            ``past``, its first ``past_frames`` frames, and ``future``, the others.
        names: new names for keys of the dict, as in ``{"video": "pixel_values"}``.
        as_tuple: the fields whose values are handed out as a tuple, instead of a dict.
        as_tensor: the one field whose tensor is handed out alone, instead of a dict.

    Raises:
        ArgumentError: names the setting, the value given and what is allowed.
    """

    layout: str = "TCHW"
    dtype: str | torch.dtype = "uint8"
    value_range: tuple[float, float] | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    past_frames: int | None = None
    names: Mapping[str, str] = field(default_factory=dict, hash=False)
    as_tuple: Sequence[str] | None = None
    as_tensor: str | None = None

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise ArgumentError(f"layout: given {self.layout!r}; allowed are {', '.join(LAYOUTS)}")
        self._set("dtype", _dtype_name(self.dtype))
        self._check_scale()
        if self.past_frames is not None:
            self._set("past_frames", whole_number("past_frames", self.past_frames, 1))
        allowed = self.handed_out(tuple(FIELDS))
        self._set("names", _checked_names(self.names, allowed))
        if self.as_tuple is not None and self.as_tensor is not None:
            raise ArgumentError(
                f"as_tuple, as_tensor: given {self.as_tuple!r} and {self.as_tensor!r}; only one of "
                f"them may be given"
            )
        if self.as_tuple is not None:
            if isinstance(self.as_tuple, str) or not self.as_tuple:
                raise ArgumentError(
                    f"as_tuple: given {self.as_tuple!r}; allowed is a sequence of fields"
                )
            self._set("as_tuple", tuple(self.as_tuple))
        for name in self.as_tuple or ():
            _check_field("as_tuple", name, allowed)
        if self.as_tensor is not None:
            _check_field("as_tensor", self.as_tensor, _with_tensors(allowed))

    def __repr__(self) -> str:
        changed = (
            (name, getattr(self, name), setting.default)
            for name, setting in self.__dataclass_fields__.items()
        )
        return f"Output({', '.join(f'{n}={v!r}' for n, v, old in changed if v not in (old, {}))})"

    def handed_out(self, fields: Sequence[str]) -> tuple[str, ...]:
        """What stands in for ``fields``: with ``past_frames``, the parts of the video."""
        if self.past_frames is None:
            return tuple(fields)
        return tuple(part for name in fields for part in (PARTS if name == "video" else (name,)))

    def check_fits(self, fields: Sequence[str], channels: int, frames: int) -> None:
        """Check that clips with these fields, channels and frames can be handed out in this way.

        Raises:
            ArgumentError: names the setting, the value given and what is allowed.
        """
        if self.past_frames is not None:
            whole_number("past_frames", self.past_frames, 1, frames - 1)
        fields = self.handed_out(fields)
        for name in self.as_tuple or ():
            _check_field("as_tuple", name, fields)
        if self.as_tensor is not None:
            _check_field("as_tensor", self.as_tensor, _with_tensors(fields))
        for name in self.names:
            _check_field("names", name, fields)
        keys = [self.names.get(name, name) for name in fields]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ArgumentError(
                f"names: given {dict(self.names)!r}, by which {', '.join(twice)} means more than "
                f"one of the fields {', '.join(fields)}; allowed are names that are not taken"
            )
        if self.mean is not None and len(self.mean) != channels:
            raise ArgumentError(
                f"mean, std: given {len(self.mean)} numbers each; allowed are {channels}, one for "
                f"each channel of the source"
            )

    def select(self, values: Mapping[str, Any]) -> Any:
        """What is handed out of the ``values`` of a clip or batch: a dict of all of them, or the
        tuple or the single value that the settings ask for."""
        if self.as_tensor is not None:
            return values[self.as_tensor]
        if self.as_tuple is not None:
            return tuple(values[name] for name in self.as_tuple)
        return {self.names.get(name, name): value for name, value in values.items()}

    @property
    def carrier(self) -> np.dtype[Any]:
        """The dtype of the array that holds the video."""
        return DTYPES[str(self.dtype)]

    def byte_values(self) -> NDArray[Any]:
        """The value of each byte, dtype ``carrier``: (channels, 256), or (1, 256) if all channels
        have the same values."""
        bytes_ = np.arange(256, dtype=np.float64)
        if self.carrier == np.uint8:
            return np.arange(256, dtype=np.uint8)[None]
        if self.mean is not None and self.std is not None:
            mean, std = (
                np.asarray(numbers, np.float64)[:, None] for numbers in (self.mean, self.std)
            )
            return _rounded((bytes_ / 255 - mean) / std, self.carrier)
        low, high = self.value_range or VALUE_RANGES[0]
        return _rounded((low + (high - low) * bytes_ / 255)[None], self.carrier)

    def _check_scale(self) -> None:
        given = [name for name in ("value_range", "mean", "std") if getattr(self, name) is not None]
        if self.dtype == "uint8" and given:
            raise ArgumentError(
                f"{given[0]}: given {getattr(self, given[0])!r} with dtype 'uint8', whose values "
                f"are the bytes 0 to 255; it takes a dtype of "
                f"{', '.join(name for name in DTYPES if name != 'uint8')}"
            )
        if (self.mean is None) != (self.std is None):
            raise ArgumentError(
                f"mean, std: given {self.mean!r} and {self.std!r}; allowed are both or neither"
            )
        if self.value_range is not None:
            if self.mean is not None:
                raise ArgumentError(
                    f"value_range, mean: given {self.value_range!r} and {self.mean!r}; allowed is "
                    f"value_range, or mean and std"
                )
            self._set("value_range", _checked_range(self.value_range))
        if self.mean is not None and self.std is not None:
            self._set("mean", _numbers("mean", self.mean))
            self._set("std", _numbers("std", self.std))
            if len(self.mean) != len(self.std):
                raise ArgumentError(
                    f"mean, std: given {len(self.mean)} and {len(self.std)} numbers; allowed is "
                    f"one each for every channel"
                )
            if min(self.std) <= 0 or not _all_finite(self.byte_values()):
                raise ArgumentError(
                    f"std: given {self.std}; allowed are numbers above 0, such that no pixel "
                    f"exceeds the range of {self.dtype}"
                )

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def _dtype_name(dtype: object) -> str:
    name = str(dtype).removeprefix("torch.")
    if not isinstance(dtype, (str, torch.dtype)) or name not in DTYPES:
        raise ArgumentError(
            f"dtype: given {dtype!r}; allowed are {', '.join(DTYPES)}, or torch's of these names"
        )
    return name


def _checked_range(value_range: object) -> tuple[float, float]:
    for span in VALUE_RANGES:
        if isinstance(value_range, (tuple, list)) and tuple(value_range) == span:
            return span
    raise ArgumentError(
        f"value_range: given {value_range!r}; allowed are (0, 1), (-1, 1) and (-0.5, 0.5)"
    )


def _numbers(setting: str, given: object) -> tuple[float, ...]:
    try:
        numbers = tuple(float(number) for number in given)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        numbers = ()
    if isinstance(given, str) or not numbers or not all(map(math.isfinite, numbers)):
        raise ArgumentError(f"{setting}: given {given!r}; allowed is one number for each channel")
    return numbers


def _checked_names(names: object, allowed: Sequence[str]) -> dict[str, str]:
    if not isinstance(names, Mapping) or not all(
        isinstance(new, str) and new for new in names.values()
    ):
        raise ArgumentError(
            f"names: given {names!r}; allowed is a dict from fields to what they shall be called"
        )
    for name in names:
        _check_field("names", name, allowed)
    if len(set(names.values())) < len(names):
        raise ArgumentError(f"names: given {dict(names)!r}; each new name may occur once")
    return dict(names)


def _check_field(setting: str, name: object, allowed: Sequence[str]) -> None:
    if name not in allowed:
        cut = name == "video" and PARTS[0] in allowed
        known = "; give the source fields= with it" if name in FIELDS and not cut else ""
        raise ArgumentError(
            f"{setting}: given {name!r}; allowed are {', '.join(allowed) or 'none'}{known}"
        )


def _with_tensors(fields: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in fields if name not in TEXT_FIELDS)


def _rounded(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """float64 values in another dtype, each rounded once to the nearest, ties to even."""
    if dtype != BFLOAT16:
        with np.errstate(over="ignore"):
            return values.astype(dtype)
    # First to float32 by "round to odd": a value that has no exact float32 is cut, and its last bit
    # is set. Rounding that to the 8 bits of bfloat16 gives the same as rounding once.
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    bits = single.view(np.uint32)
    bits = bits - (np.abs(single.astype(np.float64)) > np.abs(values))
    bits |= (bits.view(np.float32).astype(np.float64) != values).astype(np.uint32)
    half = np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))
    return ((bits + half) >> np.uint32(16)).astype(np.uint16).view(BFLOAT16)


def _all_finite(values: NDArray[Any]) -> bool:
    if values.dtype == BFLOAT16:
        values = (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return bool(np.isfinite(values).all())
