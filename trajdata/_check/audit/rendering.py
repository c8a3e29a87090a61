"""Pixels: duplicate clips, equal frames, centroids, and anti-aliasing against supersampling."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from trajdata._check.audit.findings import Finding, at_least, at_most
from trajdata._clips.source import ClipSource
from trajdata._render.compositing import clip_renderer
from trajdata._render.film import NO_FILM
from trajdata._shapes.registry import find_shape
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
    fields = ("positions", "target")
    batch = ClipSource(spec, source.seed, source.split, fields=fields).batch(indices)
    scenes = source.scenes(indices)[:, :1].copy()
    rows = np.arange(len(indices))[:, None]
    places = batch["positions"][rows, batch["target"][:, None]].astype(np.float64)
    scenes["shape"] = 0
    scenes["luma"] = 1.0
    for name in ("back_red", "back_green", "back_blue"):
        scenes[name] = 0.0
    frames, _, height, width = spec.video_shape
    target = np.empty(len(indices) * frames * height * width, np.uint8)
    clip_renderer(("disc",), several=False)(
        scenes,
        places,
        0,
        np.ones(places.shape[:-1], bool),
        (1, height, width),
        target,
        0,
        target.size // len(indices),
        NO_FILM,
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


def anti_aliasing(source: ClipSource, clips: int) -> list[Finding]:
    """The lowest peak signal-to-noise ratio of a frame against 16 x 16 supersampling."""
    spec = source.spec
    fields = ("video", "amodal_boxes", "present")
    batch = ClipSource(spec, source.seed, source.split, fields=fields).batch(range(clips))
    box, whole = [], []
    for b in range(clips):
        for k in (0, spec.frames // 2, spec.frames - 1):
            square = (source.supersampled(b, k, _SUPERSAMPLES) - batch["video"][b, k]) ** 2
            whole.append(square.mean())
            inside = np.zeros(square.shape[1:], bool)
            for left, top, right, bottom in batch["amodal_boxes"][b, batch["present"][b, :, k], k]:
                inside[int(top) : int(bottom) + 1, int(left) : int(right) + 1] = True
            box.append(square[:, inside].mean())
    return [
        at_least(
            "anti-aliasing",
            "worst frame against supersampling, inside the objects' boxes",
            _decibels(max(box)),
            _least_in_boxes(spec),
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


def _least_in_boxes(spec: ClipSpec) -> int:
    """A pixel in which edges meet is one of few where pictures are small: so the bound is lower for
    solids and overlaps there, which discs and spheres alone do not have."""
    plain = spec.slots == 1 and all(find_shape(name).is_round for name in spec.shapes)
    return 35 if plain or min(spec.height, spec.width) >= 64 else 33


def _decibels(mean_square: float) -> float:
    return float(10 * np.log10(255**2 / max(mean_square, 1e-12)))
