"""Draw clips: fill with the background, then cover it with anti-aliased discs and spheres.

Coverage of a pixel is that of a half-plane through the square pixel at the disc's edge: exact for
a straight edge of any direction. The disc's radius is taken as sqrt(r^2 - 1/12), which makes the
covered area exact: a profile blurred by a unit square (variance 1/12 along any direction)
integrates over a disc of radius q to pi (q^2 + 1/12).

Everything on the edge is float32 arithmetic in one fixed order, without branches, so that the
compiler may use vector instructions and the bytes are still the same everywhere. For that, a box's
pixels stand in one flat list, filled up to whole runs of ``_RUN``: boxes are small, and what is
left over after the last whole vector would cost as much as all that went before.
"""

from __future__ import annotations

import numpy as np

from trajdata.jit import kernel
from trajdata.scene.draw import LUMA
from trajdata.spec import SHAPES

__all__ = ["AMBIENT", "DIFFUSE", "draw_clips"]

_RUN = 16
_SPHERE = SHAPES.index("sphere")
AMBIENT = np.float32(0.35)
DIFFUSE = np.float32(0.65)
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)
_TWELFTH = np.float32(1.0 / 12.0)
_LEAST = np.float32(1e-3)
_TINY = np.float32(1e-6)


@kernel
def _offsets(left, right, top, bottom, x, y, xs, ys):  # type: ignore[no-untyped-def]
    """Offsets of a box's pixel centres from (x, y), row by row; their number once filled up."""
    n = 0
    for row in range(top, bottom):
        dy = np.float32(row + 0.5 - y)
        dx = np.float32(left + 0.5 - x)
        for i in range(right - left):
            xs[n + i] = dx + np.float32(i)
            ys[n + i] = dy
        n += right - left
    whole = (n + _RUN - 1) // _RUN * _RUN
    xs[n:whole] = _ZERO
    ys[n:whole] = _ZERO
    return whole


@kernel
def _coverage(xs, ys, radius, samples, cover):  # type: ignore[no-untyped-def]
    """Coverage, float32 0..1, of the pixels at these offsets from a disc's centre.

    A pixel is taken as samples x samples smaller ones, whose edges are straighter.
    """
    fine = np.float32(samples)
    scaled = fine * radius
    edge = np.sqrt(max(scaled * scaled - _TWELFTH, _ZERO))
    share = _ONE / (fine * fine)
    cover[:] = _ZERO
    for j in range(samples):
        shift_y = np.float32(j) - (fine - _ONE) * _HALF
        for k in range(samples):
            shift_x = np.float32(k) - (fine - _ONE) * _HALF
            for i in range(cover.shape[0]):
                x = abs(fine * xs[i] + shift_x)
                y = abs(fine * ys[i] + shift_y)
                distance = np.sqrt(x * x + y * y)
                per = _ONE / max(distance, _TINY)
                # The edge's normal (p, q), p >= q, decides how a square pixel is cut.
                p = max(x, y) * per
                q = min(x, y) * per
                inside = edge - distance
                depth = abs(inside)
                flat = depth / max(p, _HALF)
                gap = max((p + q) * _HALF - depth, _ZERO)
                bent = _HALF - gap * gap / max((p + p) * q, _TINY)
                half = min(flat if depth + depth <= p - q else bent, _HALF)
                cover[i] += share * (_HALF + half if inside > _ZERO else _HALF - half)


@kernel
def _shading(xs, ys, radius, samples, lx, ly, lz, weight, shade):  # type: ignore[no-untyped-def]
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
        shift_y = (np.float32(j) + _HALF) * step - _HALF
        for k in range(samples):
            shift_x = (np.float32(k) + _HALF) * step - _HALF
            for i in range(shade.shape[0]):
                x = (xs[i] + shift_x) * per_radius
                y = (ys[i] + shift_y) * per_radius
                below = _ONE - x * x - y * y
                z = np.sqrt(max(below, _ZERO))
                lit = min(max(x * lx + y * ly - z * lz, _ZERO), _ONE)
                share = min(max(below * sharp + _HALF, _LEAST), _ONE)
                weight[i] += share
                shade[i] += share * (AMBIENT + DIFFUSE * lit)
    for i in range(shade.shape[0]):
        shade[i] /= weight[i]


@kernel
def _blend(cover, shade, colour, back, values):  # type: ignore[no-untyped-def]
    """One channel of the box's pixels: round(back + cover (colour shade - back))."""
    for i in range(values.shape[0]):
        value = back + cover[i] * (colour * shade[i] - back)
        values[i] = np.uint8(np.int32(value + _HALF))


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
    room = plane + _RUN
    xs = np.empty(room, np.float32)
    ys = np.empty(room, np.float32)
    cover = np.empty(room, np.float32)
    shade = np.empty(room, np.float32)
    weight = np.empty(room, np.float32)
    values = np.empty(room, np.uint8)
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
            lx = np.float32(scene.light_x)
            ly = np.float32(scene.light_y)
            lz = np.float32(scene.light_z)
            for k in range(frames):
                x, y, r = pixels[b, item, k, 0], pixels[b, item, k, 1], radii[b, item, k]
                left = max(int(np.floor(x - r - 0.5)), 0)
                right = min(int(np.floor(x + r + 0.5)) + 1, width)
                top = max(int(np.floor(y - r - 0.5)), 0)
                bottom = min(int(np.floor(y + r + 0.5)) + 1, height)
                n = _offsets(left, right, top, bottom, x, y, xs, ys)
                radius = np.float32(r)
                small = r < 2.0
                _coverage(xs, ys, radius, 2 if small else 1, cover[:n])
                if scene.shape == _SPHERE:
                    fine = 3 if small else 2
                    _shading(xs, ys, radius, fine, lx, ly, lz, weight[:n], shade[:n])
                else:
                    shade[:n] = _ONE
                for c in range(channels):
                    _blend(cover, shade, colours[c], backs[c], values[:n])
                    at = base + (k * channels + c) * plane + top * width + left
                    taken = 0
                    for _ in range(top, bottom):
                        for i in range(right - left):
                            target[at + i] = values[taken + i]
                        taken += right - left
                        at += width
