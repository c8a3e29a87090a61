"""Colours and letters that all pictures and pages share."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from PIL import ImageFont

__all__ = ["DARK", "LIGHT", "Colour", "Theme", "blend", "font", "hex_colour", "law_colour"]

Colour = tuple[int, int, int]

_LAW_COLOURS: tuple[Colour, ...] = (
    (58, 120, 200),
    (214, 112, 38),
    (38, 148, 92),
    (180, 72, 152),
    (24, 148, 164),
    (202, 70, 70),
    (120, 92, 200),
    (156, 128, 28),
)
"""The colours of classes. They have about the same lightness, so that each can be read on light and
on dark paper."""


@dataclass(frozen=True)
class Theme:
    """Colours of everything around the frames of a picture.

    Attributes:
        paper: colour of the ground.
        ink: colour of names.
        soft: colour of numbers and captions.
        frame: colour of the line around a frame.
        tint: share of the class's colour in the ground of a class name, 0..1.
    """

    paper: Colour
    ink: Colour
    soft: Colour
    frame: Colour
    tint: float


LIGHT = Theme((252, 252, 250), (32, 36, 42), (118, 125, 134), (206, 210, 214), 0.14)
DARK = Theme((18, 20, 24), (232, 235, 238), (142, 150, 160), (62, 68, 76), 0.30)


def law_colour(label: int) -> Colour:
    """The colour of a class, by its label. Colours repeat after eight labels."""
    return _LAW_COLOURS[label % len(_LAW_COLOURS)]


def blend(over: Colour, under: Colour, share: float) -> Colour:
    """``share`` of one colour over another."""
    red, green, blue = (round(u + share * (o - u)) for o, u in zip(over, under, strict=True))
    return red, green, blue


def hex_colour(colour: Colour) -> str:
    """The colour in CSS: "#rrggbb"."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


@functools.cache
def font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font that comes with every Pillow."""
    return ImageFont.load_default(size)
