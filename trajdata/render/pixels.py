"""Draw clips: fill with the background, then cover it with anti-aliased discs and spheres.

Coverage of a pixel is that of a half-plane through the square pixel at the disc's edge: exact for
a straight edge of any direction. The disc's radius is taken as sqrt(r^2 - 1/12), which makes the
covered area exact: a profile blurred by a unit square (variance 1/12 along any direction)
integrates over a disc of radius q to pi (q^2 + 1/12).

Everything on the edge is float32 arithmetic in one fixed order, without branches, so that the
compiler may use vector instructions and the bytes are still the same everywhere.
"""

from __future__ import annotations

import numpy as np

from trajdata.jit import kernel
from trajdata.scene.draw import LUMA
from trajdata.spec import SHAPES

__all__ = ["draw_clips"]

_SPHERE = SHAPES.index("sphere")
_AMBIENT = np.float32(0.35)
_DIFFUSE = np.float32(0.65)
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)
_LEAST = np.float32(1e-3)
_TINY = np.float32(1e-6)


@kernel
def _coverage_row(dx0, dy, radius, cover):  # type: ignore[no-untyped-def]
    """Coverage of the pixels at offsets (dx0 + i, dy) from a disc's centre, float32 0..1."""
    for i in range(cover.shape[0]):
        dx = abs(dx0 + np.float32(i))
        distance = np.sqrt(dx * dx + dy * dy)
        per = _ONE / max(distance, _TINY)
        # The edge's normal (p, q), p >= q, decides how a square pixel is cut.
        p = max(dx, dy) * per
        q = min(dx, dy) * per
        inside = radius - distance
        depth = abs(inside)
        flat = depth / max(p, _HALF)
        gap = max((p + q) * _HALF - depth, _ZERO)
        bent = _HALF - gap * gap / max(_ONE * (p + p) * q, _TINY)
        half = flat if depth + depth <= p - q else bent
        half = min(half, _HALF)
        cover[i] = _HALF + half if inside > _ZERO else _HALF - half


@kernel
def _shade_row(dx0, dy, radius, samples, lx, ly, lz, weight, shade):  # type: ignore[no-untyped-def]
    """Lambert shading of a sphere (J. H. Lambert, Photometria, 1760) plus an ambient share.

    A pixel's shade is the mean over samples x samples points of it, weighted by how far each lies
    inside the outline: next to the limb the shade of a pixel's centre alone is off by too much.
    """
    per_radius = _ONE / radius
    step = _ONE / np.float32(samples)
    sharp = _HALF * radius * np.float32(samples)
    weight[:] = _ZERO
    shade[:] = _ZERO
    for j in range(samples):
        y = (dy + (np.float32(j) + _HALF) * step - _HALF) * per_radius
        for k in range(samples):
            shift = dx0 + (np.float32(k) + _HALF) * step - _HALF
            for i in range(shade.shape[0]):
                x = (shift + np.float32(i)) * per_radius
                below = _ONE - x * x - y * y
                z = np.sqrt(max(below, _ZERO))
                lit = min(max(x * lx + y * ly - z * lz, _ZERO), _ONE)
                share = min(max(below * sharp + _HALF, _LEAST), _ONE)
                weight[i] += share
                shade[i] += share * (_AMBIENT + _DIFFUSE * lit)
    for i in range(shade.shape[0]):
        shade[i] = shade[i] / weight[i]


@kernel
def _blend_row(cover, shade, colour, back, row):  # type: ignore[no-untyped-def]
    """Write round(back + cover (colour shade - back)) for a row of one channel."""
    for i in range(row.shape[0]):
        value = back + cover[i] * (colour * shade[i] - back)
        row[i] = np.uint8(np.int32(value + _HALF))


@kernel
def _colours(scene, colours, backs):  # type: ignore[no-untyped-def]
    """Per channel, on 0..255: three of RGB, or the luma alone."""
    if colours.shape[0] == 3:
        colours[0] = np.float32(255.0 * scene.red)
        colours[1] = np.float32(255.0 * scene.green)
        colours[2] = np.float32(255.0 * scene.blue)
        backs[0] = np.float32(np.floor(255.0 * scene.back_red + 0.5))
        backs[1] = np.float32(np.floor(255.0 * scene.back_green + 0.5))
        backs[2] = np.float32(np.floor(255.0 * scene.back_blue + 0.5))
    else:
        luma = LUMA[0] * scene.back_red + LUMA[1] * scene.back_green + LUMA[2] * scene.back_blue
        colours[0] = np.float32(255.0 * scene.luma)
        backs[0] = np.float32(np.floor(255.0 * luma + 0.5))


@kernel
def draw_clips(scenes, pixels, radii, channels, height, width, target, first, stride):  # type: ignore[no-untyped-def]
    """Draw B clips into ``target``.

    scenes: SCENE (B, O). pixels: float64 (B, O, T, 2). radii: float64 (B, O, T).
    target: uint8 (N,), any memory; clip b's video, (T, C, H, W) in C order, starts at
    ``first + b * stride``: a stride above the video's size leaves what lies between untouched,
    so clips are drawn straight into a shard's records.
    """
    frames = pixels.shape[2]
    plane = height * width
    cover = np.empty(width, np.float32)
    shade = np.empty(width, np.float32)
    weight = np.empty(width, np.float32)
    colours = np.empty(channels, np.float32)
    backs = np.empty(channels, np.float32)
    for b in range(scenes.shape[0]):
        base = first + b * stride
        _colours(scenes[b, 0], colours, backs)
        for k in range(frames):
            for c in range(channels):
                at = base + (k * channels + c) * plane
                target[at : at + plane] = np.uint8(backs[c])
        for item in range(scenes.shape[1]):
            scene = scenes[b, item]
            lx, ly, lz = (
                np.float32(scene.light_x),
                np.float32(scene.light_y),
                np.float32(scene.light_z),
            )
            for k in range(frames):
                x, y, r = pixels[b, item, k, 0], pixels[b, item, k, 1], radii[b, item, k]
                radius = np.float32(np.sqrt(max(r * r - 1.0 / 12.0, 0.0)))
                samples = 3 if r < 2.0 else 2
                reach = r + 0.5
                left = max(int(np.floor(x - reach)), 0)
                right = min(int(np.floor(x + reach)) + 1, width)
                top = max(int(np.floor(y - reach)), 0)
                bottom = min(int(np.floor(y + reach)) + 1, height)
                n = right - left
                dx0 = np.float32(left + 0.5 - x)
                for row in range(top, bottom):
                    dy = np.float32(row + 0.5 - y)
                    _coverage_row(dx0, abs(dy), radius, cover[:n])
                    if scene.shape == _SPHERE:
                        _shade_row(
                            dx0, dy, np.float32(r), samples, lx, ly, lz, weight[:n], shade[:n]
                        )
                    else:
                        shade[:n] = _ONE
                    for c in range(channels):
                        at = base + (k * channels + c) * plane + row * width + left
                        _blend_row(cover, shade, colours[c], backs[c], target[at : at + n])
