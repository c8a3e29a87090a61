"""The findings of an audit: figures and their bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "at_least", "at_most"]


@dataclass(frozen=True)
class Finding:
    """One figure of an audit.

    Attributes:
        group: the group of the figure: duplicates, motion, framing, balance, independence, truth...
        name: what was measured, in words.
        figure: the measured value.
        relation: "<=" if the figure must not exceed the bound, ">=" if it must reach it.
        bound: the bound.
        unit: the unit of figure and bound.
        sample: how many clips (or frames, or tests) were measured.
    """

    group: str
    name: str
    figure: float
    relation: Literal["<=", ">="]
    bound: float
    unit: str
    sample: int

    @property
    def passed(self) -> bool:
        """Whether the bound holds. If the figure is NaN, it does not."""
        if self.relation == "<=":
            return self.figure <= self.bound
        return self.figure >= self.bound


def at_most(group: str, name: str, figure: float, bound: float, unit: str, sample: int) -> Finding:
    """A figure that must not exceed its bound."""
    return Finding(group, name, float(figure), "<=", bound, unit, sample)


def at_least(group: str, name: str, figure: float, bound: float, unit: str, sample: int) -> Finding:
    """A figure that must reach its bound."""
    return Finding(group, name, float(figure), ">=", bound, unit, sample)
