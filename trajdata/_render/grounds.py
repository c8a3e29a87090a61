"""Backgrounds of two colours, painted on the wall: a gradient, or a texture.

A place on the wall is known by its slopes (x, y) as the camera at rest sees it: so a picture of
twice the resolution shows the same, and a camera that moves sees the same wall. Both are smooth
enough to be taken at a pixel's centre.
"""

from __future__ import annotations

import numpy as np

from trajdata._arithmetic.lattice import between_4
from trajdata._arithmetic.philox import GROUND, unit, words
from trajdata._jit import kernel
from trajdata._render.rays import into_object
from trajdata._world.sampling import LUMA

__all__ = ["FLAT", "GRADIENT", "TEXTURE", "paint_grounds"]

FLAT, GRADIENT, TEXTURE = range(3)

_CELLS = 3.0
"""Of a texture's coarsest lattice, along the shorter side; each finer one has twice as many."""
_LATTICES = 3
_SHARES = (0.5, 0.3, 0.2)
_CONTRAST = 1.75
"""A mean of several lattices is seldom near 0 or 1; so its difference from 1/2 is multiplied."""
_MIDDLE = 1 << 15


@kernel
def _wall_slopes(camera, wall, x, y):  # type: ignore[no-untyped-def]
    """Where the ray through (x, y, 1) of a camera's axes meets the wall, as slopes from the
    origin. camera: float64 (12,), the world as the camera sees it, laid out like a pose."""
    from_x, from_y, from_z = into_object(camera, -camera[0], -camera[1], -camera[2])
    dx, dy, dz = into_object(camera, x, y, 1.0)
    far = (wall - from_z) / dz
    return (from_x + far * dx) / wall, (from_y + far * dy) / wall


@kernel
def _spans(cameras, wall, half_x, half_y):  # type: ignore[no-untyped-def]
    """The least and the greatest slopes that are seen in any of these views, at their corners."""
    left, top, right, bottom = np.inf, np.inf, -np.inf, -np.inf
    for g in range(cameras.shape[0]):
        for corner in range(4):
            x = half_x if corner & 1 else -half_x
            y = half_y if corner & 2 else -half_y
            x, y = _wall_slopes(cameras[g], wall, x, y)
            left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
    return left, top, right, bottom


@kernel
def _lattice(key, index, number, left, top, right, bottom):  # type: ignore[no-untyped-def]
    """The numbers of a texture's lattice around what is seen, and where its first one stands."""
    cells = _CELLS * (1 << number)
    first_row, first_column = np.int64(np.floor(top * cells)), np.int64(np.floor(left * cells))
    rows = np.int64(np.floor(bottom * cells)) + 2 - first_row
    columns = np.int64(np.floor(right * cells)) + 2 - first_column
    found = np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            place = ((first_row + i + _MIDDLE) << 16) | (first_column + j + _MIDDLE)
            found[i, j] = unit(words(key, index, 0, GROUND, place)[number])
    return found, first_row, first_column, cells


@kernel
def _colours(scene, first, other):  # type: ignore[no-untyped-def]
    """The background's two colours on 0..255: three of RGB, or the luma alone."""
    red, green, blue = scene.back_red, scene.back_green, scene.back_blue
    far_red, far_green, far_blue = scene.far_red, scene.far_green, scene.far_blue
    if first.shape[0] == 3:
        first[0], first[1], first[2] = 255.0 * red, 255.0 * green, 255.0 * blue
        other[0], other[1], other[2] = 255.0 * far_red, 255.0 * far_green, 255.0 * far_blue
    else:
        first[0] = 255.0 * (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)
        other[0] = 255.0 * (LUMA[0] * far_red + LUMA[1] * far_green + LUMA[2] * far_blue)


@kernel
def paint_grounds(key, indices, scenes, kind, cameras, wall, height, width, grounds):  # type: ignore[no-untyped-def]
    """Fill ``grounds`` (uint8 (B, G, C, H * W)): the background alone, as G views see it.

    scenes: SCENE (B, O). kind: FLAT, GRADIENT or TEXTURE. cameras: float64 (B, G, 12), the world as
    each view's camera sees it, laid out like a pose. wall: its depth, m.
    """
    channels = grounds.shape[2]
    focal = float(min(height, width))
    half_x, half_y = 0.5 * width / focal, 0.5 * height / focal
    first, other = np.empty(channels), np.empty(channels)
    shares = np.empty(height * width)
    for b in range(grounds.shape[0]):
        scene = scenes[b, 0]
        _colours(scene, first, other)
        if kind == FLAT:
            for c in range(channels):
                grounds[b, :, c] = np.uint8(np.floor(first[c] + 0.5))
            continue
        left, top, right, bottom = _spans(cameras[b], wall, half_x, half_y)
        reach = abs(scene.along_x) * half_x + abs(scene.along_y) * half_y
        for g in range(grounds.shape[1]):
            shares[:] = 0.5
            for number in range(_LATTICES if kind == TEXTURE else 1):
                lattice, row, column, cells = _lattice(
                    key, indices[b], number, left, top, right, bottom
                )
                weight = _CONTRAST * _SHARES[number]
                for i in range(height):
                    y = (i + 0.5) / focal - half_y
                    for j in range(width):
                        x = (j + 0.5) / focal - half_x
                        u, v = _wall_slopes(cameras[b, g], wall, x, y)
                        if kind == TEXTURE:
                            part = between_4(lattice, u * cells - column, v * cells - row) - 0.5
                            shares[i * width + j] += weight * part
                        else:
                            along = scene.along_x * u + scene.along_y * v
                            shares[i * width + j] += 0.5 * along / reach
            for c in range(channels):
                for pixel in range(height * width):
                    share = min(max(shares[pixel], 0.0), 1.0)
                    value = first[c] + share * (other[c] - first[c])
                    grounds[b, g, c, pixel] = np.uint8(np.floor(value + 0.5))
