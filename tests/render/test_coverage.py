"""Pixels of boxes are listed at their places, whatever the size of a box."""

import numpy as np
import pytest

from trajdata._render.coverage import LISTS, RUN, list_pixels


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(1, 1), (1, 1024), (1024, 1), (1024, 1024), (1024, 1023), (1023, 7), (33, 31), (129, 511)],
)
def test_every_pixel_of_a_box_is_listed_once_row_by_row(rows, columns):
    lists = np.zeros((LISTS, 3 + rows * columns + RUN), np.float32)
    box = np.array([0, 0, rows, columns], np.int64)
    circle = np.array([0.5, 0.5, 3.0, 1.0, 0.0, 1.0])  # its centre is that of the first pixel
    light = tuple(np.float32(part) for part in (0.25, 0.5, 0.75, 0.125))
    after = list_pixels(box, circle, light, 1, 2, 3, lists)
    assert after == 3 + rows * columns
    row, column = np.divmod(np.arange(rows * columns), columns)
    assert np.array_equal(lists[0, 3:after], column.astype(np.float32))
    assert np.array_equal(lists[1, 3:after], row.astype(np.float32))
    assert np.all(lists[3, 3:after] == np.float32(1) / np.float32(3))
    assert np.all(lists[5:, 3:after] == np.array(light)[:, None])
    assert not lists[:, :3].any()
