"""Pixels: duplicate clips, equal frames, centroids, and anti-aliasing against supersampling."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from trajdata._check.audit.findings import Finding, at_least, at_most
from trajdata._clips.source import ClipSource
from trajdata._render.compositing import clip_renderer
from trajdata._shapes.sphere import AMBIENT, DIFFUSE
from trajdata._spec.model import ClipSpec

__all__ = ["anti_aliasing", "centroids", "duplicates_and_stillness"]

_SUPERSAMPLES = 16
_SEEN = 0.05
"""Pixels. An edge that moves by so much changes a pixel, at the least contrast."""

_CHUNK = 256


def duplicates_and_stillness(spec: ClipSpec, seed: int, clips: int) -> list[Finding]:
    """Count clips that occur twice in train, val and test together (by hashes of 128 bits), and
    consecutive frames that are equal. ``clips`` clips are taken of each split."""
    seen: set[bytes] = set()
    total = still = 0
    for split in ("train", "val", "test"):
        source = ClipSource(spec, seed, split, fields=("video", "pixels"))
        for first in range(0, clips, _CHUNK):
            batch = source.batch(range(first, min(first + _CHUNK, clips)))
            video = batch["video"]
            seen.update(hashlib.blake2b(clip, digest_size=16).digest() for clip in video)
            # A law may halt; what moves must be seen to.
            moves = np.abs(np.diff(batch["pixels"], axis=1)).max(axis=-1) > _SEEN
            same = (video[:, 1:] == video[:, :-1]).all(axis=(2, 3, 4))
            still += int((same & moves).sum())
            total += video.shape[0]
    return [
        at_most(
            "duplicates",
            "clips that occur twice, train, val and test together",
            total - len(seen),
            0,
            "clips",
            total,
        ),
        at_most(
            "motion",
            "consecutive frames that are the same though the object moves",
            still,
            0,
            "frames",
            total,
        ),
    ]


def _flat_discs(source: ClipSource, indices: range) -> NDArray[np.float64]:
    """The coverage of each pixel by the object, float64 (B, T, H, W): the clips' objects are
    rendered as white discs without shading, on black."""
    spec = source.spec
    batch = ClipSource(spec, source.seed, source.split, fields=("pixels", "radius")).batch(indices)
    scenes = source.scenes(indices)
    scenes["shape"] = 0
    scenes["luma"] = 1.0
    for name in ("back_red", "back_green", "back_blue"):
        scenes[name] = 0.0
    frames, _, height, width = spec.video_shape
    target = np.empty(len(indices) * frames * height * width, np.uint8)
    clip_renderer(("disc",))(
        scenes,
        batch["pixels"][:, None].astype(np.float64),
        batch["radius"][:, None].astype(np.float64),
        1,
        height,
        width,
        target,
        0,
        target.size // len(indices),
    )
    return target.reshape(len(indices), frames, height, width) / 255.0


def centroids(source: ClipSource, clips: int) -> list[Finding]:
    """Centroids and areas of the rendered objects, weighted by coverage, against the truth."""
    truth = ClipSource(source.spec, source.seed, source.split, fields=("pixels", "radius"))
    rows = np.arange(source.spec.height) + 0.5
    columns = np.arange(source.spec.width) + 0.5
    worst = worst_area = 0.0
    for first in range(0, clips, _CHUNK):
        indices = range(first, min(first + _CHUNK, clips))
        weight, batch = _flat_discs(source, indices), truth.batch(indices)
        total = weight.sum(axis=(2, 3))
        x = (weight.sum(axis=2) @ columns) / total
        y = (weight.sum(axis=3) @ rows) / total
        found = np.stack([x, y], axis=-1)
        worst = max(worst, float(np.abs(found - batch["pixels"]).max()))
        area = np.pi * batch["radius"].astype(np.float64) ** 2
        worst_area = max(worst_area, float(np.abs(total / area - 1).max()))
    return [
        at_most(
            "truth", "centroid of the rendered object against pixels", worst, 0.05, "px", clips
        ),
        at_most(
            "anti-aliasing",
            "area of the rendered object, relative error",
            100 * worst_area,
            1,
            "%",
            clips,
        ),
    ]


def _supersampled(
    scene: NDArray[np.void],
    shape: str,
    x: float,
    y: float,
    r: float,
    height: int,
    width: int,
    channels: int,
) -> NDArray[np.float64]:
    """One frame, (C, H, W), 0..255, in which each pixel is the mean of 16 x 16 points."""
    n = _SUPERSAMPLES
    dx = ((np.arange(width * n) + 0.5) / n - x)[None] / r
    dy = ((np.arange(height * n) + 0.5) / n - y)[:, None] / r
    below = 1 - dx * dx - dy * dy
    shade = np.ones_like(below)
    if shape == "sphere":
        z = np.sqrt(np.maximum(below, 0))
        lit = dx * scene["light_x"] + dy * scene["light_y"] - z * scene["light_z"]
        shade = AMBIENT + DIFFUSE * np.clip(lit, 0, 1)
    colours, backs = (
        [scene[prefix + name] for name in ("red", "green", "blue")] for prefix in ("", "back_")
    )
    if channels == 1:
        weights = np.array([0.299, 0.587, 0.114])
        colours, backs = [scene["luma"]], [np.array(backs) @ weights]
    planes = [
        np.where(below >= 0, 255 * colour * shade, np.floor(255 * back + 0.5))
        .reshape(height, n, width, n)
        .mean((1, 3))
        for colour, back in zip(colours, backs, strict=True)
    ]
    return np.stack(planes)


def anti_aliasing(source: ClipSource, clips: int) -> list[Finding]:
    """The lowest peak signal-to-noise ratio of a frame against 16 x 16 supersampling."""
    spec = source.spec
    batch = ClipSource(spec, source.seed, source.split, fields=("video", "pixels", "radius")).batch(
        range(clips)
    )
    scenes = source.scenes(range(clips))[:, 0]
    box, whole = [], []
    for b in range(clips):
        for k in (0, spec.frames // 2, spec.frames - 1):
            x, y = (float(value) for value in batch["pixels"][b, k])
            r = float(batch["radius"][b, k])
            truth = _supersampled(
                scenes[b],
                spec.shapes[scenes[b]["shape"]],
                x,
                y,
                r,
                spec.height,
                spec.width,
                spec.channels,
            )
            square = (truth - batch["video"][b, k]) ** 2
            box.append(square[:, int(y - r) : int(y + r) + 1, int(x - r) : int(x + r) + 1].mean())
            whole.append(square.mean())
    return [
        at_least(
            "anti-aliasing",
            "worst frame against supersampling, inside the object's box",
            _decibels(max(box)),
            35,
            "dB",
            len(box),
        ),
        at_least(
            "anti-aliasing",
            "worst frame against supersampling, whole frame",
            _decibels(max(whole)),
            45,
            "dB",
            len(whole),
        ),
    ]


def _decibels(mean_square: float) -> float:
    return float(10 * np.log10(255**2 / max(mean_square, 1e-12)))
