"""Run by a test with Numba's bounds check: kernels read and write nothing beyond their arrays."""

import numpy as np

from trajdata import ClipSource, preset
from trajdata._render.areas import add_edges, areas_room, sum_areas

ROWS, COLUMNS = 6, 5


def cross_the_sides() -> None:
    """Edges that end at a side of the box, or so near to it that rounding leads out of it."""
    rng = np.random.default_rng(0)
    areas, pieces = np.zeros(areas_room(ROWS, COLUMNS)), np.empty((3, 4))
    cover, shades = np.empty((2, ROWS * COLUMNS), np.float32)
    places = np.array([0.0, 5.0, -1.0, 2.5, 1 / 3, 5 - 1 / 3, 0.1, 4.9, -0.1, 7.3])
    edges = np.ones((6, 4000))
    for row in (0, 2):
        near = rng.choice([0.0, 0.0, 1e-16, -1e-16, 1e-9], 4000)
        edges[row] = rng.choice(places, 4000) + near
        edges[row + 1] = rng.uniform(-2, 8, 4000)
    for first in range(0, 4000, 4):
        some = np.ascontiguousarray(edges[:, first : first + 4])
        add_edges(areas, ROWS, COLUMNS, some, 4, pieces)
        sum_areas(areas, ROWS, COLUMNS, cover, shades)


def render() -> None:
    """Clips of every kind of renderer: objects that overlap, and that leave the picture."""
    for name, changes in (
        ("scenes-32", {"count": (6, 6)}),
        ("scenes-32", {"height": 16, "width": 40, "place": 0.3, "pattern": 0.5}),
        ("stereo-64", {}),
        ("gray-32", {}),
    ):
        fields = ("video", "segmentations", "depth_map", "forward_flow")
        ClipSource(preset(name, **changes), fields=fields).batch(range(60))


if __name__ == "__main__":
    cross_the_sides()
    render()
    print("within bounds")
