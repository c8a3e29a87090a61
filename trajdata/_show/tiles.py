"""Tiles: frames as parts of a larger picture, enlarged, and paths and names drawn beside them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from trajdata._show.palette import Colour, Theme, blend, font

__all__ = ["LEAST_SIDE", "Tile", "draw_chip", "draw_path", "frame_picture"]

LEAST_SIDE = 128
"""Frames that are smaller than this are enlarged up to about this size, in pixels."""
_SMOOTH = 4
"""Lines are drawn this many times larger and reduced, so that their edges are smooth."""
_HALO = (12, 14, 18)
_CORE = (255, 255, 255)


class Tile:
    """How frames of one size are shown: enlarged or made smaller by a whole number.

    Attributes:
        height, width: size of the tile, in pixels of the picture.
    """

    def __init__(self, height: int, width: int, least_side: int = LEAST_SIDE) -> None:
        side = max(height, width)
        self._enlarge = max(1, least_side // side)
        self._thin = max(1, math.ceil(side / (2 * least_side)))
        self.height = math.ceil(height / self._thin) * self._enlarge
        self.width = math.ceil(width / self._thin) * self._enlarge

    def picture(self, frame: NDArray[np.uint8]) -> Image.Image:
        """A frame, uint8 (C, H, W), as an RGB picture of this tile's size."""
        thin = frame[:, :: self._thin, :: self._thin]
        large = thin.repeat(self._enlarge, axis=1).repeat(self._enlarge, axis=2)
        return frame_picture(large)

    def places(self, pixels: NDArray[np.floating]) -> NDArray[np.float64]:
        """Pixel coordinates (T, 2) of the frame as coordinates of the tile. The origin of both is
        the upper left corner of the first pixel."""
        return pixels.astype(np.float64) * self._enlarge / self._thin

    def paste(
        self, picture: Image.Image, corner: tuple[int, int], shown: Image.Image, theme: Theme
    ) -> None:
        """Put a tile's picture into a larger one, its upper left corner at ``corner``, and draw a
        line around it."""
        left, top = corner
        picture.paste(shown, corner)
        ImageDraw.Draw(picture).rectangle(
            (left - 1, top - 1, left + self.width, top + self.height), outline=theme.frame
        )


def frame_picture(frame: NDArray[np.uint8]) -> Image.Image:
    """A frame, uint8 (C, H, W), as an RGB picture."""
    colours = np.broadcast_to(frame, (3, *frame.shape[1:]))
    return Image.fromarray(np.ascontiguousarray(colours.transpose(1, 2, 0)))


def draw_path(
    picture: Image.Image, places: NDArray[np.float64], colour: Colour, *, weight: float = 1.0
) -> None:
    """Draw a path over a picture: a line, and a dot for each frame. Both grow stronger towards the
    end of the path.

    Args:
        picture: RGB, changed in place.
        places: (T, 2), x right, y down, from the picture's corner.
        colour: colour of the dots.
        weight: scale of lines and dots; with 1, a dot has about five pixels.
    """
    size = (picture.width * _SMOOTH, picture.height * _SMOOTH)
    layer = Image.new("RGBA", size, (*colour, 0))
    pen = ImageDraw.Draw(layer)
    scaled = [(float(x) * _SMOOTH, float(y) * _SMOOTH) for x, y in places]
    last = max(len(scaled) - 1, 1)
    shares = [0.3 + 0.7 * k / last for k in range(len(scaled))]
    # In long clips the dots would lie closer together than they are wide, so fewer are drawn.
    step = max(1, math.ceil(len(scaled) / 32))
    unit = weight * _SMOOTH
    for width, ink in ((3.4, _HALO), (1.6, _CORE)):
        for k in range(1, len(scaled)):
            opacity = round(shares[k] * (110 if ink is _HALO else 255))
            pen.line(scaled[k - 1 : k + 1], (*ink, opacity), width=round(width * unit))
    for k in range(last % step, len(scaled), step):
        is_last = k == len(scaled) - 1
        reach = (3.6 if is_last else 1.7 + 0.6 * shares[k]) * unit
        _dot(pen, scaled[k], reach + 0.9 * unit, (*_CORE, round(255 * shares[k])))
        _dot(pen, scaled[k], reach, (*colour, round(255 * (shares[k] ** 0.5))))
    picture.paste(
        Image.alpha_composite(
            picture.convert("RGBA"), layer.resize(picture.size, Image.Resampling.BOX)
        ).convert("RGB")
    )


def _dot(
    pen: ImageDraw.ImageDraw,
    centre: tuple[float, float],
    reach: float,
    ink: tuple[int, int, int, int],
) -> None:
    x, y = centre
    pen.ellipse((x - reach, y - reach, x + reach, y + reach), ink)


def draw_chip(
    picture: Image.Image,
    corner: tuple[int, int],
    text: str,
    colour: Colour,
    theme: Theme,
    *,
    size: int = 13,
    most_width: int = 120,
) -> tuple[int, int]:
    """Draw a name in a rounded box of its colour.

    Args:
        picture: RGB, changed in place.
        corner: upper left corner of the box.
        text: the name; if it does not fit, it is cut and ends in three dots.
        colour: colour of the class.
        theme: theme of the picture.
        size: size of the letters in pixels.
        most_width: largest width of the box in pixels.

    Returns:
        (width, height) of the box.
    """
    letters = font(size)
    pad = round(size * 0.55)
    while letters.getlength(text) > most_width - 2 * pad and len(text) > 4:
        text = text.rstrip(".")[:-1] + "..."
    width = math.ceil(letters.getlength(text)) + 2 * pad
    height = round(size * 1.7)
    layer = Image.new("RGB", (width * _SMOOTH, height * _SMOOTH), theme.paper)
    ImageDraw.Draw(layer).rounded_rectangle(
        (0, 0, width * _SMOOTH - 1, height * _SMOOTH - 1),
        radius=round(size * 0.5) * _SMOOTH,
        fill=blend(colour, theme.paper, theme.tint),
    )
    picture.paste(layer.resize((width, height), Image.Resampling.BOX), corner)
    ImageDraw.Draw(picture).text(
        (corner[0] + pad, corner[1] + height / 2),
        text,
        blend(colour, theme.ink, 0.62),
        letters,
        anchor="lm",
    )
    return width, height
