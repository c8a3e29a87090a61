"""A box's pixels are covered at their places, whatever its size and what stands before it."""

import numpy as np
import pytest

from trajdata._render.coverage import RUN, is_small, round_coverer

SHAPES = ("disc", "sphere")
LIGHT = np.array([[0.25, 0.5, 0.75, 0.125]], np.float32)


def covered(shape, box, centre, radius, before=0):
    """Coverage and shades of one box, in the middle of others' memory."""
    cover = round_coverer(SHAPES, (True, True))
    area = box[2] * box[3]
    covers, shades = np.full((2, before + area + RUN), 7.0, np.float32)
    outline = np.array([[*centre, radius, 1.0, 0.0, 1.0]])
    boxes = np.array([box], np.int64)
    small = bool(is_small(outline[0]))
    cover(SHAPES.index(shape), small, boxes, outline, LIGHT, covers[before:], shades[before:])
    assert np.all(covers[:before] == 7.0)
    assert np.all(shades[:before] == 7.0)
    grid = (box[2], box[3])
    return tuple(found[before : before + area].reshape(grid) for found in (covers, shades))


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(1, 1), (1, 1024), (1024, 1), (1024, 1024), (1024, 1023), (1023, 7), (33, 31), (129, 511)],
)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_pixel_of_a_box_is_covered_at_its_place(shape, rows, columns):
    centre = (0.5 * columns + 0.25, 0.5 * rows)
    radius = 3.0
    cover, shades = covered(shape, (0, 0, rows, columns), centre, radius, before=3)
    row, column = np.mgrid[:rows, :columns]
    distance = np.hypot(column + 0.5 - centre[0], row + 0.5 - centre[1])
    assert np.all(cover[distance < radius - 0.75] == 1.0)
    assert np.all(cover[distance > radius + 0.75] == 0.0)
    assert np.all((shades >= 0.0) & (shades <= 1.0))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("radius", [1.0, 1.9, 2.0, 6.0])
def test_a_part_of_a_box_is_covered_as_in_the_whole(shape, radius):
    centre = (9.3, 8.6)
    whole = covered(shape, (0, 0, 18, 19), centre, radius)
    part = covered(shape, (5, 4, 9, 11), centre, radius)
    for large, small in zip(whole, part, strict=True):
        assert np.allclose(large[5:14, 4:15], small, atol=1e-5)


@pytest.mark.parametrize("radius", [1.0, 1.9, 2.0, 6.0])
def test_the_covered_area_is_the_outlines(radius):
    cover, _ = covered("disc", (0, 0, 18, 19), (9.3, 8.6), radius)
    assert cover.sum() == pytest.approx(np.pi * radius**2, rel=5e-3)


def test_a_disc_shows_its_own_colour_and_a_sphere_is_darker_away_from_the_light():
    _, flat = covered("disc", (0, 0, 18, 19), (9.5, 9.0), 6.0)
    cover, lit = covered("sphere", (0, 0, 18, 19), (9.5, 9.0), 6.0)
    inside = cover == 1.0
    assert np.all(flat[inside] == 1.0)
    row, column = np.mgrid[:18, :19]
    towards = ((column - 9.0) * LIGHT[0, 0] + (row - 8.5) * LIGHT[0, 1])[inside]
    assert np.corrcoef(towards, lit[inside])[0, 1] > 0.5
