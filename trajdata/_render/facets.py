"""How much of each pixel a solid covers, and in which shade: by its faces.

A solid's faces that are turned to the camera tile its outline, and each is evenly lit. So its edges
alone are needed: at each one, coverage and brightness change by the difference of the two faces
beside it (``_render.areas``). What is curved is taken as flat faces, at most two pixels wide in
pictures of up to a few hundred pixels.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajdata._arithmetic.light import lambert
from trajdata._jit import bare_kernel, kernel
from trajdata._render.areas import add_edges, areas_room, sum_areas
from trajdata._render.rays import into_object
from trajdata._shapes.registry import Mesh, find_shape

__all__ = ["facet_coverer", "facet_rooms"]

_SIDES = (12, 16, 32, 64)
"""Sides around what is curved, of objects of the sizes below."""
_SMALL, _MIDDLE, _LARGE = 3.5, 6.0, 14.0
"""Pixels of radius from which an object has the second, third and fourth number of sides."""
_MOST = 3 * _SIDES[-1]
"""Vertices, faces or edges of a mesh, at most."""


class _Meshes:
    """The meshes of some shapes, each with every number of sides, one after the other.

    Attributes:
        vertices, normals, edges: see ``Mesh``; the edges count within their own mesh.
        offsets: float64: how far a face's plane is from the centre.
        parts: uintp (M, 6): first and one past the last vertex, face and edge of mesh M, which is
            ``len(_SIDES)`` times the shape's number, plus the size's.
    """

    def __init__(self, shapes: tuple[str, ...]) -> None:
        makers = [find_shape(name).mesh for name in shapes]
        meshes = [make(sides) if make else _NOTHING for make in makers for sides in _SIDES]
        self.vertices = np.concatenate([mesh.vertices for mesh in meshes])
        self.normals = np.concatenate([mesh.normals for mesh in meshes])
        # Places without a sign spare the test for negative ones.
        self.edges = np.concatenate([mesh.edges for mesh in meshes]).astype(np.uintp)
        self.offsets = np.concatenate([_offsets(mesh) for mesh in meshes])
        sizes = [(len(m.vertices), len(m.normals), len(m.edges)) for m in meshes]
        if max(map(max, sizes)) > _MOST:
            raise ValueError(f"a mesh of {max(sizes)} vertices, faces, edges; allowed are {_MOST}")
        ends = np.cumsum(np.array(sizes, np.int64), axis=0)
        self.parts = np.stack([ends - sizes, ends], axis=2).reshape(-1, 6).astype(np.uintp)


_NOTHING = Mesh(np.empty((0, 3)), np.empty((0, 3)), np.empty((0, 4), np.int64))


def _offsets(mesh: Mesh) -> NDArray[np.float64]:
    found = np.zeros(len(mesh.normals))
    for first, _, left, right in mesh.edges:
        for face in (left, right):
            x, y, z = (mesh.normals[face] * mesh.vertices[first]).tolist()
            found[face] = x + y + z
    return found


@kernel
def facet_rooms(height, width):  # type: ignore[no-untyped-def]
    """Memory in which ``cover_facets`` works, for pictures of this size: areas, all zero, what is
    known of vertices and faces, and edges."""
    areas = np.zeros(areas_room(height, width))
    return areas, np.empty((4, _MOST)), np.empty((6, _MOST)), np.empty((3, 4))


@cache
def facet_coverer(shapes: tuple[str, ...]) -> Any:
    """The kernel ``cover_facets`` for objects of these shapes, those of them that have meshes."""
    meshes = _Meshes(shapes)
    vertices, normals, edges = meshes.vertices, meshes.normals, meshes.edges
    offsets, parts = meshes.offsets, meshes.parts
    levels = len(_SIDES)

    @bare_kernel
    def cover_facets(shape, pose, size, light, box, lens, rooms, cover, shades):  # type: ignore[no-untyped-def]
        """Fill ``cover`` and ``shades`` (float32) for the pixels of a box, row by row.

        pose: float64 (12,). light: float64 (3,). box: top, left, rows, columns; nothing of the
        object is outside but what lies outside the picture. rooms: as ``facet_rooms`` makes
        them.
        """
        focal, middle_x, middle_y = lens
        rows, columns = box[2], box[3]
        reach = focal * size / pose[2]
        level = int(reach >= _SMALL) + int(reach >= _MIDDLE) + int(reach >= _LARGE)
        own = parts[levels * shape + level]
        areas, lists, noted, pieces = rooms
        xs, ys, seen, lit = lists[0], lists[1], lists[2], lists[3]

        ox, oy, oz = into_object(pose, -pose[0], -pose[1], -pose[2])
        lx, ly, lz = into_object(pose, light[0], light[1], light[2])
        first_vertex, first_face = own[0], own[2]
        for face in range(own[2], own[3]):
            normal, offset, i = normals[face], offsets[face], face - first_face
            is_seen = normal[0] * ox + normal[1] * oy + normal[2] * oz > offset * size
            shade = lambert(normal[0], normal[1], normal[2], lx, ly, lz)
            seen[i] = 1.0 if is_seen else 0.0
            lit[i] = shade if is_seen else 0.0
        for vertex in range(own[0], own[1]):
            vector, i = vertices[vertex], vertex - first_vertex
            a, b, c = size * vector[0], size * vector[1], size * vector[2]
            per = focal / (pose[2] + (pose[9] * a + pose[10] * b + pose[11] * c))
            across = pose[0] + (pose[3] * a + pose[4] * b + pose[5] * c)
            down = pose[1] + (pose[6] * a + pose[7] * b + pose[8] * c)
            xs[i] = middle_x + per * across - box[1]
            ys[i] = middle_y + per * down - box[0]
        count = np.uintp(0)
        for i in range(own[4], own[5]):
            edge = edges[i]
            first, last, left, right = edge[0], edge[1], edge[2], edge[3]
            part, value = seen[left] - seen[right], lit[left] - lit[right]
            if part != 0.0 or value != 0.0:
                noted[0, count], noted[1, count] = xs[first], ys[first]
                noted[2, count], noted[3, count] = xs[last], ys[last]
                noted[4, count], noted[5, count] = part, value
                count += np.uintp(1)
        add_edges(areas, rows, columns, noted, count, pieces)
        sum_areas(areas, rows, columns, cover, shades)

    return cover_facets
