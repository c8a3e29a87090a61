"""Settings: frozen, validated groups of numbers and names, and the row of columns a kernel reads.

A setting is written once, in its group. Validation, JSON, listings and the kernels' columns all
follow from that one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trajdata._errors import ArgumentError

__all__ = [
    "Counts",
    "Fraction",
    "Positive",
    "Range",
    "RangeFromZero",
    "Settings",
    "check_order",
    "columns",
    "row",
]

# The bounds keep every number of a clip short enough for its fixed-length text.
Positive = Annotated[float, Field(ge=1e-3, le=1e3, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Range = tuple[Positive, Positive]
"""Lowest and highest value of what is sampled evenly between them."""
Counts = tuple[Annotated[int, Field(ge=0, le=10)], Annotated[int, Field(ge=0, le=10)]]
"""The fewest and the most of what is counted."""
_FromZero = Annotated[float, Field(ge=0, le=1e3, allow_inf_nan=False)]
RangeFromZero = tuple[_FromZero, _FromZero]
"""The same, of what may also be 0."""


class Settings(BaseModel):
    """A frozen group of settings. A copy with changes is validated like a new one.

    Raises:
        ArgumentError: names the setting, the value given and what is allowed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ArgumentError(_described(error)) from None

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Any:
        """A copy; what ``update`` changes is validated."""
        own = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**own, **(update or {})})


def check_order(name: str, given: tuple[float, float]) -> None:
    """Raise an ArgumentError unless the first number of a range is not above the second."""
    if given[0] > given[1]:
        raise ArgumentError(f"{name}: given {given}; the first must not exceed the other")


def columns(settings: Settings) -> dict[str, float]:
    """The numbers of a group as named columns; a range becomes two, ``_low`` and ``_high``.

    Names, and ranges that may be absent, are no columns: kernels never read them.
    """
    found: dict[str, float] = {}
    ranges: tuple[Any, ...] = (Range, RangeFromZero, Counts)
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if field.annotation in ranges:
            found[f"{name}_low"], found[f"{name}_high"] = value
        elif isinstance(value, (int, float)):
            found[name] = float(value)
    return found


def row(values: Mapping[str, float]) -> NDArray[np.void]:
    """One row, shape (1,), with a float64 column for each number, in the order given."""
    table = np.zeros(1, np.dtype([(name, np.float64) for name in values]))
    for name, value in values.items():
        table[name] = value
    return table


def _described(error: ValidationError) -> str:
    """The first thing that is wrong, in one line."""
    first = error.errors()[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, ValueError):
        # A validator of ours, which names the setting itself.
        return str(cause)
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{where}: given {first['input']!r:.80}; there is no such setting"
    return f"{where}: given {first['input']!r:.80}; {first['msg'][0].lower()}{first['msg'][1:]}"
