"""Areas of polygons within pixels, and solids covered by their faces."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.patience import SECONDS
from trajdata._render.areas import add_edges, areas_room, sum_areas
from trajdata._shapes.registry import find_shape, shape_names

ROOT = Path(__file__).parents[2]
ROWS, COLUMNS = 5, 7
COORDINATES = st.floats(-9, 15, width=32) | st.integers(-2, 9).map(float)
CORNERS = st.lists(st.tuples(COORDINATES, COORDINATES), min_size=3, max_size=3, unique=True)


def covered(corners, brightness=1.0):
    """The areas of a polygon in a box, and the mean brightness."""
    memory = np.zeros(areas_room(ROWS, COLUMNS) + 16)
    areas = memory[8:-8]
    ends = zip(corners, [*corners[1:], corners[0]], strict=True)
    edges = np.array([(*one, *two, 1.0, brightness) for one, two in ends]).T.copy()
    add_edges(areas, ROWS, COLUMNS, edges, len(corners), np.empty((3, 4)))
    cover, shades = np.empty((2, ROWS * COLUMNS), np.float32)
    sum_areas(areas, ROWS, COLUMNS, cover, shades)
    assert not memory.any(), "nothing is left, and nothing was written beyond the box"
    return cover.reshape(ROWS, COLUMNS), shades.reshape(ROWS, COLUMNS)


def clipped(corners, axis, least, most):
    """A convex polygon between two lines (I. E. Sutherland, G. W. Hodgman, 1974)."""
    for limit, side in ((least, 1), (most, -1)):
        found = []
        for one, two in zip(corners, [*corners[1:], *corners[:1]], strict=True):
            a, b = side * (one[axis] - limit), side * (two[axis] - limit)
            if a >= 0:
                found.append(one)
            if a * b < 0:
                share = a / (a - b)
                found.append(tuple(p + share * (q - p) for p, q in zip(one, two, strict=True)))
        corners = found
    return corners


def area_of(corners):
    pairs = zip(corners, [*corners[1:], *corners[:1]], strict=True)
    return sum(a * d - b * c for (a, b), (c, d) in pairs) / 2


@settings(max_examples=300, deadline=None)
@given(CORNERS)
def test_a_triangles_area_in_each_pixel_is_exact_wherever_it_lies(corners):
    # Counter-clockwise for who sees y go down.
    corners = corners if area_of(corners) <= 0 else corners[::-1]
    cover, shades = covered(corners, 0.25)
    for row in range(ROWS):
        for column in range(COLUMNS):
            cell = clipped(clipped(corners, 0, column, column + 1), 1, row, row + 1)
            assert cover[row, column] == pytest.approx(-area_of(cell), abs=2e-6)
            if cover[row, column] > 1e-3:
                assert shades[row, column] == pytest.approx(0.25, abs=1e-5)


def test_a_pixel_that_is_all_inside_is_covered_wholly_to_the_bit():
    cover, _ = covered([(1.0, 0.5), (1.0, 4.5), (6.0, 4.5), (6.0, 0.5)])
    assert (cover[1:4, 1:6] == 1).all()
    assert (cover[0, 1:6] == 0.5).all()
    assert not cover[:, 0].any()
    assert not cover[:, 6].any()


@pytest.mark.parametrize("name", [name for name in shape_names() if find_shape(name).mesh])
def test_a_mesh_is_closed_and_its_faces_look_outwards(name):
    for sides in (12, 16, 64):
        mesh = find_shape(name).mesh(sides)
        assert np.linalg.norm(mesh.normals, axis=1) == pytest.approx(1)
        assert np.abs(mesh.vertices).max() <= 1.03
        # Each face's edges make one closed way, counter-clockwise as seen from outside.
        for face, normal in enumerate(mesh.normals):
            forth = [(a, b) for a, b, left, _ in mesh.edges if left == face]
            back = [(b, a) for a, b, _, right in mesh.edges if right == face]
            after = dict(forth + back)
            assert len(after) == len(forth) + len(back) >= 3
            way = [next(iter(after))]
            while (following := after[way[-1]]) != way[0]:
                way.append(following)
            assert len(way) == len(after)
            corners = mesh.vertices[way]
            assert corners @ normal == pytest.approx(corners[0] @ normal, abs=1e-12)
            assert corners[0] @ normal > 0
            around = np.cross(corners[1] - corners[0], corners[2] - corners[1])
            assert around @ normal > 0


@pytest.mark.slow
def test_kernels_stay_within_their_arrays(tmp_path):
    """Where Numba checks each index: else a fault may damage memory, and show much later."""
    home = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.render.bounds_program"],
        cwd=ROOT,
        env={**os.environ, **home},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.stdout == "within bounds\n", done.stderr[-2000:]
