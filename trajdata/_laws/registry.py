"""The laws of motion, found by name: one module each in this folder, and nothing else to edit.

A law is position (metres) as a function of time (seconds), where time 0 is the moment at which the
object passes its anchor. A module ``<name>.py`` declares it as ``LAW``; a user's law is registered
by ``trajdata.law``, in the process that defines it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from trajdata._arithmetic.trig import TURN, cos_sin
from trajdata._errors import ArgumentError
from trajdata._registry import find_in, names_in
from trajdata._settings import Settings, columns

__all__ = [
    "COMMON_NUMBERS",
    "Law",
    "LawSettings",
    "LawText",
    "PlaneSettings",
    "find_law",
    "law_names",
    "register",
    "with_text",
]

COMMON_NUMBERS = ("start_s", "end_s", "speed_m_s", "object_radius_m")
"""Numbers that every clip has beside those of its law: times of the first and last frame, speed at
the anchor, size of the object."""

_ROOM = "trajdata._laws"
_MOST_NUMBERS = 64
_MOST_CHARACTERS = 4000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SLOT = re.compile(r"\{([a-z0-9_]+):~?\.[0-9]f\}")
_RESERVED = (*COMMON_NUMBERS, "colour", "shape", "index", "label")
_USERS: dict[str, Law] = {}
"""The laws that this process has registered, by name."""


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


class LawText(Settings):
    """A user's law in words: what a recipe stores of it, so that shards are read without it.

    Raises:
        ArgumentError: what cannot stand in a clip's text: names that are no names or taken, slots
            that are no number of the law, quotes, letters outside of ASCII, too much of anything.
    """

    digest: str = Field(pattern="^[0-9a-f]{64}$", description="of the law's source: SHA-256")
    numbers: tuple[str, ...] = Field(
        min_length=1, max_length=_MOST_NUMBERS, description="names of its numbers, in order"
    )
    phrase: str = Field(max_length=_MOST_CHARACTERS, description="how captions word it")
    equation: str = Field(max_length=_MOST_CHARACTERS, description="its path, with the numbers")

    @field_validator("numbers")
    @classmethod
    def _are_names(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for name in given:
            if not _NAME.fullmatch(name) or name in _RESERVED or given.count(name) > 1:
                raise ArgumentError(
                    f"numbers: given {name!r:.80}; allowed are names of small letters, digits and "
                    f"underscores, each once, other than {', '.join(_RESERVED)}"
                )
        return given

    @model_validator(mode="after")
    def _slots_are_numbers(self) -> LawText:
        names = (*self.numbers, *COMMON_NUMBERS)
        for name, text in (("phrase", self.phrase), ("equation", self.equation)):
            unknown = [slot for slot in _SLOT.findall(text) if slot not in names]
            rest = _SLOT.sub("", text)
            if unknown or not rest.isprintable() or not rest.isascii() or set(rest) & set('{}"\\'):
                raise ArgumentError(
                    f"{name}: given {text!r:.200}; allowed is plain ASCII text without quotes, "
                    "with slots such as {" + names[0] + ":.3f} for " + ", ".join(names)
                )
        return self


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
        digest: of its source, SHA-256 (hex), for a user's law; empty for ours.
        home: the module that defines a user's law.

    A user's law that this process does not have, as a stored recipe names it, has texts and no
    kernels.

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
    digest: str = ""
    home: str = ""

    def __post_init__(self) -> None:
        if self.is_here and (self.least is None) == (self.fastest is None):
            given = "neither" if self.least is None else "both"
            raise ArgumentError(
                f"law {self.name!r:.80}: given {given} of least and fastest; allowed is one: a "
                "bound of a linear form, or of the speed"
            )

    @property
    def is_here(self) -> bool:
        """Whether its kernels are known, so that clips can be rendered."""
        return self.propose is not None

    def text(self) -> LawText | None:
        """What a recipe stores of a user's law; None for ours, which every reader has."""
        if not self.digest:
            return None
        return LawText(
            digest=self.digest, numbers=self.numbers, phrase=self.phrase, equation=self.equation
        )


def law_names() -> tuple[str, ...]:
    """The names of all laws, in alphabetical order."""
    return names_in(_ROOM)


def register(law: Law) -> None:
    """Make a user's law known by its name, in place of an older one of that name.

    Raises:
        ArgumentError: one of our laws has that name, or it is no name.
    """
    if law.name in law_names() or not _NAME.fullmatch(law.name):
        raise ArgumentError(
            f"law: given the name {law.name!r:.80}; allowed are small letters, digits and "
            f"underscores, and none of {', '.join(law_names())}"
        )
    _USERS[law.name] = law


def find_law(name: str) -> Law:
    """The law of that name: ours, or one that this process has registered.

    Raises:
        ArgumentError: there is none.
    """
    if name in _USERS:
        return _USERS[name]
    found: Law = find_in(_ROOM, name, "LAW", "laws")
    return found


def with_text(name: str, text: LawText | None) -> Law:
    """The law that a spec means: ours where there is no text, the registered one where its source
    is the same, and else one without kernels.

    Raises:
        ArgumentError: no law of ours has that name.
    """
    if text is None:
        return find_law(name)
    known = _USERS.get(name)
    if known is not None and known.text() == text:
        return known
    return Law(
        name=name,
        version=0,
        numbers=text.numbers,
        phrase=text.phrase,
        equation=text.equation,
        propose=None,
        position=None,
        distinct=None,
        digest=text.digest,
    )
