"""How fast scenes of several objects are rendered: python benchmarks/scenes.py

Clips a second of one core, for ``scenes-32`` (8x32) and ``scenes-64`` (16x64) with 3 objects in
every clip, for 16x64 with 10, and for one object (``magvit-32``, ``magvit-64``): the video alone;
with masks, boxes, visibility and poses; with depth and both flows too. Batches of 128 clips into
memory that is used again; every shape, so three of five objects are solids.

Beside them, measured here: a scene as one would write it with OpenCV (discs, spheres as discs and
turned squares, anti-aliased by its own lines, nearest last; no truth, no shading), and Moving MNIST
as its authors' description has it (two digits of 28 x 28 that bounce, 20 frames of 64 x 64, gray,
added; N. Srivastava, E. Mansimov, R. Salakhutdinov, "Unsupervised learning of video
representations using LSTMs", ICML 2015), with random patches in the digits' place. And, not
measured: Kubric, of which an author says "about a second" of a CPU for a frame
(github.com/google-research/kubric, issue 80).

Processor time of this thread, so that a busy machine adds less of its own; medians of alternating
repetitions. Writes scenes.json.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import rich
from measuring import BATCH, alternated, arguments, save
from rich.table import Table

from trajdata import ClipSource, ClipSpec, preset

LEAST_SECONDS = 0.3
SEEN = ("segmentations", "boxes", "amodal_boxes", "visibility", "positions", "quaternions")
DENSE = ("depth_map", "forward_flow", "backward_flow")
FIELDS = {
    "video": (),
    "with masks, boxes, visibility, poses": SEEN,
    "and depth, flows": SEEN + DENSE,
}
CASES = {
    "8x32, 1 object": (preset("magvit-32"), (None, None, None)),
    "8x32, 3 objects": (preset("scenes-32", count=(3, 3)), (30_000, 27_000, 18_000)),
    "16x64, 1 object": (preset("magvit-64"), (None, None, None)),
    "16x64, 3 objects": (preset("scenes-64", count=(3, 3)), (12_000, 10_000, 6_000)),
    "16x64, 10 objects": (preset("scenes-64", count=(10, 10)), (3_500, 3_000, 2_000)),
}
"""Name -> spec, and the clips a second that each row of FIELDS is to have."""

KUBRIC_FRAMES = 1.0
"""Frames a second of a CPU."""
SHIFT = 4
"""Bits of a pixel's fraction in OpenCV's coordinates."""


def rate(step: Callable[[], int]) -> Callable[[], float]:
    """Clips a second of this thread's time, of what makes so many clips."""

    def measure() -> float:
        clips, start = 0, time.thread_time()
        while (spent := time.thread_time() - start) < LEAST_SECONDS:
            clips += step()
        return clips / spent

    return measure


def rendering(spec: ClipSpec, truth: tuple[str, ...]) -> Callable[[], int]:
    source = ClipSource(spec, fields=("video", *truth))
    source.warm()
    out = source.batch(range(BATCH))
    first = 0

    def step() -> int:
        nonlocal first
        source.batch(range(first, first + BATCH), out=out)
        first += BATCH
        return BATCH

    return step


def opencv_scene(spec: ClipSpec) -> Callable[[], int]:
    """Objects that go straight on, by hand."""
    frames, _, height, width = spec.video_shape
    count = spec.objects.count[1]
    rng = np.random.default_rng(0)
    one, focal = 1 << SHIFT, min(height, width)
    times = np.linspace(-1, 1, frames)

    def step() -> int:
        video = np.zeros((frames, height, width, 3), np.uint8)
        depths = np.sort(rng.uniform(4, 5.2, count))[::-1]
        for depth in depths.tolist():
            start, speed = rng.uniform(-1, 1, 2), rng.uniform(-1, 1, 2)
            places = focal * (0.5 + (start + np.outer(times, speed)) / depth) * one
            radius = int(focal * rng.uniform(0.26, 0.4) / depth * one)
            colour, is_square = rng.integers(64, 256, 3).tolist(), rng.random() < 0.6
            angles = rng.uniform(0, 6) + times * rng.uniform(0, 3)
            for frame, (x, y), angle in zip(video, places.tolist(), angles.tolist(), strict=True):
                if is_square:
                    turns = angle + np.arange(4) * (np.pi / 2)
                    corners = np.stack([x + radius * np.cos(turns), y + radius * np.sin(turns)], -1)
                    points = np.rint(corners).astype(np.int32)
                    cv2.fillConvexPoly(frame, points, colour, cv2.LINE_AA, SHIFT)
                else:
                    place = round(x), round(y)
                    cv2.circle(frame, place, radius, colour, cv2.FILLED, cv2.LINE_AA, SHIFT)
        np.ascontiguousarray(video.transpose(0, 3, 1, 2))
        return 1

    return step


def moving_digits(frames: int = 20, size: int = 64, digit: int = 28) -> Callable[[], int]:
    """Two patches that bounce, whole pixels, as Moving MNIST's digits do."""
    rng = np.random.default_rng(0)
    patches = rng.integers(0, 256, (100, digit, digit), np.uint8)
    room = size - digit

    def step() -> int:
        video = np.zeros((frames, size, size), np.uint8)
        for patch in patches[rng.integers(0, len(patches), 2)]:
            angle = rng.uniform(0, 2 * np.pi)
            speed = 0.1 * room * np.array([np.cos(angle), np.sin(angle)])
            way = rng.uniform(0, room, 2) + np.outer(np.arange(frames), speed)
            folded = room - np.abs(way % (2 * room) - room)
            for frame, (y, x) in zip(video, folded.astype(int).tolist(), strict=True):
                part = frame[y : y + digit, x : x + digit]
                np.maximum(part, patch, out=part)
        return 1

    return step


def measured(repetitions: int) -> list[dict[str, Any]]:
    measures = {
        (case, row): rate(rendering(spec, truth))
        for case, (spec, _) in CASES.items()
        for row, truth in FIELDS.items()
    }
    for case, (spec, _) in CASES.items():
        if spec.slots > 1:
            measures[case, "by hand, OpenCV"] = rate(opencv_scene(spec))
    measures["20x64, 2 digits", "as Moving MNIST"] = rate(moving_digits())
    found = alternated(measures, repetitions)
    targets = {
        (case, row): target
        for case, (_, least) in CASES.items()
        for row, target in zip(FIELDS, least, strict=True)
    }
    rows = [
        {"case": case, "row": row, "target": targets.get((case, row)), **value}
        for (case, row), value in found.items()
    ]
    for case, (spec, _) in CASES.items():
        if spec.slots > 1:
            documented = {"case": case, "row": "Kubric, as documented", "target": None, "runs": []}
            rows.append({**documented, "median": KUBRIC_FRAMES / spec.frames})
    return rows


def main() -> None:
    options = arguments(__doc__.splitlines()[0], "scenes").parse_args()
    rows = measured(options.repetitions)
    table = Table("case", "row", "clips/s", "target")
    for row in rows:
        target = f"{row['target']:,}" if row["target"] else ""
        table.add_row(row["case"], row["row"], f"{row['median']:,.2f}", target)
    rich.print(table)
    save(options.out, options.repetitions, rows=rows, time="processor time of one thread")


if __name__ == "__main__":
    main()
