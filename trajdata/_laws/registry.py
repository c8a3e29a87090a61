"""The laws of motion, found by name: one module each in this folder, and nothing else to edit.

A law is position (metres) as a function of time (seconds), where time 0 is the moment at which the
object passes its anchor. A module ``<name>.py`` declares it as ``LAW``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from trajdata._arithmetic.trig import TURN, cos_sin
from trajdata._errors import ArgumentError
from trajdata._registry import find_in, names_in
from trajdata._settings import Settings, columns

__all__ = ["Law", "LawSettings", "PlaneSettings", "find_law", "law_names"]

_ROOM = "trajdata._laws"


class LawSettings(Settings):
    """The numbers that a law owns. A law without any uses this class as it is.

    The kernels of the law read ``columns``; a law whose kernels want other numbers than its
    users (a cosine in place of an angle) overrides it.
    """

    def columns(self) -> dict[str, float]:
        """The numbers that the law's kernels read as ``own.<name>``."""
        return columns(self)


class PlaneSettings(LawSettings):
    """The numbers of a law whose path lies in a plane that the picture must show the face of."""

    tilt_degrees: Annotated[float, Field(ge=0, le=80)] = Field(
        45.0, description="most angle between the plane's normal and the view axis"
    )

    def columns(self) -> dict[str, float]:
        found = super().columns()
        found["tilt_cosine"] = cos_sin(found.pop("tilt_degrees") * (TURN / 360.0))[0]
        return found


@dataclass(frozen=True)
class Law:
    """A law of motion.

    Attributes:
        name: by which specs, labels and captions call it; also its module's name.
        version: raised when its bytes change on purpose; part of the fingerprint of the specs
            that use it.
        numbers: names of its numbers, in the order in which they stand in an array.
        phrase, equation: how caption and equation word it (templates, see ``_clips.templates``).
        propose: kernel (scene, settings, own, w, v, speed, numbers): fill its numbers from eight
            random words, so that the object is at its anchor at time 0 with this speed.
        position: kernel (numbers, t) -> (x, y, z) at time t.
        distinct: kernel (scene, settings, own, numbers, t0, t1) -> whether what defines the law
            can be seen.
        least: kernel (numbers, t0, t1, a, b, c) -> a lower bound of a x + b y + c z over [t0, t1],
            from the closed form, so that "inside the frame" holds at every moment and not only
            where frames fall.
        fastest: where there is no such bound, a kernel (numbers, t0, t1) -> an upper bound of the
            speed (metres a second) over [t0, t1]. "Inside" is then shown at moments of a fixed
            grid, less what the object can go between them.
        shows_motion: whether ``distinct`` shows that the path on the picture is long enough. For a
            law that does not, the path's length is measured.
        settings: class of the numbers that a spec may set for it.

    Raises:
        ArgumentError: not one of ``least`` and ``fastest``, but both or none.
    """

    name: str
    version: int
    numbers: tuple[str, ...]
    phrase: str
    equation: str
    propose: Any
    position: Any
    distinct: Any
    least: Any = None
    fastest: Any = None
    shows_motion: bool = False
    settings: type[LawSettings] = LawSettings

    def __post_init__(self) -> None:
        if (self.least is None) == (self.fastest is None):
            given = "neither" if self.least is None else "both"
            raise ArgumentError(
                f"law {self.name!r:.80}: given {given} of least and fastest; allowed is one: a "
                "bound of a linear form, or of the speed"
            )


def law_names() -> tuple[str, ...]:
    """The names of all laws, in alphabetical order."""
    return names_in(_ROOM)


def find_law(name: str) -> Law:
    """The law of that name.

    Raises:
        ArgumentError: there is none.
    """
    found: Law = find_in(_ROOM, name, "LAW", "laws")
    return found
